import { expect, test } from "vitest";
import { changed } from "./text-change";

test.each([
  ["abc", "abc"],
  ["", "abc"],
  ["abc", ""],
  ["version: 1\nrest", "version: 12\nrest"],
  ["aaa", "aa"],
  ["status: old", "status: new"],
])("turns %j into %j by one replacement", (before, after) => {
  const { from, to, insert } = changed(before, after);
  expect(before.slice(0, from) + insert + before.slice(to)).toBe(after);
});

test("replaces no more than what differs", () => {
  expect(changed("version: 1\nrest", "version: 2\nrest")).toEqual({ from: 9, to: 10, insert: "2" });
});
