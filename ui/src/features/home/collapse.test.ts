import { expect, test } from "vitest";
import { collapse } from "./collapse";
import type { Resources } from "./graph";
import { buildTopology } from "./topology";

function plant(assets: number, broken: number[] = []): Resources {
  return {
    profiles: [{ metadata: { name: "a" } }, { metadata: { name: "b" } }],
    assets: Array.from({ length: assets }, (_, i) => ({
      metadata: { name: `asset-${i}` },
      spec: { assetEndpointProfileRef: i % 2 === 0 ? "a" : "b" },
      status: {
        conditions: [
          { type: "Ready", status: broken.includes(i) ? ("False" as const) : ("True" as const) },
        ],
      },
    })),
    brokers: [{ metadata: { name: "default" } }],
    listeners: [],
    dataflows: [],
    endpoints: [],
  };
}

test("leaves a small plant as it is", () => {
  const topology = buildTopology(plant(5));
  expect(collapse(topology, 5).nodes).toHaveLength(topology.nodes.length);
});

test("sums up what does not fit and keeps every measure on an edge", () => {
  const { nodes, edges } = collapse(buildTopology(plant(12)), 5);
  const assets = nodes.filter((node) => node.station === "asset");
  expect(assets.map((node) => node.title)).toEqual([
    "asset-0",
    "asset-1",
    "asset-2",
    "asset-3",
    "8 more",
  ]);
  const toBroker = edges.filter((edge) => edge.to === "broker/default");
  expect(toBroker.flatMap((edge) => edge.measures)).toHaveLength(12);
});

test("keeps what is in trouble in sight", () => {
  const { nodes } = collapse(buildTopology(plant(12, [10, 11])), 5);
  const titles = nodes.filter((node) => node.station === "asset").map((node) => node.title);
  expect(titles).toContain("asset-10");
  expect(titles).toContain("asset-11");
  expect(titles).toContain("8 more");
});

test("labels each row once, with the sum of all its edges", () => {
  const { edges } = collapse(buildTopology(plant(12)), 5);
  const intoMore = edges.filter((edge) => edge.to === "more/asset");
  expect(intoMore.map((edge) => edge.labelled.length)).toEqual([8, 0]);
});
