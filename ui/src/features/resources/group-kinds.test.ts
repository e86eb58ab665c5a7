import { expect, test } from "vitest";
import { groupKinds } from "./group-kinds";

const kind = (group: string, name: string) => ({
  group,
  version: "v1",
  plural: `${name.toLowerCase()}s`,
  kind: name,
  namespaced: true,
});

test("groups kinds in the order of the data's way, new groups next, core last", () => {
  const groups = groupKinds([
    kind("", "Secret"),
    kind("akri.iotoperations.azure.com", "Connector"),
    kind("connectivity.iotoperations.azure.com", "Dataflow"),
    kind("deviceregistry.microsoft.com", "AssetEndpointProfile"),
    kind("deviceregistry.microsoft.com", "Asset"),
  ]);
  expect(groups.map(([title, kinds]) => [title, kinds.map((entry) => entry.kind)])).toEqual([
    ["Device registry", ["Asset", "AssetEndpointProfile"]],
    ["Connectivity", ["Dataflow"]],
    ["akri", ["Connector"]],
    ["Core", ["Secret"]],
  ]);
});
