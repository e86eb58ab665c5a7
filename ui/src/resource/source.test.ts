import { expect, test } from "vitest";
import { sourceLabel, sourceOf, sourceSentence } from "./source";
import type { Resource } from "./types";

const marked = (mark: string, managers?: [string, string][]): Resource => ({
  metadata: {
    name: "oven",
    annotations: { "wireway.io/source": mark },
    ...(managers && {
      managedFields: managers.map(([manager, operation]) => ({ manager, operation })),
    }),
  },
});

test("reads the mark of a Git repository", () => {
  const source = sourceOf(marked("git:plant/config:line1/oven.yaml", [["git:config", "Apply"]]));
  expect(source).toEqual({
    from: "git",
    namespace: "plant",
    name: "config",
    file: "line1/oven.yaml",
  });
  expect(source && sourceLabel(source)).toBe("git: plant/config · line1/oven.yaml");
  expect(source && sourceSentence(source)).toContain("put back");
});

test("reads the mark of the folder", () => {
  const source = sourceOf(marked("folder:a.yaml"));
  expect(source).toEqual({ from: "folder", file: "a.yaml" });
  expect(source && sourceLabel(source)).toBe("folder: a.yaml");
});

test("a resource without mark, with another, or that is a copy belongs to nobody", () => {
  expect(sourceOf({ metadata: { name: "oven" } })).toBeUndefined();
  expect(sourceOf(marked("helm:plant"))).toBeUndefined();
  expect(sourceOf(marked("git:plant"))).toBeUndefined();
  expect(
    sourceOf(
      marked("git:plant/config:a.yaml", [
        ["kubectl-create", "Update"],
        ["git:config", "Update"],
      ]),
    ),
  ).toBeUndefined();
});
