import { backoffMs } from "@/resource/backoff";

export type LinkPhase = "idle" | "connecting" | "connected" | "waiting";

export interface LinkState {
  phase: LinkPhase;
  url: string | undefined;
  /** Why the last connection ended or failed; empty while connected. */
  reason: string;
  nextRetryAt: number | undefined;
  /** When the present phase of being up or down began. */
  since: number;
}

export type MessageListener = (topic: string, payload: Uint8Array) => void;

/** One open connection, as the MQTT library gives it to us and as tests fake it. */
export interface Wire {
  subscribe(filters: string[]): void;
  unsubscribe(filters: string[]): void;
  end(): void;
}

export interface WireEvents {
  onOpen(): void;
  onMessage: MessageListener;
  onClose(reason: string): void;
}

export type OpenWire = (url: string, events: WireEvents) => Promise<Wire>;

/** The page's connection to the broker: counts subscriptions, comes back after a fault, says what is wrong. */
export class Connection {
  private state: LinkState = {
    phase: "idle",
    url: undefined,
    reason: "",
    nextRetryAt: undefined,
    since: Date.now(),
  };
  private readonly watchers = new Set<() => void>();
  private readonly filters = new Map<string, Set<MessageListener>>();
  private wire: Wire | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private epoch = 0;

  constructor(private readonly open: OpenWire) {}

  readonly snapshot = (): LinkState => this.state;

  readonly watch = (listener: () => void): (() => void) => {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  };

  setUrl(url: string | undefined): void {
    if (url === this.state.url) return;
    this.drop();
    this.attempt = 0;
    this.set({ url, phase: "idle", reason: "", nextRetryAt: undefined });
    if (url) void this.connect();
  }

  retryNow(): void {
    if (this.state.phase === "waiting") void this.connect();
  }

  /** Filters without wildcards, or `$wireway/metrics/+/+`: matched by the listener's own filter. */
  subscribe(filter: string, listener: MessageListener): () => void {
    let listeners = this.filters.get(filter);
    if (!listeners) {
      listeners = new Set();
      this.filters.set(filter, listeners);
      if (this.state.phase === "connected") this.wire?.subscribe([filter]);
    }
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.filters.get(filter) !== listeners) return;
      this.filters.delete(filter);
      if (this.state.phase === "connected") this.wire?.unsubscribe([filter]);
    };
  }

  private async connect(): Promise<void> {
    const { url } = this.state;
    if (!url) return;
    clearTimeout(this.timer);
    this.epoch += 1;
    const epoch = this.epoch;
    const current = (act: () => void) => {
      if (epoch === this.epoch) act();
    };
    this.set({ phase: "connecting", nextRetryAt: undefined });
    try {
      const wire = await this.open(url, {
        onOpen: () => current(() => this.opened()),
        onMessage: (topic, payload) => current(() => this.dispatch(topic, payload)),
        onClose: (reason) => current(() => this.closed(reason)),
      });
      if (epoch === this.epoch) this.wire = wire;
      else wire.end();
      if (this.state.phase === "connected") this.resubscribe();
    } catch (error) {
      if (epoch === this.epoch) this.closed(error instanceof Error ? error.message : String(error));
    }
  }

  private opened(): void {
    this.attempt = 0;
    this.set({ phase: "connected", reason: "", nextRetryAt: undefined, since: Date.now() });
    this.resubscribe();
  }

  private resubscribe(): void {
    if (this.filters.size > 0) this.wire?.subscribe([...this.filters.keys()]);
  }

  private closed(reason: string): void {
    const wasUp = this.state.phase === "connected" || this.attempt === 0;
    this.drop();
    this.attempt += 1;
    const wait = backoffMs(this.attempt);
    const since = wasUp ? Date.now() : this.state.since;
    this.set({ phase: "waiting", reason, nextRetryAt: Date.now() + wait, since });
    this.timer = setTimeout(() => void this.connect(), wait);
  }

  private drop(): void {
    this.epoch += 1;
    clearTimeout(this.timer);
    this.wire?.end();
    this.wire = undefined;
  }

  private dispatch(topic: string, payload: Uint8Array): void {
    for (const [filter, listeners] of this.filters) {
      if (matches(filter, topic)) for (const listener of listeners) listener(topic, payload);
    }
  }

  private set(change: Partial<LinkState>): void {
    this.state = { ...this.state, ...change };
    for (const watcher of this.watchers) watcher();
  }
}

/** MQTT topic matching (MQTT 5, 4.7) for the filters that the page itself subscribes to. */
export function matches(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  if (!filter.includes("+") && !filter.includes("#")) return false;
  const wanted = filter.split("/");
  const levels = topic.split("/");
  if (topic.startsWith("$") && wanted[0] !== levels[0]) return false;
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return true;
    if (level !== "+" && level !== levels[i]) return false;
    if (levels[i] === undefined) return false;
  }
  return wanted.length === levels.length;
}
