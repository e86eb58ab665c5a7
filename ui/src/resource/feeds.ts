import { type QueryClient, skipToken, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { ApiError, discoverKinds } from "./api";
import { EMPTY_FEED, Feed, type FeedState } from "./feed";
import type { Kind } from "./kinds";
import { Slots } from "./slots";
import type { Resource } from "./types";

/** Three of the browser's six connections, so that lists, the page itself and a second tab get through. */
const WATCHES_MAX = 3;
const TURN_MS = 1000;
/** A hidden tab gives its connections back after this time and catches up when it is seen again. */
const HIDDEN_GRACE_MS = 10_000;
/** A kind that nobody shows any more is followed a little longer: people go back and forth. */
const LINGER_MS = 5_000;

interface Entry {
  kind: Kind;
  feed: Feed;
  users: number;
  abort: AbortController | undefined;
  linger: ReturnType<typeof setTimeout> | undefined;
}

/** Runs one feed per kind in use and writes what it knows into the query cache. */
export class Feeds {
  private readonly entries = new Map<string, Entry>();
  private readonly slots = new Slots(WATCHES_MAX, TURN_MS);
  private hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  private hidden = false;
  private signedOut = false;

  constructor(private readonly client: QueryClient) {}

  retain(kind: Kind): () => void {
    const entry = this.entry(kind);
    entry.users += 1;
    clearTimeout(entry.linger);
    this.start(entry);
    return () => {
      entry.users -= 1;
      if (entry.users === 0) entry.linger = setTimeout(() => this.stop(entry), LINGER_MS);
    };
  }

  /** Called with the visibility of the page. */
  setVisible(visible: boolean): void {
    clearTimeout(this.hiddenTimer);
    if (visible) {
      this.hidden = false;
      this.resume();
    } else {
      this.hiddenTimer = setTimeout(() => {
        this.hidden = true;
        this.pause();
      }, HIDDEN_GRACE_MS);
    }
  }

  /** Without a session nothing is asked for; with one again, all goes on from where it was. */
  setSignedIn(signedIn: boolean): void {
    if (this.signedOut !== signedIn) return;
    this.signedOut = !signedIn;
    if (signedIn) this.resume();
    else this.pause();
  }

  /** Does not wait for the back-off: someone asked to try again. */
  retryNow(): void {
    for (const entry of this.entries.values()) {
      if (!entry.abort) continue;
      this.stop(entry);
      this.start(entry);
    }
  }

  private pause(): void {
    for (const entry of this.entries.values()) this.stop(entry);
  }

  private resume(): void {
    for (const entry of this.entries.values()) if (entry.users > 0) this.start(entry);
  }

  private entry(kind: Kind): Entry {
    const id = queryKey(kind).join("/");
    let entry = this.entries.get(id);
    if (!entry) {
      const publish = (state: FeedState) => this.client.setQueryData(queryKey(kind), state);
      const feed = new Feed(kind, this.slots, publish);
      entry = { kind, feed, users: 0, abort: undefined, linger: undefined };
      this.entries.set(id, entry);
    }
    return entry;
  }

  private start(entry: Entry): void {
    if (entry.abort || this.hidden || this.signedOut) return;
    const abort = new AbortController();
    entry.abort = abort;
    void entry.feed.run(abort.signal);
  }

  private stop(entry: Entry): void {
    entry.abort?.abort();
    entry.abort = undefined;
  }
}

export const FEED_KEY = "feed";
export const KINDS_KEY = ["kinds"];

function queryKey(kind: Kind): string[] {
  return [FEED_KEY, kind.group, kind.version, kind.plural];
}

const feedsOf = new WeakMap<QueryClient, Feeds>();

export function feedsFor(client: QueryClient): Feeds {
  let feeds = feedsOf.get(client);
  if (!feeds) {
    feeds = new Feeds(client);
    feedsOf.set(client, feeds);
  }
  return feeds;
}

export interface FeedOf<T extends Resource> extends FeedState {
  items: T[];
}

/** The resources of a kind in all namespaces, live while the component is mounted. */
export function useFeed<T extends Resource = Resource>(kind: Kind | undefined): FeedOf<T> {
  const client = useQueryClient();
  const id = kind ? queryKey(kind).join("/") : "";
  // biome-ignore lint/correctness/useExhaustiveDependencies: the id stands for the kind's identity.
  const stable = useMemo(() => kind, [id]);
  useEffect(() => (stable ? feedsFor(client).retain(stable) : undefined), [client, stable]);
  const { data } = useQuery<FeedState>({
    queryKey: stable ? queryKey(stable) : [FEED_KEY],
    queryFn: skipToken,
    structuralSharing: false,
    initialData: EMPTY_FEED,
    gcTime: Number.POSITIVE_INFINITY,
  });
  return data as FeedOf<T>;
}

/** All kinds that the API serves and the page knows to show. */
export function useKinds() {
  return useQuery({
    queryKey: KINDS_KEY,
    queryFn: ({ signal }) => discoverKinds(signal),
    staleTime: 60_000,
    // After a sign-in the page asks anew by itself.
    retry: (_, error) => !(error instanceof ApiError && error.code === 401),
    retryDelay: (attempt) => Math.min(15_000, 1000 * 2 ** attempt),
  });
}
