import type { Resource } from "./types";

/** Who owns a resource: the folder of --resources, or a GitRepository, and the file in it. */
export type Source =
  | { from: "folder"; file: string }
  | { from: "git"; namespace: string; name: string; file: string };

const ANNOTATION = "wireway.io/source";
const MARK = /^git:([^/:]+)\/([^:]+):(.*)$/;

/** Of the mark, where the source has really applied the resource: a copy of a marked one belongs to nobody. */
export function sourceOf(resource: Resource): Source | undefined {
  const mark = resource.metadata.annotations?.[ANNOTATION];
  if (!mark) return undefined;
  const source = parse(mark);
  if (!source) return undefined;
  const manager = source.from === "folder" ? "folder" : `git:${source.name}`;
  const entries = resource.metadata.managedFields as ManagedFields[] | undefined;
  if (entries && !entries.some((each) => each.manager === manager && each.operation === "Apply"))
    return undefined;
  return source;
}

interface ManagedFields {
  manager?: string;
  operation?: string;
}

function parse(mark: string): Source | undefined {
  if (mark.startsWith("folder:")) return { from: "folder", file: mark.slice("folder:".length) };
  const [, namespace, name, file] = MARK.exec(mark) ?? [];
  if (!namespace || !name || file === undefined) return undefined;
  return { from: "git", namespace, name, file };
}

/** "git: plant/config · line1/oven.yaml" */
export function sourceLabel(source: Source): string {
  return source.from === "folder"
    ? `folder: ${source.file}`
    : `git: ${source.namespace}/${source.name} · ${source.file}`;
}

/** What that means for who wants to change it. */
export function sourceSentence(source: Source): string {
  return source.from === "folder"
    ? `Managed by the folder of manifests, file ${source.file}. Change it there: what is changed by hand is put back.`
    : `Managed by the Git repository ${source.namespace}/${source.name}, file ${source.file}. Change it there: ` +
        "what is changed by hand is put back, or listed as drift if the GitRepository only reports it.";
}
