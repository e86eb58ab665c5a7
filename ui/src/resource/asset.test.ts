import { expect, test } from "vitest";
import { endpointOf, publishingMsOf, tagsOf, topicsOf } from "./asset";
import type { AssetSpec } from "./types";

const asset = (spec: AssetSpec) => ({ metadata: { name: "oven", namespace: "ns" }, spec });

test("reads the seed dialect: endpoint uri and points without a dataset", () => {
  const seed = asset({
    assetEndpointProfileUri: "plc",
    dataPoints: [{ dataSource: "ns=3;s=FastUInt10" }, { name: "T", dataSource: "ns=3;s=A" }],
  });
  expect(endpointOf(seed)).toBe("plc");
  expect(tagsOf(seed).map((tag) => tag.name)).toEqual(["ns=3;s=FastUInt10", "T"]);
  expect(topicsOf(seed)).toEqual(["azure-iot-operations/data/oven"]);
});

test("prefers the topic of a dataset to the topic of the asset", () => {
  const classic = asset({
    defaultTopic: { path: "plant/oven" },
    datasets: [
      { name: "a", dataPoints: [{ name: "x" }], topic: { path: "plant/oven/a" } },
      { name: "b", dataPoints: [{ name: "y" }] },
    ],
  });
  expect(topicsOf(classic)).toEqual(["plant/oven/a", "plant/oven"]);
  expect(tagsOf(classic).map((tag) => tag.topic)).toEqual(["plant/oven/a", "plant/oven"]);
});

test("finds the sampling interval at the tag, else at the asset, also as a numeric string", () => {
  const tags = tagsOf(
    asset({
      defaultDatasetsConfiguration: '{"samplingInterval":"500"}',
      datasets: [
        {
          dataPoints: [
            { name: "own", dataPointConfiguration: '{"samplingInterval":100}' },
            { name: "default" },
            { name: "broken", dataPointConfiguration: "{not json" },
          ],
        },
      ],
    }),
  );
  expect(tags.map((tag) => tag.samplingMs)).toEqual([100, 500, 500]);
});

test("takes the slowest publishing interval as the cadence of the asset", () => {
  const slow = asset({
    datasets: [{ datasetConfiguration: '{"publishingInterval":10000}', dataPoints: [] }],
  });
  expect(publishingMsOf(slow)).toBe(10_000);
  expect(publishingMsOf(asset({}))).toBe(1000);
});
