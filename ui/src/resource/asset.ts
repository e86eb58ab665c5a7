import type { Asset, DataPoint, Dataset } from "./types";

/** One configured tag of an asset, whichever dialect wrote it down. */
export interface Tag {
  name: string;
  dataset: string;
  source: string;
  topic: string;
  /** Configured sampling interval; undefined where neither tag, dataset nor asset says one. */
  samplingMs: number | undefined;
}

const DEFAULT_TOPIC_ROOT = "azure-iot-operations/data";
const DEFAULT_PUBLISHING_MS = 1000;

export function endpointOf(asset: Asset): string {
  return asset.spec?.assetEndpointProfileRef ?? asset.spec?.assetEndpointProfileUri ?? "";
}

/** Where the asset's messages go when its dataset names no topic of its own. */
export function defaultTopicOf(asset: Asset): string {
  const spec = asset.spec;
  return (
    spec?.topic?.path || spec?.defaultTopic?.path || `${DEFAULT_TOPIC_ROOT}/${asset.metadata.name}`
  );
}

export function datasetsOf(asset: Asset): Dataset[] {
  const spec = asset.spec;
  if (spec?.datasets?.length) return spec.datasets;
  return spec?.dataPoints ? [{ name: "default", dataPoints: spec.dataPoints }] : [];
}

/** Every topic on which the asset's values arrive. */
export function topicsOf(asset: Asset): string[] {
  const topics = datasetsOf(asset).map((dataset) => dataset.topic?.path || defaultTopicOf(asset));
  return [...new Set(topics.length ? topics : [defaultTopicOf(asset)])];
}

export function tagsOf(asset: Asset): Tag[] {
  return datasetsOf(asset).flatMap((dataset) =>
    (dataset.dataPoints ?? []).map((point) => ({
      name: point.name || point.dataSource || "",
      dataset: dataset.name ?? "default",
      source: point.dataSource ?? "",
      topic: dataset.topic?.path || defaultTopicOf(asset),
      samplingMs: samplingOf(asset, dataset, point),
    })),
  );
}

/** How often the connector sends for this asset: the cadence against which silence is measured. */
export function publishingMsOf(asset: Asset): number {
  const intervals = datasetsOf(asset).map((dataset) =>
    intervalIn("publishingInterval", [dataset.datasetConfiguration, ...defaultsOf(asset)]),
  );
  return Math.max(DEFAULT_PUBLISHING_MS, ...intervals.map((interval) => interval ?? 0));
}

function samplingOf(asset: Asset, dataset: Dataset, point: DataPoint): number | undefined {
  const texts = [point.dataPointConfiguration, dataset.datasetConfiguration, ...defaultsOf(asset)];
  return intervalIn("samplingInterval", texts);
}

function defaultsOf(asset: Asset): (string | undefined)[] {
  return [asset.spec?.defaultDatasetsConfiguration, asset.spec?.defaultDataPointsConfiguration];
}

/** The first text that sets `key` wins: tag, then dataset, then asset. */
function intervalIn(key: string, texts: (string | undefined)[]): number | undefined {
  for (const text of texts) {
    const value = Number(parse(text)[key]);
    if (Number.isFinite(value) && value >= 0) return value;
  }
  return undefined;
}

function parse(text: string | undefined): Record<string, unknown> {
  if (!text) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
