import type { Connection } from "./connection";
import { parseTelemetry } from "./payload";
import { TopicTags } from "./tags";

const FLUSH_MS = 200;
/** Topics that nobody looks at any more, but whose last values are kept for a quick return. */
const IDLE_TOPICS_MAX = 64;

/** Every topic that some part of the page looks at, flushed together on one timer. */
export class TagHub {
  private readonly topics = new Map<string, { tags: TopicTags; users: number; stop: () => void }>();
  private readonly pending = new Set<TopicTags>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private flushedAt = 0;

  constructor(private readonly connection: Connection) {}

  /** Subscribes to `topic` until the returned function is called; the last values stay readable. */
  retain(topic: string): () => void {
    const entry = this.entry(topic);
    entry.users += 1;
    if (entry.users === 1) {
      entry.stop = this.connection.subscribe(topic, (_topic, payload) => {
        entry.tags.accept(parseTelemetry(payload), Date.now());
        this.schedule(entry.tags);
      });
    }
    return () => {
      entry.users -= 1;
      if (entry.users > 0) return;
      entry.stop();
      this.forget();
    };
  }

  topic(topic: string): TopicTags {
    return this.entry(topic).tags;
  }

  /** Keeps the values of the topics looked at last; the map keeps the order of first use. */
  private forget(): void {
    const idle = [...this.topics].filter(([, entry]) => entry.users === 0);
    for (const [topic] of idle.slice(0, Math.max(0, idle.length - IDLE_TOPICS_MAX))) {
      this.topics.delete(topic);
    }
  }

  private entry(topic: string) {
    let entry = this.topics.get(topic);
    if (!entry) {
      entry = { tags: new TopicTags(), users: 0, stop: () => undefined };
      this.topics.set(topic, entry);
    }
    return entry;
  }

  private schedule(tags: TopicTags): void {
    this.pending.add(tags);
    const wait = Math.max(0, this.flushedAt + FLUSH_MS - Date.now());
    this.timer ??= setTimeout(() => this.flush(), wait);
  }

  private flush(): void {
    this.timer = undefined;
    this.flushedAt = Date.now();
    for (const tags of this.pending) tags.flush();
    this.pending.clear();
  }
}
