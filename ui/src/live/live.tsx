import { createContext, type ReactNode, useContext, useEffect } from "react";
import { useFeed } from "@/resource/feeds";
import { KINDS } from "@/resource/kinds";
import { websocketUrlOf } from "@/resource/listener";
import type { Listener } from "@/resource/types";
import { useNow } from "./clock";
import { Connection, type OpenWire } from "./connection";
import { MetricStore } from "./metrics";
import { TagHub } from "./tag-hub";

/** The live side of the page: one connection, and the stores that it fills. */
export interface Live {
  connection: Connection;
  metrics: MetricStore;
  tags: TagHub;
}

export function createLive(open: OpenWire): Live {
  const connection = new Connection(open);
  return { connection, metrics: new MetricStore(connection), tags: new TagHub(connection) };
}

const LiveContext = createContext<Live | undefined>(undefined);

/** Points the connection at the broker's WebSocket port as soon as, and whenever, a listener names it. */
export function LiveProvider({ live, children }: { live: Live; children: ReactNode }) {
  const listeners = useFeed<Listener>(KINDS.listener);
  const url = websocketUrlOf(listeners.items, location.hostname);
  const now = useNow();
  useEffect(() => {
    if (listeners.loaded) live.connection.setUrl(url);
  }, [live, listeners.loaded, url]);
  useEffect(() => live.metrics.sample(now), [live, now]);
  return <LiveContext value={live}>{children}</LiveContext>;
}

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (!live) throw new Error("useLive is used outside LiveProvider");
  return live;
}
