import { stringify } from "yaml";
import type { Resource } from "./types";

const ORDER = ["apiVersion", "kind", "metadata", "type", "spec", "data", "status"];
const METADATA_ORDER = ["name", "namespace", "labels", "annotations"];

/** The resource as `kubectl get -o yaml` would show it; the server's bookkeeping only on request. */
export function toYaml(resource: Resource, options: { managedFields: boolean }): string {
  const { managedFields, ...metadata } = resource.metadata;
  const kept = options.managedFields && managedFields ? { ...metadata, managedFields } : metadata;
  const shown = { ...resource, metadata: ordered({ ...kept }, METADATA_ORDER) };
  return stringify(ordered(shown, ORDER), { lineWidth: 0, indentSeq: false });
}

/** The keys that people look for first, then the others as they came. */
function ordered(object: Record<string, unknown>, order: string[]): Record<string, unknown> {
  const known = order.filter((key) => object[key] !== undefined);
  const others = Object.keys(object).filter((key) => !order.includes(key));
  return Object.fromEntries([...known, ...others].map((key) => [key, object[key]]));
}
