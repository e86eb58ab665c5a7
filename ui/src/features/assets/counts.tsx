import { clsx } from "clsx";
import { QUALITY_LABELS, type Quality } from "@/live/quality";
import type { QualityCounts } from "./asset-row";

const ORDER: readonly Quality[] = ["good", "uncertain", "bad", "stale", "none"];

const BARS: Record<Quality, string> = {
  good: "bg-good",
  uncertain: "bg-warn",
  bad: "bg-bad",
  stale: "bg-ink-3",
  none: "bg-line-strong",
};

/** How many tags have which quality: a bar of shares, and the numbers in words below it. */
export function Counts({ counts, stale }: { counts: QualityCounts; stale: string | undefined }) {
  const shown = ORDER.filter((quality) => counts[quality] > 0);
  const total = shown.reduce((sum, quality) => sum + counts[quality], 0);
  if (total === 0) return <span className="text-ink-3">No tags</span>;
  return (
    <div title={stale ? `Stale: ${stale}` : undefined}>
      <div aria-hidden className="flex h-1 gap-px overflow-hidden rounded-full">
        {shown.map((quality) => (
          <span
            key={quality}
            className={BARS[quality]}
            style={{ width: `${(100 * counts[quality]) / total}%` }}
          />
        ))}
      </div>
      <p className="mt-1 truncate text-xs">
        {shown.map((quality, i) => (
          <span key={quality}>
            {i > 0 && <span className="text-ink-3"> · </span>}
            <span className={clsx("tabular-nums", quality === "good" ? "text-ink-2" : "text-ink")}>
              {counts[quality]} {QUALITY_LABELS[quality].toLowerCase()}
            </span>
          </span>
        ))}
      </p>
    </div>
  );
}
