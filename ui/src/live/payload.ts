/** One value of one tag, as a message carried it. */
export interface Sample {
  name: string;
  value: unknown;
  /** False where the message names the tag without a value, as a connector does for a Bad status. */
  hasValue: boolean;
  sourceTime: string | undefined;
  statusCode: number;
  statusText: string;
}

/** Integers this long lose digits in JavaScript; they are kept as text instead. */
const LONG_INTEGER = /^-?\d{16,}$/;
const MAYBE_LONG = /\d{16,}/;
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function keepLongIntegers(text: string): string {
  if (!MAYBE_LONG.test(text)) return text;
  return text.replace(STRING_OR_NUMBER, (token) =>
    LONG_INTEGER.test(token) ? `"${token}"` : token,
  );
}

/**
 * Reads a telemetry message: `{"Tag": {"SourceTimestamp", "Value", "StatusCode"?}}`.
 * Tolerates the older envelope around it, and members that are bare values.
 */
export function parseTelemetry(bytes: Uint8Array): Sample[] {
  const text = new TextDecoder().decode(bytes);
  const message = parseJson(text);
  if (!isObject(message)) return [];
  const enveloped = typeof message.messageType === "string" && isObject(message.payload);
  const members = enveloped ? (message.payload as Record<string, unknown>) : message;
  return Object.entries(members).map(([name, member]) => sampleOf(name, member));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(keepLongIntegers(text));
  } catch {
    return undefined;
  }
}

function sampleOf(name: string, member: unknown): Sample {
  const bare = { name, sourceTime: undefined, statusCode: 0, statusText: "" };
  const wrapped =
    isObject(member) &&
    ("Value" in member || "StatusCode" in member || "SourceTimestamp" in member);
  if (!wrapped) return { ...bare, value: member, hasValue: true };
  const { code, text } = statusOf(member.StatusCode);
  return {
    name,
    value: member.Value,
    hasValue: "Value" in member && member.Value !== null,
    sourceTime: typeof member.SourceTimestamp === "string" ? member.SourceTimestamp : undefined,
    statusCode: code,
    statusText: text,
  };
}

function statusOf(status: unknown): { code: number; text: string } {
  if (typeof status === "number") return { code: status, text: hex(status) };
  if (!isObject(status)) return { code: 0, text: "" };
  const code = typeof status.Code === "number" ? status.Code : 0;
  return { code, text: typeof status.Symbol === "string" ? status.Symbol : hex(code) };
}

function hex(code: number): string {
  return code === 0 ? "" : `0x${code.toString(16).toUpperCase().padStart(8, "0")}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
