import { expect, test } from "vitest";
import { redact } from "./redact";
import { toYaml } from "./yaml";

test("hides the server's bookkeeping until it is asked for", () => {
  const resource = { kind: "Asset", metadata: { name: "oven", managedFields: [{ manager: "m" }] } };
  expect(toYaml(resource, { managedFields: false })).not.toContain("managedFields");
  expect(toYaml(resource, { managedFields: true })).toContain("manager: m");
});

test("orders the keys as people read them", () => {
  const resource = {
    status: { conditions: [] },
    spec: { x: 1 },
    metadata: { uid: "u", namespace: "ns", name: "oven" },
    kind: "Asset",
    apiVersion: "v1",
  };
  expect(toYaml(resource, { managedFields: false })).toBe(
    [
      "apiVersion: v1",
      "kind: Asset",
      "metadata:",
      "  name: oven",
      "  namespace: ns",
      "  uid: u",
      "spec:",
      "  x: 1",
      "status:",
      "  conditions: []",
      "",
    ].join("\n"),
  );
});

test("replaces the values of a Secret, also in the copy that kubectl leaves in an annotation", () => {
  const secret = {
    kind: "Secret",
    metadata: {
      name: "s",
      annotations: { "kubectl.kubernetes.io/last-applied-configuration": "c2VjcmV0" },
    },
    data: { password: "c2VjcmV0" },
    stringData: { token: "abc" },
  };
  const text = toYaml(redact(secret), { managedFields: true });
  expect(text).not.toContain("c2VjcmV0");
  expect(text).not.toContain("abc");
  expect(text).toContain("password: (hidden, 6 bytes)");
});

test("leaves a ConfigMap as it is", () => {
  const map = { kind: "ConfigMap", metadata: { name: "m" }, data: { a: "b" } };
  expect(redact(map)).toBe(map);
});
