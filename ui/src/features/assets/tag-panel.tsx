import { X } from "lucide-react";
import { lazy, type ReactNode, Suspense } from "react";
import { Age } from "@/components/age";
import { formatInstant, formatValue } from "@/components/format";
import { QualityBadge } from "@/components/quality-badge";
import { useTag } from "@/live/hooks";
import { qualityOf } from "@/live/quality";
import type { Ring } from "@/live/ring";
import type { TagEntry } from "./tag-list";

const Trend = lazy(() => import("@/components/trend").then(({ Trend }) => ({ default: Trend })));

interface TagPanelProps {
  entry: TagEntry;
  stale: string | undefined;
  onClose: () => void;
}

/** All that is known of the selected tag: trend, exact value, times, where it comes from and goes. */
export function TagPanel({ entry, stale, onClose }: TagPanelProps) {
  const tag = useTag(entry.topic, entry.name);
  const quality = qualityOf(tag, stale);
  const range = tag && rangeOf(tag.history);
  return (
    <section
      aria-label={`Tag ${entry.name}`}
      className="shrink-0 rounded-lg border border-line bg-surface shadow-card"
    >
      <div className="flex h-11 items-center gap-3 border-line border-b px-4">
        <h2 className="truncate font-semibold">{entry.name}</h2>
        <QualityBadge quality={quality} />
        <span className="truncate text-ink-3 text-xs">{stale ?? tag?.statusText}</span>
        <button
          type="button"
          onClick={onClose}
          aria-label="Close"
          className="ml-auto rounded-md p-1 text-ink-3 hover:bg-hover hover:text-ink"
        >
          <X aria-hidden className="size-4" />
        </button>
      </div>
      <div className="grid grid-cols-[minmax(0,1fr)_280px] gap-4 px-4 py-3">
        <div className="h-[168px]">
          {tag && range ? (
            <Suspense fallback={null}>
              <Trend
                ring={tag.history}
                revision={tag}
                label={`Trend of ${entry.name}`}
                height={168}
                stepped={typeof tag.value === "boolean"}
              />
            </Suspense>
          ) : (
            <StructView value={tag?.hasValue ? tag.value : undefined} />
          )}
        </div>
        <dl className="grid h-fit grid-cols-[96px_minmax(0,1fr)] gap-y-1 text-xs">
          <Field name="Value">
            {tag?.hasValue && typeof tag.value !== "object" ? String(tag.value) : "–"}
          </Field>
          <Field name="Range shown">
            {range && tag
              ? `${formatValue(range.low, tag.decimals)} to ${formatValue(range.high, tag.decimals)}`
              : "–"}
          </Field>
          <Field name="Source time">{tag?.sourceTime ? formatInstant(tag.sourceTime) : "–"}</Field>
          <Field name="Arrived">{tag ? <Age time={tag.arrivedAt} suffix=" ago" /> : "never"}</Field>
          <Field name="Sampling">
            {entry.samplingMs === undefined ? "default" : `${entry.samplingMs} ms`}
          </Field>
          <Field name="Node">{entry.source || "not configured"}</Field>
          <Field name="Topic">{entry.topic}</Field>
        </dl>
      </div>
    </section>
  );
}

function Field({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-ink-3">{name}</dt>
      <dd className="break-all tabular-nums">{children}</dd>
    </>
  );
}

function StructView({ value }: { value: unknown }) {
  if (value === undefined) return <p className="text-ink-3">No value yet.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
    <pre tabIndex={0} className="h-full overflow-auto rounded-md bg-sunken p-3 font-mono text-xs">
      {typeof value === "object" ? JSON.stringify(value, null, 2) : String(value)}
    </pre>
  );
}

/** Undefined where the history holds no number at all: then there is nothing to draw. */
export function rangeOf(history: Ring): { low: number; high: number } | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < history.size; i += 1) {
    const value = history.valueAt(i);
    if (Number.isNaN(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? { low, high } : undefined;
}
