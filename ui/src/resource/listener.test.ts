import { expect, test } from "vitest";
import { websocketUrlOf } from "./listener";

const listener = (...ports: object[]) => ({
  metadata: { name: "l" },
  spec: { ports: ports as { port: number }[] },
});

test("takes the first WebSockets port, in either spelling, on the page's own host", () => {
  const listeners = [
    listener({ port: 1883 }),
    listener({ port: 1884, protocol: "Mqtt" }, { port: 8083, protocol: "Websockets" }),
  ];
  expect(websocketUrlOf(listeners, "plc-gateway")).toBe("ws://plc-gateway:8083/mqtt");
});

test("speaks TLS where the port does; null counts as absent", () => {
  const port = { port: 8083, protocol: "WebSockets" };
  expect(websocketUrlOf([listener({ ...port, tls: {} })], "h")).toBe("wss://h:8083/mqtt");
  expect(websocketUrlOf([listener({ ...port, tls: null })], "h")).toBe("ws://h:8083/mqtt");
});

test("has no address where no listener speaks WebSockets", () => {
  expect(websocketUrlOf([listener({ port: 1883 })], "h")).toBeUndefined();
});
