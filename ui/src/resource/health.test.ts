import { expect, test } from "vitest";
import { ApiError } from "./api";
import { EMPTY_FEED } from "./feed";
import { troubleOf } from "./health";

test("is fine while every feed is", () => {
  expect(troubleOf([EMPTY_FEED])).toBeUndefined();
});

test("reports the first reason and the nearest retry", () => {
  const failing = (code: number, nextRetryAt: number) => ({
    ...EMPTY_FEED,
    error: new ApiError(code, `code ${code}`),
    nextRetryAt,
  });
  expect(troubleOf([failing(0, 900), failing(503, 400)])).toEqual({
    reason: "code 0",
    nextRetryAt: 400,
  });
});

test("does not call the API unreachable because it refuses one kind", () => {
  expect(troubleOf([{ ...EMPTY_FEED, error: new ApiError(403, "forbidden") }])).toBeUndefined();
});
