import { CORE_PLURALS, isOurGroup, type Kind } from "./kinds";
import type { Resource } from "./types";

/** A call that the API answered with an error, or did not answer at all (`code` 0). */
export class ApiError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }

  /** True where the API itself is out of reach, as against refusing this one call. */
  get unreachable(): boolean {
    return this.code === 0 || this.code >= 500;
  }
}

export interface ResourceList {
  metadata?: { resourceVersion?: string };
  items?: Resource[];
}

export async function request(path: string, signal?: AbortSignal): Promise<Response> {
  const headers = { Accept: "application/json" };
  let response: Response;
  try {
    response = await fetch(path, signal ? { headers, signal } : { headers });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, `No answer from the API at ${location.host}`);
  }
  if (!response.ok) throw new ApiError(response.status, await messageOf(response));
  return response;
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, signal);
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError(response.status, `${path} did not answer with JSON`);
  }
}

/** Prefers the message of a Kubernetes `Status` body over the bare HTTP code. */
async function messageOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  try {
    const status = JSON.parse(text) as { message?: string };
    if (status.message) return status.message;
  } catch {
    // Not a Status object: the HTTP line is all there is to say.
  }
  return `The API answered ${response.status} ${response.statusText}`.trim();
}

interface GroupList {
  groups?: {
    name: string;
    preferredVersion?: { version: string };
    versions?: { version: string }[];
  }[];
}

interface ResourceNames {
  resources?: { name: string; kind: string; namespaced: boolean; verbs?: string[] }[];
}

/** Every kind the page can list: our groups in their preferred version, and a few of the core group. */
export async function discoverKinds(signal?: AbortSignal): Promise<Kind[]> {
  const list = await getJson<GroupList>("/apis", signal);
  const groups = (list.groups ?? []).filter((group) => isOurGroup(group.name));
  const ours = groups.map((group) =>
    kindsOf(group.name, group.preferredVersion?.version ?? group.versions?.[0]?.version, signal),
  );
  const core = kindsOf("", "v1", signal).then((kinds) =>
    kinds.filter((kind) => CORE_PLURALS.includes(kind.plural)),
  );
  return (await Promise.all([...ours, core])).flat();
}

async function kindsOf(group: string, version = "v1", signal?: AbortSignal): Promise<Kind[]> {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const names = await getJson<ResourceNames>(root, signal);
  return (names.resources ?? [])
    .filter((entry) => !entry.name.includes("/") && (entry.verbs?.includes("list") ?? true))
    .map((entry) => ({
      group,
      version,
      plural: entry.name,
      kind: entry.kind,
      namespaced: entry.namespaced,
    }));
}
