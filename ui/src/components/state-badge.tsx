import {
  CircleCheck,
  CircleDashed,
  CircleHelp,
  CirclePause,
  CircleX,
  type LucideIcon,
} from "lucide-react";
import type { Readiness, ReadyState } from "@/resource/status";
import { Badge, type Tone } from "./badge";

const LOOKS: Record<ReadyState, { icon: LucideIcon; tone: Tone; label: string; loud: boolean }> = {
  ready: { icon: CircleCheck, tone: "good", label: "Ready", loud: false },
  "not-ready": { icon: CircleX, tone: "bad", label: "Not ready", loud: true },
  pending: { icon: CircleDashed, tone: "warn", label: "Pending", loud: true },
  disabled: { icon: CirclePause, tone: "mute", label: "Disabled", loud: true },
  none: { icon: CircleHelp, tone: "mute", label: "No status", loud: false },
};

/** The Ready condition as a badge: its state, and on request the reason as the resource has it. */
export function StateBadge(props: { readiness: Readiness; withReason?: boolean }) {
  const { readiness, withReason = false } = props;
  const look = LOOKS[readiness.state];
  const named = withReason && readiness.state !== "ready" && readiness.reason !== "";
  return (
    <Badge
      {...look}
      label={named ? readiness.reason : look.label}
      title={[readiness.reason, readiness.message].filter(Boolean).join(": ") || undefined}
    />
  );
}
