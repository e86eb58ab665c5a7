import { groupTitle, type Kind } from "@/resource/kinds";

/** Our groups in the order of the data's way, then what a newer server brings, core last. */
const GROUPS = ["Device registry", "MQTT broker", "Connectivity"];

export function groupKinds(kinds: readonly Kind[]): [string, Kind[]][] {
  const groups = new Map<string, Kind[]>();
  for (const kind of kinds) {
    const title = groupTitle(kind.group);
    groups.set(title, [...(groups.get(title) ?? []), kind]);
  }
  const rank = (title: string) => {
    if (title === "Core") return GROUPS.length + 1;
    const at = GROUPS.indexOf(title);
    return at < 0 ? GROUPS.length : at;
  };
  const sorted = [...groups].sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return sorted.map(([title, list]) => [
    title,
    list.toSorted((a, b) => (a.kind < b.kind ? -1 : 1)),
  ]);
}
