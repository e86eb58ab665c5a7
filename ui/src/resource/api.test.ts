import { afterEach, expect, test, vi } from "vitest";
import { discoverKinds, getJson } from "./api";

afterEach(() => void vi.unstubAllGlobals());

const answers: Record<string, object> = {
  "/apis": {
    groups: [
      { name: "apps", preferredVersion: { version: "v1" } },
      { name: "deviceregistry.microsoft.com", preferredVersion: { version: "v1" } },
      { name: "mqttbroker.iotoperations.azure.com", versions: [{ version: "v1beta1" }] },
    ],
  },
  "/apis/deviceregistry.microsoft.com/v1": {
    resources: [
      { name: "assets", kind: "Asset", namespaced: true },
      { name: "assets/status", kind: "Asset", namespaced: true },
    ],
  },
  "/apis/mqttbroker.iotoperations.azure.com/v1beta1": {
    resources: [{ name: "brokers", kind: "Broker", namespaced: true }],
  },
  "/api/v1": {
    resources: [
      { name: "secrets", kind: "Secret", namespaced: true },
      { name: "pods", kind: "Pod", namespaced: true },
    ],
  },
};

test("discovers our groups in their preferred version, without subresources or foreign kinds", async () => {
  vi.stubGlobal("fetch", (path: string) => Promise.resolve(Response.json(answers[path])));
  const kinds = await discoverKinds();
  expect(kinds.map(({ version, plural }) => `${plural} ${version}`)).toEqual([
    "assets v1",
    "brokers v1beta1",
    "secrets v1",
  ]);
});

test("gives the message of a Status, else the HTTP line", async () => {
  const status = Response.json({ message: "assets is forbidden" }, { status: 403 });
  vi.stubGlobal("fetch", () => Promise.resolve(status));
  await expect(getJson("/apis")).rejects.toThrow("assets is forbidden");
  const bare = new Response("oops", { status: 502, statusText: "Bad Gateway" });
  vi.stubGlobal("fetch", () => Promise.resolve(bare));
  await expect(getJson("/apis")).rejects.toThrow("The API answered 502 Bad Gateway");
});

test("names the host that does not answer", async () => {
  vi.stubGlobal("location", { host: "plc-gateway:8088" });
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  await expect(getJson("/apis")).rejects.toMatchObject({
    message: "No answer from the API at plc-gateway:8088",
    unreachable: true,
  });
});
