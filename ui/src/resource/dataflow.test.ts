import { expect, test } from "vitest";
import { destinationOf, isLocalBroker, sourceOf, stagesOf } from "./dataflow";
import type { DataflowEndpoint, Listener } from "./types";

const dataflow = {
  metadata: { name: "f" },
  spec: {
    operations: [
      {
        operationType: "source",
        sourceSettings: { endpointRef: "default", assetRef: "ns/oven", dataSources: ["a/#"] },
      },
      {
        operationType: "builtInTransformation",
        builtInTransformationSettings: { map: [{}], filter: [{}], datasets: [] },
      },
      {
        operationType: "Destination",
        destinationSettings: { endpointRef: "lake", dataDestination: "oven" },
      },
    ],
  },
};

test("reads operations whatever the case of their type", () => {
  expect(sourceOf(dataflow)).toEqual({ endpoint: "default", asset: "oven", topics: ["a/#"] });
  expect(destinationOf(dataflow)).toEqual({ endpoint: "lake", target: "oven" });
});

test("names the stages in the order in which they run", () => {
  expect(stagesOf(dataflow)).toEqual(["filter", "map"]);
});

const endpoint = (host?: string, endpointType = "Mqtt"): DataflowEndpoint => ({
  metadata: { name: "e" },
  spec: { endpointType, mqttSettings: host === undefined ? {} : { host } },
});

const listeners: Listener[] = [{ metadata: { name: "l" }, spec: { ports: [{ port: 1883 }] } }];

test.each([
  ["no host", endpoint(), true],
  ["a port of our listener", endpoint("127.0.0.1:1883"), true],
  ["the name of the seed era", endpoint("aio-mq-dmqtt-frontend:8883"), true],
  ["another broker on the same machine", endpoint("localhost:1999"), false],
  ["a foreign host", endpoint("plant.example:1883"), false],
  ["another type", endpoint("127.0.0.1:1883", "Kafka"), false],
])("knows the local broker by its address: %s", (_what, candidate, expected) => {
  expect(isLocalBroker(candidate, listeners)).toBe(expected);
});
