import { ApiError, getJson, type ResourceList, request } from "./api";
import { backoffMs, sleep } from "./backoff";
import { DEFAULT_NAMESPACE, type Kind, kindPath } from "./kinds";
import { ndjson } from "./ndjson";
import { redact } from "./redact";
import type { Slots } from "./slots";
import { keyOf, type Resource } from "./types";

/** What is known of a kind right now. `items` stay shown, with the error beside, when the API goes away. */
export interface FeedState {
  loaded: boolean;
  items: Resource[];
  error: ApiError | undefined;
  nextRetryAt: number | undefined;
}

export const EMPTY_FEED: FeedState = {
  loaded: false,
  items: [],
  error: undefined,
  nextRetryAt: undefined,
};

interface WatchEvent {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  object: Resource & { code?: number; message?: string };
}

const PUBLISH_DELAY_MS = 50;
const GONE = 410;
/** A watch that ends sooner than this is not asked for again at once. */
const WATCH_MS_MIN = 400;
/** Rights change seldom: who may not see a kind asks this often whether he may by now. */
const FORBIDDEN_RETRY_MS = 60_000;
const UNAUTHORIZED = 401;

/**
 * Lists a kind, then follows it by watch; lists again on 410, and after a fault with back-off. Who may not
 * see all namespaces sees the default one.
 */
export class Feed {
  private readonly items = new Map<string, Resource>();
  private resourceVersion = "";
  private path: string;
  private loaded = false;
  private error: ApiError | undefined;
  private nextRetryAt: number | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly kind: Kind,
    private readonly slots: Slots,
    private readonly publish: (state: FeedState) => void,
  ) {
    this.path = kindPath(kind);
  }

  async run(signal: AbortSignal): Promise<void> {
    let attempt = 0;
    while (!signal.aborted) {
      try {
        if (!this.resourceVersion) await this.list(signal);
        attempt = 0;
        this.settle(undefined, undefined);
        const startedAt = performance.now();
        await this.slots.use(signal, (turn) => this.watch(turn));
        if (performance.now() - startedAt < WATCH_MS_MIN) await sleep(WATCH_MS_MIN, signal);
      } catch (error) {
        if (signal.aborted) break;
        attempt += 1;
        const problem = asApiError(error);
        const wait = problem.forbidden ? FORBIDDEN_RETRY_MS : backoffMs(attempt);
        // An answer, as against silence, may be about the version itself (too old, or of another
        // data folder): the next try begins with a list.
        if (problem.code !== 0 && problem.code !== UNAUTHORIZED) this.resourceVersion = "";
        if (problem.forbidden) this.forget();
        // The sign-in stands in front of the page by now; what is on it stays as it is.
        const quiet = problem.code === GONE || problem.code === UNAUTHORIZED;
        if (!quiet) this.settle(problem, Date.now() + wait);
        await sleep(wait, signal);
      }
    }
  }

  private async list(signal: AbortSignal): Promise<void> {
    const list = await this.listWhereAllowed(signal);
    this.items.clear();
    for (const item of list.items ?? []) this.put(item);
    this.resourceVersion = list.metadata?.resourceVersion ?? "0";
    this.loaded = true;
    this.publishNow();
  }

  private async listWhereAllowed(signal: AbortSignal): Promise<ResourceList> {
    this.path = kindPath(this.kind);
    try {
      return await getJson<ResourceList>(this.path, signal);
    } catch (error) {
      if (!this.kind.namespaced || !(error instanceof ApiError && error.forbidden)) throw error;
    }
    this.path = kindPath(this.kind, DEFAULT_NAMESPACE);
    return getJson<ResourceList>(this.path, signal);
  }

  /** What one may no longer see goes from the screen. */
  private forget(): void {
    this.items.clear();
    this.loaded = false;
  }

  private async watch(signal: AbortSignal): Promise<void> {
    const query = new URLSearchParams({
      watch: "1",
      resourceVersion: this.resourceVersion,
      allowWatchBookmarks: "true",
      timeoutSeconds: String(this.slots.watchSeconds),
    });
    try {
      const response = await request(`${this.path}?${query}`, signal);
      if (!response.body) throw new ApiError(0, "The watch has no body");
      for await (const event of ndjson<WatchEvent>(response.body)) this.apply(event);
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof ApiError ? error : new ApiError(0, "The watch was cut off");
    }
  }

  private apply(event: WatchEvent): void {
    const { type, object } = event;
    if (type === "ERROR") throw new ApiError(object.code ?? 500, object.message ?? "Watch failed");
    this.resourceVersion = object.metadata.resourceVersion ?? this.resourceVersion;
    if (type === "BOOKMARK") return;
    if (type === "DELETED") this.items.delete(keyOf(object));
    else this.put(object);
    this.timer ??= setTimeout(() => this.publishNow(), PUBLISH_DELAY_MS);
  }

  /** Items of a list carry neither apiVersion nor kind; the page wants both. */
  private put(item: Resource): void {
    const { group, version, kind } = this.kind;
    const apiVersion = group === "" ? version : `${group}/${version}`;
    this.items.set(keyOf(item), redact({ ...item, apiVersion, kind }));
  }

  private settle(error: ApiError | undefined, nextRetryAt: number | undefined): void {
    const same = this.error === error && this.nextRetryAt === nextRetryAt;
    this.error = error;
    this.nextRetryAt = nextRetryAt;
    if (!same) this.publishNow();
  }

  private publishNow(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const items = [...this.items.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    this.publish({ loaded: this.loaded, items, error: this.error, nextRetryAt: this.nextRetryAt });
  }
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(0, error instanceof Error ? error.message : String(error));
}
