import type { Resource } from "./types";

/** Replaces the values of a Secret by their length, so that no secret is ever kept by the page. */
export function redact(resource: Resource): Resource {
  if (resource.kind !== "Secret") return resource;
  const metadata = { ...resource.metadata };
  const annotations = { ...metadata.annotations };
  delete annotations["kubectl.kubernetes.io/last-applied-configuration"];
  if (metadata.annotations) metadata.annotations = annotations;
  const result: Resource = { ...resource, metadata };
  for (const field of ["data", "stringData"]) {
    const values = resource[field];
    if (typeof values === "object" && values !== null) result[field] = hidden(values, field);
  }
  return result;
}

function hidden(values: object, field: string): Record<string, string> {
  const entries = Object.entries(values).map(([key, value]) => {
    const text = typeof value === "string" ? value : "";
    return [key, `(hidden, ${field === "data" ? base64Bytes(text) : text.length} bytes)`];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

function base64Bytes(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return Math.max(0, Math.floor((text.length * 3) / 4) - padding);
}
