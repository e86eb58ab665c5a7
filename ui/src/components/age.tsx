import { useNow } from "@/live/clock";
import { formatAge, formatInstant } from "./format";

/** How long ago, ticking once a second; the instant itself on hover. */
export function Age({ time, suffix = "" }: { time: number | string | undefined; suffix?: string }) {
  const now = useNow();
  if (time === undefined || time === "") return <span className="text-ink-3">–</span>;
  const at = typeof time === "number" ? time : Date.parse(time);
  if (Number.isNaN(at)) return <span>{time}</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={formatInstant(at)} className="tabular-nums">
      {formatAge(now - at)}
      {suffix}
    </time>
  );
}
