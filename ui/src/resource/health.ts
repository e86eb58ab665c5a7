import { useQueryClient } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useSyncExternalStore } from "react";
import type { FeedState } from "./feed";
import { FEED_KEY } from "./feeds";

/** Why the API is out of reach and when it is asked again; undefined while it answers. */
export interface ApiTrouble {
  reason: string;
  nextRetryAt: number | undefined;
}

export function troubleOf(states: readonly FeedState[]): ApiTrouble | undefined {
  const failing = states.filter((state) => state.error?.unreachable);
  const first = failing[0]?.error;
  if (!first) return undefined;
  const retries = failing.flatMap((state) => state.nextRetryAt ?? []);
  return { reason: first.message, nextRetryAt: retries.length ? Math.min(...retries) : undefined };
}

/** Filled once by the shell, so that every badge can say that what it shows is only last seen. */
export const ApiTroubleContext = createContext<ApiTrouble | undefined>(undefined);

export function useApiTrouble(): ApiTrouble | undefined {
  return useContext(ApiTroubleContext);
}

/** The trouble of all feeds that are in use. */
export function useFeedTrouble(): ApiTrouble | undefined {
  const cache = useQueryClient().getQueryCache();
  const read = () => {
    const queries = cache.findAll({ queryKey: [FEED_KEY] });
    const used = queries.filter((query) => query.getObserversCount() > 0);
    const states = used.flatMap((query) => (query.state.data as FeedState | undefined) ?? []);
    const trouble = troubleOf(states);
    return trouble ? `${trouble.nextRetryAt ?? ""}|${trouble.reason}` : "";
  };
  const subscribe = useCallback((notify: () => void) => cache.subscribe(notify), [cache]);
  const text = useSyncExternalStore(subscribe, read);
  if (!text) return undefined;
  const bar = text.indexOf("|");
  const nextRetryAt = text.slice(0, bar);
  return {
    reason: text.slice(bar + 1),
    nextRetryAt: nextRetryAt ? Number(nextRetryAt) : undefined,
  };
}
