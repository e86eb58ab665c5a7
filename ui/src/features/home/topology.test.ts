import { expect, test } from "vitest";
import type { Resources } from "./graph";
import { shorten } from "./nodes";
import { buildTopology } from "./topology";

const ready = { conditions: [{ type: "Ready", status: "True" as const, reason: "Running" }] };
const flow = (name: string, endpoint: string, target: string, source = "default") => ({
  metadata: { name, namespace: "ns" },
  spec: {
    operations: [
      { operationType: "Source", sourceSettings: { endpointRef: source } },
      {
        operationType: "Destination",
        destinationSettings: { endpointRef: endpoint, dataDestination: target },
      },
    ],
  },
});

const demo: Resources = {
  profiles: [
    {
      metadata: { name: "plc" },
      spec: { targetAddress: "opc.tcp://127.0.0.1:50000" },
      status: ready,
    },
  ],
  assets: [
    { metadata: { name: "oven", namespace: "ns" }, spec: { assetEndpointProfileRef: "plc" } },
    { metadata: { name: "boiler", namespace: "ns" }, spec: { assetEndpointProfileUri: "plc" } },
  ],
  brokers: [{ metadata: { name: "default", namespace: "ns" }, status: ready }],
  listeners: [{ metadata: { name: "default" }, spec: { ports: [{ port: 1883 }] } }],
  dataflows: [flow("oven-to-lake", "lake", "oven"), flow("alerts", "default", "a/b/alerts/oven")],
  endpoints: [
    {
      metadata: { name: "default" },
      spec: { endpointType: "Mqtt", mqttSettings: { host: "127.0.0.1:1883" } },
    },
    { metadata: { name: "lake" }, spec: { endpointType: "LocalStorage" } },
  ],
};

const ids = (resources: Resources) => buildTopology(resources).edges.map((edge) => edge.id);

test("draws the way from the PLC to table and topic", () => {
  expect(ids(demo)).toEqual([
    "endpoint/plc>asset/oven",
    "asset/oven>broker/default",
    "endpoint/plc>asset/boiler",
    "asset/boiler>broker/default",
    "broker/default>dataflow/oven-to-lake",
    "dataflow/oven-to-lake>destination/lake/oven",
    "broker/default>dataflow/alerts",
    "dataflow/alerts>destination/default/a/b/alerts/oven",
  ]);
});

test("tells a table from a topic, and knows which endpoint serves it", () => {
  const { nodes } = buildTopology(demo);
  const find = (title: string) => nodes.find((node) => node.title === title);
  expect(find("oven-to-lake")?.note).toBe("pass through");
  const destinations = nodes.filter((node) => node.station === "destination");
  expect(destinations.map(({ kind, title, note }) => [kind, title, note])).toEqual([
    ["storage", "oven", "LocalStorage · lake"],
    ["topic", "…/alerts/oven", "topic · default"],
  ]);
});

test("shows an endpoint that an asset names but nobody has made", () => {
  const { nodes } = buildTopology({ ...demo, profiles: [] });
  expect(nodes.find((node) => node.id === "endpoint/plc")).toMatchObject({
    note: "not found",
    readiness: undefined,
  });
});

test("lets a dataflow with a foreign source bypass the broker", () => {
  const kafka = { metadata: { name: "hub" }, spec: { endpointType: "Kafka" } };
  const resources = {
    ...demo,
    endpoints: [...demo.endpoints, kafka],
    dataflows: [flow("import", "default", "t", "hub")],
  };
  expect(ids(resources)).toContain("source/hub>dataflow/import");
});

test("is empty when nothing is configured", () => {
  const none = {
    profiles: [],
    assets: [],
    brokers: [],
    listeners: [],
    dataflows: [],
    endpoints: [],
  };
  expect(buildTopology(none)).toEqual({ nodes: [], edges: [] });
});

test("shortens a topic to its end", () => {
  expect(["t", "a/b", "a/b/c"].map(shorten)).toEqual(["t", "a/b", "…/b/c"]);
});

test("brokers that one may not see are not said to be missing", () => {
  const noteOf = (brokersHidden: boolean) =>
    buildTopology({ ...demo, brokers: [], brokersHidden }).nodes.find(
      ({ id }) => id === "broker/default",
    )?.note;
  expect(noteOf(false)).toBe("no Broker resource");
  expect(noteOf(true)).toBe("MQTT broker, not yours to see");
});
