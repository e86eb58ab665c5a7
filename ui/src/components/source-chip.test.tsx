import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Tooltip } from "radix-ui";
import { expect, test } from "vitest";
import type { Source } from "@/resource/source";
import { SourceChip } from "./source-chip";

const git: Source = { from: "git", namespace: "plant", name: "config", file: "oven.yaml" };

test("names the owner, and says by keyboard what becomes of a change by hand", async () => {
  render(
    <Tooltip.Provider>
      <SourceChip source={git} />
    </Tooltip.Provider>,
  );
  expect(screen.getByTestId("source-chip")).toHaveTextContent(
    "managed by git: plant/config · oven.yaml",
  );
  await userEvent.tab();
  expect(await screen.findByRole("tooltip")).toHaveTextContent("changed by hand is put back");
});

test("is a named mark where there is little room", () => {
  render(<SourceChip source={{ from: "folder", file: "a.yaml" }} compact />);
  expect(screen.getByRole("img", { name: "Managed by folder: a.yaml" })).toBeInTheDocument();
});
