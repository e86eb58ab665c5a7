import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import { formatBytes, formatRate } from "@/components/format";
import { Sparkline } from "@/components/sparkline";
import { useNow } from "@/live/clock";
import { useLive } from "@/live/live";
import type { TotalName } from "@/live/metrics";
import { countStates, type StateCount } from "@/resource/status";
import type { Asset, Dataflow } from "@/resource/types";
import { FreshnessTile } from "./freshness";
import { Tile } from "./tile";

interface TilesProps {
  /** Undefined until they are known: not knowing is not the same as having none. */
  assets: readonly Asset[] | undefined;
  dataflows: readonly Dataflow[] | undefined;
}

export function Tiles({ assets, dataflows }: TilesProps) {
  const { metrics } = useLive();
  const now = useNow();
  const totals = metrics.totals(now);
  const bytes = (value: number | undefined) =>
    value === undefined ? undefined : `${formatBytes(value)}/s`;
  return (
    <div className="grid grid-cols-3 gap-3 px-6 min-[1320px]:grid-cols-[repeat(4,1fr)_1.35fr_1fr]">
      <RateTile title="Values in" total="values" rate={totals.values} unit="val/s" />
      <RateTile
        title="Broker in"
        total="messagesIn"
        rate={totals.messagesIn}
        unit="msg/s"
        note={bytes(totals.bytesIn)}
      />
      <RateTile
        title="Broker out"
        total="messagesOut"
        rate={totals.messagesOut}
        unit="msg/s"
        note={bytes(totals.bytesOut)}
      />
      <RateTile title="Dropped" total="dropped" rate={totals.dropped} unit="msg/s" alarm />
      <Tile title="Running">
        <States name="Assets" to="/assets" count={assets && countStates(assets)} />
        <States
          name="Dataflows"
          to="/resources/dataflows"
          count={dataflows && countStates(dataflows)}
        />
      </Tile>
      <FreshnessTile assets={assets} />
    </div>
  );
}

interface RateTileProps {
  title: string;
  total: TotalName;
  rate: number | undefined;
  unit: string;
  note?: string | undefined;
  alarm?: boolean;
}

const SPAN_MS_MIN = 30_000;
const SPAN_MS_MAX = 900_000;

function RateTile({ title, total, rate, unit, note, alarm = false }: RateTileProps) {
  const ring = useLive().metrics.history[total];
  const now = useNow();
  const spanMs = Math.min(SPAN_MS_MAX, Math.max(SPAN_MS_MIN, now - (ring.timeAt(0) || now)));
  const alarmed = alarm && rate !== undefined && rate > 0;
  return (
    <Tile title={title} note={note}>
      <p className="mt-0.5 flex items-baseline gap-1.5">
        <span
          className={clsx(
            "font-semibold text-2xl tabular-nums tracking-tight",
            rate === undefined ? "text-ink-3" : alarmed ? "text-bad" : "text-ink",
          )}
        >
          {rate === undefined ? "–" : formatRate(rate)}
        </span>
        <span className="text-ink-3 text-xs">{rate === undefined ? "no metrics" : unit}</span>
      </p>
      <div className="absolute inset-x-0 bottom-0 flex justify-center" title="The last 15 minutes">
        <Sparkline ring={ring} revision={now} height={34} spanMs={spanMs} area fromZero />
      </div>
    </Tile>
  );
}

interface StatesProps {
  name: string;
  to: string;
  count: StateCount | undefined;
}

function States({ name, to, count }: StatesProps) {
  return (
    <p className="mt-1.5 flex items-baseline gap-1.5">
      <Link to={to} className="w-16 text-ink-2 hover:text-accent">
        {name}
      </Link>
      {count ? <Count count={count} /> : <span className="text-ink-3">–</span>}
    </p>
  );
}

function Count({ count }: { count: StateCount }) {
  const rest = [
    [count.notReady, "not ready", "text-bad"],
    [count.pending, "pending", "text-warn"],
    [count.disabled, "disabled", "text-ink-3"],
  ] as const;
  const [worst] = rest.filter(([number]) => number > 0);
  return (
    <>
      <span className="font-semibold tabular-nums">
        {count.ready}
        <span className="font-normal text-ink-3">/{count.total}</span>
      </span>
      {worst ? (
        <span className={clsx("truncate font-medium text-xs", worst[2])}>
          {worst[0]} {worst[1]}
        </span>
      ) : (
        count.total > 0 && <span className="text-good text-xs">ready</span>
      )}
    </>
  );
}
