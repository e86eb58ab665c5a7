/** Numbers and times as people read them. Pure; every width on the page is chosen for what these return. */

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** A rate: one decimal below 100, whole numbers above, `k` and `M` from 10,000 on. */
export function formatRate(rate: number): string {
  if (rate >= 9_999_500) return `${(rate / 1e6).toFixed(1)}M`;
  if (rate >= 9_999.5) return `${(rate / 1e3).toFixed(1)}k`;
  if (rate >= 99.95) return grouped.format(rate);
  return rate.toFixed(1);
}

export function formatBytes(bytes: number): string {
  if (bytes >= 999_950) return `${(bytes / 1e6).toFixed(1)} MB`;
  if (bytes >= 999.5) return `${(bytes / 1e3).toFixed(1)} kB`;
  return `${Math.round(bytes)} B`;
}

export function formatCount(count: number): string {
  return grouped.format(count);
}

/** `4 s`, `12 min`, `3 h`, `5 d`: one unit, rounded down, never negative. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Local date and time with milliseconds and zone: what a hover shows. */
export function formatInstant(time: number | string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time);
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day} ${formatClock(date)}.${pad(date.getMilliseconds(), 3)} ${zone(date)}`;
}

/** `14:03:07` in local time. */
export function formatClock(date: Date): string {
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/** A source time in a table: the clock with milliseconds, the day only on hover. */
export function formatSourceTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  return `${formatClock(date)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function zone(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const sign = minutes < 0 ? "-" : "+";
  const pad = (value: number) => String(value).padStart(2, "0");
  const abs = Math.abs(minutes);
  return `UTC${sign}${pad(Math.floor(abs / 60))}:${pad(abs % 60)}`;
}

/** A tag's value on one line; `decimals` is the tag's own and does not change from value to value. */
export function formatValue(value: unknown, decimals: number): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "number") return formatNumber(value, decimals);
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "true" : "false";
  return JSON.stringify(value);
}

function formatNumber(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return String(value);
  const abs = Math.abs(value);
  if (abs !== 0 && (abs >= 1e12 || abs < 10 ** -(decimals + 1))) return value.toExponential(3);
  return value.toLocaleString("en-US", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
}
