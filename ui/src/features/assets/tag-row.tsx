import { clsx } from "clsx";
import { memo } from "react";
import { Age } from "@/components/age";
import { Cell, Row, type RowPlace } from "@/components/data-table";
import { formatInstant, formatRate, formatSourceTime, formatValue } from "@/components/format";
import { QualityBadge } from "@/components/quality-badge";
import { Sparkline } from "@/components/sparkline";
import { useNow } from "@/live/clock";
import { useTag } from "@/live/hooks";
import { qualityOf } from "@/live/quality";
import type { Ring } from "@/live/ring";
import type { TagSnapshot } from "@/live/tags";
import type { TagEntry } from "./tag-list";

const RATE_WINDOW_MS = 10_000;
const RATE_WINDOW_MS_MIN = 3_000;
const SPARK_SPAN_MS = 60_000;

const NOT_SEEN =
  "No value has arrived since this page was opened. A tag that does not change is sent only with a key frame.";

interface TagRowProps extends RowPlace {
  entry: TagEntry;
  stale: string | undefined;
  selected: boolean;
  onSelect: (name: string) => void;
}

/** One tag. It renders when its own value changes, not when another one does. */
export const TagRow = memo(function TagRow(props: TagRowProps) {
  const { entry, stale, selected, onSelect, ...place } = props;
  const tag = useTag(entry.topic, entry.name);
  const quality = qualityOf(tag, stale);
  const detail = tag ? (stale ?? tag.statusText) : NOT_SEEN;
  return (
    <Row place={place} testId="tag-row" name={entry.name} selected={selected}>
      <Cell>
        <button
          type="button"
          onClick={() => onSelect(entry.name)}
          aria-expanded={selected}
          title={entry.source ? `${entry.name}, ${entry.source}` : entry.name}
          className="block w-full truncate text-left font-medium after:absolute after:inset-0 after:cursor-pointer"
        >
          {entry.name}
        </button>
      </Cell>
      <Value tag={tag} dim={quality === "stale"} />
      <Cell>
        <QualityBadge quality={quality} detail={detail} />
      </Cell>
      <Cell>
        {tag && (
          <Sparkline
            ring={tag.history}
            revision={tag}
            width={124}
            height={24}
            spanMs={SPARK_SPAN_MS}
            className={stale ? "!text-ink-3" : undefined}
          />
        )}
      </Cell>
      <Cell right className="text-ink-2">
        {tag ? <UpdateRate history={tag.history} /> : "–"}
      </Cell>
      <Cell
        right
        title={tag?.sourceTime && formatInstant(tag.sourceTime)}
        className="hidden text-ink-2 wide:block"
      >
        {tag?.sourceTime ? formatSourceTime(tag.sourceTime) : "–"}
      </Cell>
      <Cell right className="text-ink-2">
        <Age time={tag ? (tag.sourceTime ?? tag.arrivedAt) : undefined} />
      </Cell>
    </Row>
  );
});

function Value({ tag, dim }: { tag: TagSnapshot | undefined; dim: boolean }) {
  const text = tag?.hasValue ? formatValue(tag.value, tag.decimals) : "–";
  const plain = typeof tag?.value === "object" ? "font-mono text-xs" : "font-medium text-base";
  return (
    <Cell
      right
      testId="tag-value"
      title={tag?.hasValue ? formatFull(tag.value) : tag?.statusText || undefined}
      className={clsx(plain, (dim || !tag?.hasValue) && "text-ink-3")}
    >
      {text}
    </Cell>
  );
}

function formatFull(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}

function UpdateRate({ history }: { history: Ring }) {
  const now = useNow();
  return <>{formatRate(updatesPerSecond(history, now))}</>;
}

/** Arrivals over the last ten seconds, or over the shorter time since the first one. */
export function updatesPerSecond(history: Ring, now: number): number {
  if (history.size === 0) return 0;
  // The page's clock ticks once a second, so the newest arrival may be a little ahead of it.
  const end = Math.max(now, history.timeAt(history.size - 1));
  const known = Math.max(RATE_WINDOW_MS_MIN, end - history.timeAt(0));
  const span = Math.min(RATE_WINDOW_MS, known);
  return (history.countSince(end - span) * 1000) / span;
}
