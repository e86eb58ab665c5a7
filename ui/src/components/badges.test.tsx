import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { ApiTroubleContext } from "@/resource/health";
import type { Readiness } from "@/resource/status";
import { QualityBadge } from "./quality-badge";
import { StateBadge } from "./state-badge";

const failed: Readiness = {
  state: "not-ready",
  reason: "PortInUse",
  message: "1883 is taken.",
  action: "",
  since: undefined,
  outdated: false,
};

test("shows the reason as written, and the message on hover", () => {
  render(<StateBadge readiness={failed} withReason />);
  expect(screen.getByText("PortInUse")).toBeInTheDocument();
  expect(screen.getByTitle("PortInUse: 1883 is taken.")).toBeInTheDocument();
});

test("says that a state is only last seen while the API is away", () => {
  render(
    <ApiTroubleContext value={{ reason: "down", nextRetryAt: undefined }}>
      <StateBadge readiness={{ ...failed, state: "ready" }} />
    </ApiTroubleContext>,
  );
  expect(screen.getByText("Ready, last seen")).toBeInTheDocument();
});

test.each([
  ["good", "Good"],
  ["uncertain", "Uncertain"],
  ["bad", "Bad"],
  ["stale", "Stale"],
  ["none", "No data"],
] as const)("tells quality %s by text, not by colour alone", (quality, text) => {
  render(<QualityBadge quality={quality} />);
  expect(screen.getByTestId("tag-quality")).toHaveTextContent(text);
});
