import type { OpenWire } from "./connection";

const CONNECT_TIMEOUT_MS = 5000;
const KEEP_ALIVE_S = 10;

/** Loaded beside the page's own code, so that painting does not wait for it, nor it for the first list. */
const library = import("mqtt");

/** Opens MQTT 5 over WebSocket. */
export const openMqtt: OpenWire = async (url, events) => {
  const { default: mqtt } = await library;
  let reason = `No answer from the broker at ${url}`;
  const client = mqtt.connect(url, {
    protocolVersion: 5,
    clientId: `wireway-page-${crypto.getRandomValues(new Uint32Array(1))[0]?.toString(36)}`,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepalive: KEEP_ALIVE_S,
    resubscribe: false,
  });
  client.on("connect", () => {
    reason = "The broker closed the connection";
    events.onOpen();
  });
  client.on("message", (topic, payload) => events.onMessage(topic, payload));
  client.on("error", (error) => {
    if (error.message) reason = error.message;
  });
  client.on("disconnect", (packet) => {
    reason = `The broker ended the session (reason code ${packet.reasonCode ?? 0})`;
  });
  client.on("offline", () => undefined);
  client.on("close", () => events.onClose(reason));
  return {
    subscribe: (filters) => client.subscribe(filters, { qos: 0 }),
    unsubscribe: (filters) => client.unsubscribe(filters),
    end: () => client.end(true),
  };
};
