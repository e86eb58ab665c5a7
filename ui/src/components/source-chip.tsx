import { FolderOpen, GitBranch } from "lucide-react";
import { type Source, sourceLabel, sourceSentence } from "@/resource/source";
import { Tooltip } from "./tooltip";

/** Who owns a resource, for who is about to change it by hand. */
export function SourceChip({ source, compact = false }: { source: Source; compact?: boolean }) {
  const Icon = source.from === "git" ? GitBranch : FolderOpen;
  if (compact)
    return (
      <Icon
        role="img"
        aria-label={`Managed by ${sourceLabel(source)}`}
        data-testid="source-mark"
        className="inline size-3.5 shrink-0 text-ink-3"
      />
    );
  return (
    <Tooltip content={sourceSentence(source)} side="bottom">
      <button
        type="button"
        data-testid="source-chip"
        className="inline-flex h-5 min-w-0 max-w-full cursor-default items-center gap-1 rounded-md bg-accent-soft px-1.5 align-middle font-medium text-accent text-xs"
      >
        <Icon aria-hidden className="size-3.5 shrink-0" />
        <span className="truncate">managed by {sourceLabel(source)}</span>
      </button>
    </Tooltip>
  );
}
