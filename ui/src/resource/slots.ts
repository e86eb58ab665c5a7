/**
 * Shares a few connections among many watches.
 *
 * A browser opens at most six connections to one host over HTTP/1.1, for all tabs together. So only
 * `size` watches are open at a time; when more want one, each yields after `turnMs` and resumes later
 * at its own resourceVersion, which loses nothing.
 */
export class Slots {
  private held = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly holders = new Set<() => void>();

  constructor(
    private readonly size: number,
    private readonly turnMs: number,
  ) {}

  /** Seconds to ask for in a watch: a short turn while others wait, else a long one. */
  get watchSeconds(): number {
    return this.waiting.length > 0 ? Math.ceil(this.turnMs / 1000) : 300;
  }

  /** Runs `task` in a slot. The signal fires on `outer`, or at the end of the turn if others wait. */
  async use<T>(
    outer: AbortSignal,
    task: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    await this.acquire(outer);
    if (outer.aborted) {
      this.release();
      return undefined;
    }
    const turn = new AbortController();
    const startedAt = performance.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const yieldTurn = () => {
      const left = this.turnMs * 1.5 - (performance.now() - startedAt);
      clearTimeout(timer);
      timer = setTimeout(() => turn.abort(), Math.max(0, left));
    };
    const stop = () => turn.abort();
    outer.addEventListener("abort", stop, { once: true });
    this.holders.add(yieldTurn);
    if (this.waiting.length > 0) yieldTurn();
    try {
      return await task(turn.signal);
    } finally {
      clearTimeout(timer);
      outer.removeEventListener("abort", stop);
      this.holders.delete(yieldTurn);
      this.release();
    }
  }

  private acquire(outer: AbortSignal): Promise<void> {
    if (outer.aborted || this.held < this.size) {
      this.held += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const take = () => {
        outer.removeEventListener("abort", leave);
        this.held += 1;
        resolve();
      };
      const leave = () => {
        this.waiting.splice(this.waiting.indexOf(take), 1);
        take();
      };
      outer.addEventListener("abort", leave, { once: true });
      this.waiting.push(take);
      for (const yieldTurn of this.holders) yieldTurn();
    });
  }

  private release(): void {
    this.held -= 1;
    if (this.held < this.size) this.waiting.shift()?.();
  }
}
