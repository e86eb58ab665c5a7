import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeBroker } from "@/live/fake-broker";
import { createLive, LiveProvider } from "@/live/live";
import { type ApiTrouble, ApiTroubleContext } from "@/resource/health";
import { Banner } from "./banner";

const listener = (protocol: string) => ({
  metadata: { name: "default", namespace: "ns" },
  spec: { ports: [{ port: 8083, protocol }] },
});

let broker: FakeBroker;
let items: object[];
const settle = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

beforeEach(() => {
  vi.useFakeTimers();
  broker = new FakeBroker();
  vi.stubGlobal("fetch", (path: string) =>
    path.includes("watch=1")
      ? new Promise(() => undefined)
      : Promise.resolve(Response.json({ metadata: { resourceVersion: "1" }, items })),
  );
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function show(trouble?: ApiTrouble): void {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <ApiTroubleContext value={trouble}>
        <LiveProvider live={createLive(broker.open)}>
          <Banner />
        </LiveProvider>
      </ApiTroubleContext>
    </QueryClientProvider>,
  );
}

test("says nothing while all is well", async () => {
  items = [listener("WebSockets")];
  show();
  await settle(100);
  act(() => broker.accept());
  await settle(5000);
  expect(screen.queryByTestId("conn-banner")).toBeNull();
});

test("says why there are no live values, and when they are tried again; goes when they are back", async () => {
  items = [listener("WebSockets")];
  show();
  await settle(100);
  act(() => broker.accept());
  act(() => broker.close("The broker closed the connection"));
  const banner = screen.getByTestId("conn-banner");
  expect(banner).toHaveTextContent("No live values");
  expect(banner).toHaveTextContent("The broker closed the connection");
  expect(banner).toHaveTextContent(/Next try in \d+ s/);
  await settle(2000);
  expect(broker.opened).toBe(2);
  act(() => broker.accept());
  expect(screen.queryByTestId("conn-banner")).toBeNull();
});

test("says what to do when no listener speaks WebSockets", async () => {
  items = [listener("Mqtt")];
  show();
  await settle(5000);
  expect(screen.getByTestId("conn-banner")).toHaveTextContent("protocol: WebSockets");
});

test("says that resources are as last seen while the API is away", async () => {
  items = [];
  show({ reason: "No answer from the API at h", nextRetryAt: Date.now() + 4000 });
  await settle(0);
  const banner = screen.getByTestId("conn-banner");
  expect(banner).toHaveTextContent("API unreachable. No answer from the API at h");
  expect(banner).toHaveTextContent("as last seen");
});
