import { useKinds } from "@/resource/feeds";
import { KINDS, type Kind } from "@/resource/kinds";

/** The kind behind a plural: what discovery says, or what the page knows by heart until then. */
export function useKind(plural: string): { kind: Kind | undefined; missing: boolean } {
  const { data } = useKinds();
  const known: Kind | undefined = Object.values(KINDS).find((kind) => kind.plural === plural);
  const kind = data ? data.find((entry) => entry.plural === plural) : known;
  return { kind, missing: data !== undefined && !kind };
}
