import {
  CircleCheck,
  CircleDashed,
  CircleHelp,
  CirclePause,
  CircleX,
  Clock,
  type LucideIcon,
  TriangleAlert,
} from "lucide-react";
import { useApiTrouble } from "@/resource/health";
import type { Readiness, ReadyState } from "@/resource/status";
import { Badge, type Tone } from "./badge";

const LOOKS: Record<ReadyState, { icon: LucideIcon; tone: Tone; label: string; loud: boolean }> = {
  ready: { icon: CircleCheck, tone: "good", label: "Ready", loud: false },
  degraded: { icon: TriangleAlert, tone: "warn", label: "Degraded", loud: true },
  "not-ready": { icon: CircleX, tone: "bad", label: "Not ready", loud: true },
  pending: { icon: CircleDashed, tone: "warn", label: "Pending", loud: true },
  disabled: { icon: CirclePause, tone: "mute", label: "Disabled", loud: true },
  none: { icon: CircleHelp, tone: "mute", label: "No status", loud: false },
};

/** The Ready condition as a badge: its state, or the reason as written. While the API is away it is only last seen. */
export function StateBadge(props: { readiness: Readiness; withReason?: boolean }) {
  const { readiness, withReason = false } = props;
  const look = LOOKS[readiness.state];
  const unseen = useApiTrouble() !== undefined;
  const named = withReason && readiness.state !== "ready" && readiness.reason !== "";
  const label = named ? readiness.reason : look.label;
  return (
    <Badge
      {...look}
      {...(unseen && { tone: "mute", icon: Clock })}
      label={unseen ? `${label}, last seen` : label}
      title={
        [[readiness.reason, readiness.message].filter(Boolean).join(": "), readiness.action]
          .filter(Boolean)
          .join(" ") || undefined
      }
    />
  );
}
