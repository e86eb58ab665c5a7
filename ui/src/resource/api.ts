import { CORE_PLURALS, isOurGroup, type Kind } from "./kinds";
import type { Resource } from "./types";

/** A call that the API answered with an error, or did not answer at all (`code` 0). */
export class ApiError extends Error {
  constructor(
    readonly code: number,
    message: string,
    /** Seconds to wait before the next try, where the API names them. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }

  /** True where the API knows who asks, and says no. */
  get forbidden(): boolean {
    return this.code === 403;
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

/** Called whenever the API asks for credentials. */
const unauthorized = new Set<() => void>();

export function onUnauthorized(listener: () => void): () => void {
  unauthorized.add(listener);
  return () => unauthorized.delete(listener);
}

export function request(path: string, signal?: AbortSignal): Promise<Response> {
  const headers = { Accept: "application/json" };
  return call(path, signal ? { headers, signal } : { headers });
}

export async function post<T>(path: string, body: object): Promise<T> {
  const headers = { Accept: "application/json", "Content-Type": "application/json" };
  return json<T>(path, await call(path, { method: "POST", headers, body: JSON.stringify(body) }));
}

async function call(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, `No answer from the API at ${location.host}`);
  }
  if (response.ok) return response;
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const message = await messageOf(response);
  if (response.status === 401) for (const tell of [...unauthorized]) tell();
  throw new ApiError(
    response.status,
    message,
    Number.isFinite(retryAfter) ? retryAfter : undefined,
  );
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return json<T>(path, await request(path, signal));
}

async function json<T>(path: string, response: Response): Promise<T> {
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
