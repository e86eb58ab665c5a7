import type { Tag } from "@/resource/asset";
import { matchesText } from "./asset-row";

/** A row of the tag table: a configured tag, or one that a message carried though no tag names it. */
export interface TagEntry extends Tag {
  configured: boolean;
}

/** Configured tags in their order, then what else arrived. */
export function tagEntries(
  tags: readonly Tag[],
  arrived: readonly string[],
  topic: string,
): TagEntry[] {
  const known = new Set(tags.map((tag) => tag.name));
  const extra = arrived
    .filter((name) => !known.has(name))
    .map((name) => ({ name, dataset: "", source: "", topic, samplingMs: undefined }));
  return [
    ...tags.map((tag) => ({ ...tag, configured: true })),
    ...extra.map((tag) => ({ ...tag, configured: false })),
  ];
}

export function filterTags(entries: readonly TagEntry[], query: string): TagEntry[] {
  return entries.filter((entry) => matchesText([entry.name, entry.source, entry.dataset], query));
}
