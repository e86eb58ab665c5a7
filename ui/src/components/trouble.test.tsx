import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { ApiError } from "@/resource/api";
import { Trouble } from "./trouble";

test("not being allowed is no fault of the page, and says who can change it", () => {
  const error = new ApiError(403, 'assets is forbidden: User "ann" cannot list');
  render(<Trouble error={error} title="Cannot list assets" what="assets" />);
  expect(screen.getByRole("status")).toHaveTextContent("You may not see assets");
  expect(screen.getByRole("status")).toHaveTextContent("wireway:viewer");
  expect(screen.queryByRole("alert")).toBeNull();
});

test("a fault is told in the API's own words", () => {
  const error = new ApiError(500, "the disk is full");
  render(<Trouble error={error} title="Cannot list assets" what="assets" />);
  expect(screen.getByRole("alert")).toHaveTextContent("Cannot list assets");
  expect(screen.getByRole("alert")).toHaveTextContent("the disk is full");
});
