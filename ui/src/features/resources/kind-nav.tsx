import { Link } from "@tanstack/react-router";
import { useKinds } from "@/resource/feeds";
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

export function KindNav() {
  const { data, error } = useKinds();
  return (
    <nav
      aria-label="Kinds"
      className="w-48 shrink-0 overflow-auto border-line border-r px-3 py-4 wide:w-56"
    >
      {!data && (
        <p className="px-2 text-ink-3">{error ? "The API does not answer." : "Loading kinds…"}</p>
      )}
      {groupKinds(data ?? []).map(([title, kinds]) => (
        <div key={title} className="mb-4">
          <h2 className="mb-1 px-2 text-ink-3 text-xs">{title}</h2>
          <ul>
            {kinds.map((kind) => (
              <li key={`${kind.group}/${kind.plural}`}>
                <Link
                  to="/resources/$plural"
                  params={{ plural: kind.plural }}
                  activeOptions={{ includeSearch: false }}
                  className="flex h-7 items-center rounded-md px-2 text-ink-2 hover:bg-hover hover:text-ink"
                  activeProps={{ className: "bg-accent-soft font-medium !text-accent" }}
                >
                  <span className="truncate">{kind.kind}</span>
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}
