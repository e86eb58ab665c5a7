import { stringify } from "yaml";
import type { Resource } from "./types";

const ORDER = ["apiVersion", "kind", "metadata", "type", "spec", "data", "status"];

/** The resource as `kubectl get -o yaml` would show it; the server's bookkeeping only on request. */
export function toYaml(resource: Resource, options: { managedFields: boolean }): string {
  const { managedFields, ...metadata } = resource.metadata;
  const shown: Record<string, unknown> = { ...resource, metadata };
  if (options.managedFields && managedFields) shown.metadata = { ...metadata, managedFields };
  const known = ORDER.filter((key) => key in shown);
  const others = Object.keys(shown).filter((key) => !ORDER.includes(key));
  const ordered = Object.fromEntries([...known, ...others].map((key) => [key, shown[key]]));
  return stringify(ordered, { lineWidth: 0, indentSeq: false });
}
