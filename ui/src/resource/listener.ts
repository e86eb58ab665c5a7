import type { Listener, ListenerPort } from "./types";

/** The first port that speaks MQTT over WebSocket: the page's own way to the broker. */
export function websocketPortOf(listeners: readonly Listener[]): ListenerPort | undefined {
  for (const listener of listeners) {
    const port = listener.spec?.ports?.find(
      (entry) => entry.protocol?.toLowerCase() === "websockets",
    );
    if (port) return port;
  }
  return undefined;
}

export function websocketUrlOf(
  listeners: readonly Listener[],
  hostname: string,
): string | undefined {
  const port = websocketPortOf(listeners);
  if (!port) return undefined;
  return `${port.tls ? "wss" : "ws"}://${hostname}:${port.port}/mqtt`;
}
