import { expect, test } from "vitest";
import { ApiError } from "@/resource/api";
import { problemOf } from "./sign-in-problem";

const of = (error: unknown) => problemOf(error, 1000, "plant:8088");

test("each refusal says what is wrong and what to do", () => {
  expect(of(new ApiError(401, "the user name or the password is wrong")).command).toBe(
    "wireway user password NAME",
  );
  expect(of(new ApiError(401, "no user is set; make one: wireway user add NAME"))).toEqual({
    title: "The sign-in was refused",
    remedy: "no user is set; make one: wireway user add NAME",
  });
  expect(of(new ApiError(0, "No answer"))).toEqual({
    title: "No answer from plant:8088",
    remedy: "See that it runs there, and try again:",
    command: "wireway up",
  });
  expect(of(new ApiError(403, "a page of another site may not sign in here")).remedy).toBe(
    "a page of another site may not sign in here",
  );
});

test("too many tries name the time of the next one", () => {
  expect(of(new ApiError(429, "too many", 8)).waitUntil).toBe(9000);
  expect(of(new ApiError(429, "too many")).waitUntil).toBe(2000);
});
