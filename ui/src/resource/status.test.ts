import { expect, test } from "vitest";
import { countStates, readinessOf } from "./status";
import type { Condition, Resource } from "./types";

function resource(ready?: Partial<Condition>, rest: Partial<Resource> = {}): Resource {
  const condition = { type: "Ready", status: "True", ...ready } as Condition;
  return { metadata: { name: "r", generation: 2 }, status: { conditions: [condition] }, ...rest };
}

test("reports the reason and message as the resource has them", () => {
  const readiness = readinessOf(
    resource({ status: "False", reason: "PortInUse", message: "1883 is taken." }),
  );
  expect(readiness).toMatchObject({
    state: "not-ready",
    reason: "PortInUse",
    message: "1883 is taken.",
  });
});

test("what runs but not as wished is degraded, with what to do about it", () => {
  const degraded = {
    type: "Degraded",
    status: "True",
    reason: "ConfigurationRejected",
    message: "generation 2 is not applied",
    recommendedAction: "Choose another port.",
  } as Condition;
  const both = resource({ reason: "Listening" });
  both.status?.conditions?.push(degraded);
  expect(readinessOf(both)).toMatchObject({
    state: "degraded",
    reason: "ConfigurationRejected",
    action: "Choose another port.",
  });
  both.status?.conditions?.splice(1, 1, { ...degraded, status: "False" });
  expect(readinessOf(both).state).toBe("ready");
});

test("never invents a status that the resource does not have", () => {
  expect(readinessOf({ metadata: { name: "r" } }).state).toBe("none");
  expect(readinessOf({ metadata: { name: "r" }, status: {} }).state).toBe("none");
});

test("says so when the status was written for an older spec", () => {
  expect(readinessOf(resource({ observedGeneration: 1 })).outdated).toBe(true);
  expect(readinessOf(resource({ observedGeneration: 2 })).outdated).toBe(false);
});

test("counts what someone switched off apart from what fails", () => {
  const counts = countStates([
    resource(),
    resource({ status: "False" }),
    resource({ status: "Unknown" }),
    resource({}, { spec: { enabled: false } }),
    resource({}, { spec: { mode: "disabled" } }),
    { metadata: { name: "new" } },
  ]);
  expect(counts).toEqual({ total: 6, ready: 1, notReady: 1, pending: 2, disabled: 2 });
});
