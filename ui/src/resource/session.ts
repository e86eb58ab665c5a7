import { createContext, useContext, useSyncExternalStore } from "react";
import { ApiError, onUnauthorized, post } from "./api";
import { backoffMs } from "./backoff";
import { browserTabs, type Tabs } from "./tabs";

/**
 * Who uses the page.
 *
 * `unknown`: the API has not been asked yet. `in`: it answers, with or without an account: while no user is
 * set, whoever sits at the machine may do everything. `out`: it wants a sign-in; `user` is then who was
 * signed in before, if anybody was.
 */
export interface SessionState {
  phase: "unknown" | "in" | "out";
  user: string | undefined;
  groups: readonly string[];
}

interface Review {
  status?: { userInfo?: { username?: string; groups?: string[] } };
}

interface Welcome {
  username: string;
  groups?: string[];
}

const REVIEW_PATH = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const REVIEW = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
const ANONYMOUS = "system:anonymous";
/** The name of whoever sits at a machine that has no users yet. */
const LOCAL = "local";

const UNKNOWN: SessionState = { phase: "unknown", user: undefined, groups: [] };

export class Session {
  private state = UNKNOWN;
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `reload` begins the page anew: nothing of one user is left for the next. */
  constructor(
    private readonly reload: () => void = () => location.reload(),
    private readonly tabs: Tabs = browserTabs,
  ) {}

  /** Asks who uses the page, and from then on notices when a sign-in is wanted. */
  start(): () => void {
    const forget = onUnauthorized(() => this.lose());
    // The session is the browser's, not the tab's.
    const deaf = this.tabs.listen((news) => (news === "ended" ? this.reload() : void this.look()));
    void this.ask(1);
    return () => {
      forget();
      deaf();
      clearTimeout(this.timer);
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): SessionState => this.state;

  /** Rejects with the ApiError of the server's refusal. */
  async signIn(username: string, password: string): Promise<void> {
    const welcome = await post<Welcome>("/login", { username, password });
    this.tabs.tell("changed");
    this.enter(welcome.username, welcome.groups);
  }

  async signOut(): Promise<void> {
    try {
      await post("/logout", {});
    } catch (error) {
      // A session that is over already is what was wanted.
      if (!(error instanceof ApiError && error.code === 401)) throw error;
    }
    this.tabs.tell("ended");
    this.reload();
  }

  private async ask(attempt: number): Promise<void> {
    try {
      await this.review();
    } catch (error) {
      if (error instanceof ApiError && error.code === 401) return;
      // The page says by itself that the API is away; who uses it can be asked later.
      if (this.state.phase === "unknown") this.set({ ...UNKNOWN, phase: "in" });
      this.timer = setTimeout(() => void this.ask(attempt + 1), backoffMs(attempt));
    }
  }

  /** Another tab may have signed in or out meanwhile. */
  private async look(): Promise<void> {
    try {
      await this.review();
    } catch {
      // A 401 is heard of as any; an API that is away leaves things as they are.
    }
  }

  private async review(): Promise<void> {
    const { status } = await post<Review>(REVIEW_PATH, REVIEW);
    const { username, groups } = status?.userInfo ?? {};
    if (username === ANONYMOUS) return this.lose();
    this.enter(username === LOCAL ? undefined : username, groups);
  }

  private enter(user: string | undefined, groups: readonly string[] = []): void {
    const before = this.state.user;
    if (before !== undefined && before !== user) this.reload();
    else this.set({ phase: "in", user, groups });
  }

  private lose(): void {
    if (this.state.phase !== "out") this.set({ ...this.state, phase: "out" });
  }

  private set(state: SessionState): void {
    this.state = state;
    for (const tell of [...this.listeners]) tell();
  }
}

const SessionContext = createContext<Session>(new Session());
export const SessionProvider = SessionContext.Provider;

export function useSession(): { session: Session; state: SessionState } {
  const session = useContext(SessionContext);
  return { session, state: useSyncExternalStore(session.subscribe, session.snapshot) };
}
