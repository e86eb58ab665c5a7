import type { Condition, Resource } from "./types";

/**
 * What the conditions say, in the words of the page. `degraded`: it runs, but not as it is wished. `none`: the resource
 * carries no Ready condition.
 */
export type ReadyState = "ready" | "degraded" | "not-ready" | "pending" | "disabled" | "none";

export interface Readiness {
  state: ReadyState;
  /** As written by whoever set the status; empty where nothing was written. */
  reason: string;
  message: string;
  /** What to do about it, if anything. */
  action: string;
  since: string | undefined;
  /** True where the status was written for an older generation of the spec. */
  outdated: boolean;
}

export function conditionsOf(resource: Resource): Condition[] {
  const conditions = resource.status?.conditions;
  return Array.isArray(conditions) ? conditions : [];
}

export function readinessOf(resource: Resource): Readiness {
  const ready = conditionsOf(resource).find((condition) => condition.type === "Ready");
  if (!ready) {
    return {
      state: "none",
      reason: "",
      message: "",
      action: "",
      since: undefined,
      outdated: false,
    };
  }
  const generation = resource.metadata.generation;
  const state = stateOf(ready, isSwitchedOff(resource));
  const degraded = conditionsOf(resource).find(
    (condition) => condition.type === "Degraded" && condition.status === "True",
  );
  const shown = state === "ready" && degraded ? degraded : ready;
  return {
    state: shown === degraded ? "degraded" : state,
    reason: shown.reason ?? "",
    message: shown.message ?? "",
    action: shown.recommendedAction ?? "",
    since: shown.lastTransitionTime,
    outdated:
      generation !== undefined &&
      ready.observedGeneration !== undefined &&
      ready.observedGeneration < generation,
  };
}

function stateOf(ready: Condition, switchedOff: boolean): ReadyState {
  if (switchedOff) return "disabled";
  if (ready.status === "True") return "ready";
  return ready.status === "False" ? "not-ready" : "pending";
}

/** An asset with `enabled: false` or a dataflow with `mode: Disabled` is off because someone said so. */
export function isSwitchedOff(resource: Resource): boolean {
  const spec = resource.spec as { enabled?: unknown; mode?: unknown } | undefined;
  if (spec?.enabled === false) return true;
  return typeof spec?.mode === "string" && spec.mode.toLowerCase() === "disabled";
}

export interface StateCount {
  total: number;
  ready: number;
  notReady: number;
  pending: number;
  disabled: number;
}

export function countStates(resources: readonly Resource[]): StateCount {
  const count = { total: resources.length, ready: 0, notReady: 0, pending: 0, disabled: 0 };
  for (const resource of resources) {
    const { state } = readinessOf(resource);
    if (state === "ready" || state === "degraded") count.ready += 1;
    else if (state === "not-ready") count.notReady += 1;
    else if (state === "disabled") count.disabled += 1;
    else count.pending += 1;
  }
  return count;
}
