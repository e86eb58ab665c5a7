import { CircleCheck, CircleDashed, Clock, OctagonX, TriangleAlert } from "lucide-react";
import { QUALITY_LABELS, type Quality } from "@/live/quality";
import { Badge } from "./badge";

const LOOKS = {
  good: { icon: CircleCheck, tone: "good", loud: false },
  uncertain: { icon: TriangleAlert, tone: "warn", loud: true },
  bad: { icon: OctagonX, tone: "bad", loud: true },
  stale: { icon: Clock, tone: "mute", loud: true },
  none: { icon: CircleDashed, tone: "mute", loud: false },
} as const;

export function QualityBadge({ quality, detail }: { quality: Quality; detail?: string }) {
  return (
    <Badge
      {...LOOKS[quality]}
      label={QUALITY_LABELS[quality]}
      title={detail || undefined}
      testId="tag-quality"
    />
  );
}
