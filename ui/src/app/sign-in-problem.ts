import { ApiError } from "@/resource/api";

/** What is told of a sign-in that failed: what is wrong, and what to do. */
export interface SignInProblem {
  title: string;
  remedy: string;
  /** What to type for that. */
  command?: string;
  /** True if it is about what was typed. */
  wrong?: boolean;
  /** When the next try makes sense, in milliseconds since 1970. */
  waitUntil?: number;
}

export function problemOf(error: unknown, now: number, host: string): SignInProblem {
  const code = error instanceof ApiError ? error.code : 0;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ApiError && code === 429) {
    return {
      title: "Too many tries",
      remedy: "To keep out guessers, the next try has to wait.",
      waitUntil: now + (error.retryAfter ?? 1) * 1000,
    };
  }
  if (code === 401 && message.includes("wrong")) {
    return {
      wrong: true,
      title: "The user name or the password is wrong",
      remedy:
        "Mind upper and lower case. If the password is lost, an administrator sets a new one:",
      command: "wireway user password NAME",
    };
  }
  if (code === 0) {
    return {
      title: `No answer from ${host}`,
      remedy: "See that it runs there, and try again:",
      command: "wireway up",
    };
  }
  return { title: "The sign-in was refused", remedy: message };
}
