import { expect, test } from "vitest";
import type { Resources } from "./graph";
import { layOut, NODE_HEIGHT } from "./layout";
import { buildTopology } from "./topology";

const asset = (name: string, endpoint: string) => ({
  metadata: { name },
  spec: { assetEndpointProfileRef: endpoint },
});

const resources: Resources = {
  profiles: [{ metadata: { name: "p" } }, { metadata: { name: "q" } }],
  assets: [asset("a1", "q"), asset("a2", "p"), asset("a3", "q"), asset("a4", "p")],
  brokers: [{ metadata: { name: "default" } }],
  listeners: [],
  dataflows: [],
  endpoints: [],
};

const layout = layOut(buildTopology(resources), 1000);
const box = (id: string) => layout.nodes.find((node) => node.id === id)?.box;

test("uses the whole width and stays inside it", () => {
  const right = layout.columns.map((column) => column.x + column.width);
  expect(layout.columns[0]?.x).toBe(0);
  expect(right.at(-1)).toBeCloseTo(1000);
});

test("lets no two nodes overlap", () => {
  for (const station of ["endpoint", "asset"]) {
    const tops = layout.nodes
      .filter((node) => node.station === station)
      .map((node) => node.box.y)
      .sort((a, b) => a - b);
    for (let i = 1; i < tops.length; i += 1) {
      expect((tops[i] ?? 0) - (tops[i - 1] ?? 0)).toBeGreaterThan(NODE_HEIGHT);
    }
  }
});

test("gives the broker the full height, so that every edge meets it straight", () => {
  expect(box("broker/default")).toMatchObject({ y: 0, height: layout.height });
});

test("groups assets by endpoint, which keeps edges from crossing", () => {
  const assets = layout.nodes.filter((node) => node.station === "asset");
  const order = assets.sort((a, b) => a.box.y - b.box.y).map((node) => node.title);
  expect(order).toEqual(["a2", "a4", "a1", "a3"]);
});

test("gives every label a place of its own", () => {
  const places = layout.edges.map((edge) => `${edge.label.x}/${edge.label.y}`);
  expect(new Set(places).size).toBe(places.length);
});
