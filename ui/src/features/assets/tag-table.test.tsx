import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeBroker } from "@/live/fake-broker";
import { createLive, type Live, LiveProvider } from "@/live/live";
import { tagEntries } from "./tag-list";
import { TagTable } from "./tag-table";

const TOPIC = "azure-iot-operations/data/oven";
const tag = (name: string) => ({
  name,
  dataset: "default",
  source: "",
  topic: TOPIC,
  samplingMs: 500,
});

let broker: FakeBroker;
let live: Live;

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", () => new Promise(() => undefined));
  // The DOM of the tests has no layout; the virtual list needs a height.
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(400);
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(800);
  broker = new FakeBroker();
  live = createLive(broker.open);
  live.connection.setUrl("ws://h/mqtt");
  await vi.advanceTimersByTimeAsync(0);
  broker.accept();
  live.tags.retain(TOPIC);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function show(names: string[], stale?: string, onSelect = vi.fn()): void {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <LiveProvider live={live}>
        <TagTable
          entries={tagEntries(names.map(tag), [], TOPIC)}
          stale={stale}
          selected={undefined}
          onSelect={onSelect}
        />
      </LiveProvider>
    </QueryClientProvider>,
  );
}

function row(name: string): HTMLElement {
  const found = screen.getAllByTestId("tag-row").find((each) => each.dataset.name === name);
  if (!found) throw new Error(`no row ${name}`);
  return found;
}

const send = (message: object) =>
  act(async () => {
    broker.send(TOPIC, message);
    await vi.advanceTimersByTimeAsync(250);
  });

test("shows value and quality of each tag as they come", async () => {
  show(["Temperature", "Level", "Never"]);
  await send({
    Temperature: { Value: 98.22872507286884 },
    Level: { StatusCode: { Code: 0x80310000, Symbol: "BadNoCommunication" } },
  });
  expect(within(row("Temperature")).getByTestId("tag-value")).toHaveTextContent("98.229");
  expect(within(row("Temperature")).getByTestId("tag-quality")).toHaveTextContent("Good");
  expect(within(row("Level")).getByTestId("tag-value")).toHaveTextContent("–");
  expect(within(row("Level")).getByTestId("tag-quality")).toHaveTextContent("Bad");
  expect(within(row("Never")).getByTestId("tag-quality")).toHaveTextContent("No data");
});

test("keeps the last value but calls it stale when the asset is", async () => {
  show(["Temperature"], "the connector is silent");
  await send({ Temperature: { Value: 1 } });
  expect(within(row("Temperature")).getByTestId("tag-value")).toHaveTextContent("1");
  expect(within(row("Temperature")).getByTestId("tag-quality")).toHaveTextContent("Stale");
});

test("writes a structure as JSON on one line", async () => {
  show(["Status"]);
  await send({ Status: { Value: { Temperature: { Top: 95 }, HeaterState: "On_1" } } });
  const value = within(row("Status")).getByTestId("tag-value");
  expect(value).toHaveTextContent('{"Temperature":{"Top":95},"HeaterState":"On_1"}');
});

test("draws only the rows in sight of ten thousand tags", () => {
  show(Array.from({ length: 10_000 }, (_, i) => `Tag${i}`));
  expect(screen.getAllByTestId("tag-row").length).toBeLessThan(40);
  expect(screen.getByRole("table")).toHaveAttribute("aria-rowcount", "10001");
});

test("selects a tag by its name", () => {
  const onSelect = vi.fn();
  show(["Temperature"], undefined, onSelect);
  screen.getByRole("button", { name: "Temperature" }).click();
  expect(onSelect).toHaveBeenCalledWith("Temperature");
});
