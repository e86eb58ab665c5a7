import { useCallback, useEffect, useMemo, useSyncExternalStore } from "react";
import type { LinkState } from "./connection";
import { useLive } from "./live";
import type { Measure } from "./metrics";
import type { TagSnapshot, TopicSummary } from "./tags";

export function useLink(): LinkState {
  const { connection } = useLive();
  return useSyncExternalStore(connection.watch, connection.snapshot);
}

export function useMeasure(key: string): Measure | undefined {
  const { metrics } = useLive();
  return useSyncExternalStore(metrics.watch, () => metrics.get(key));
}

/** Changes whenever any metrics arrive: for parts that sum over many measures. */
export function useMetricsVersion(): number {
  const { metrics } = useLive();
  return useSyncExternalStore(metrics.watch, metrics.version);
}

/** Keeps the topics subscribed while the component is mounted. */
export function useTopics(topics: readonly string[]): void {
  const { tags } = useLive();
  const joined = topics.join("\n");
  useEffect(() => {
    const stops = joined.split("\n").map((topic) => (topic ? tags.retain(topic) : undefined));
    return () => {
      for (const stop of stops) stop?.();
    };
  }, [tags, joined]);
}

export function useTag(topic: string, name: string): TagSnapshot | undefined {
  const { tags } = useLive();
  const store = tags.topic(topic);
  const watch = useCallback(
    (listener: () => void) => store.watchTag(name, listener),
    [store, name],
  );
  return useSyncExternalStore(watch, () => store.tag(name));
}

/** What arrived on all of an asset's topics together. */
export function useSummary(topics: readonly string[]): TopicSummary {
  const { tags } = useLive();
  const joined = topics.join("\n");
  const stores = useMemo(
    () => joined.split("\n").map((topic) => tags.topic(topic)),
    [tags, joined],
  );
  const watch = useCallback(
    (listener: () => void) => {
      const stops = stores.map((store) => store.watch(listener));
      return () => {
        for (const stop of stops) stop();
      };
    },
    [stores],
  );
  const read = useMemo(() => {
    let seen: TopicSummary[] = [];
    let merged: TopicSummary | undefined;
    return () => {
      const parts = stores.map((store) => store.summary());
      if (!merged || parts.some((part, i) => part !== seen[i])) merged = merge(parts);
      seen = parts;
      return merged;
    };
  }, [stores]);
  return useSyncExternalStore(watch, read);
}

function merge(parts: readonly TopicSummary[]): TopicSummary {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const times = parts.flatMap((part) => part.messageAt ?? []);
  const sum = (pick: (part: TopicSummary) => number) =>
    parts.reduce((total, part) => total + pick(part), 0);
  return {
    messageAt: times.length ? Math.max(...times) : undefined,
    names: parts.flatMap((part) => part.names),
    good: sum((part) => part.good),
    uncertain: sum((part) => part.uncertain),
    bad: sum((part) => part.bad),
  };
}
