import { CircleCheck, CircleDashed, CircleX, TriangleAlert } from "lucide-react";
import { Age } from "@/components/age";
import { Badge } from "@/components/badge";
import { conditionsOf } from "@/resource/status";
import type { Condition, Resource } from "@/resource/types";

/** The conditions word for word: type, status, reason, message, what to do about it, and since when. */
export function Conditions({ resource }: { resource: Resource }) {
  const conditions = conditionsOf(resource);
  if (conditions.length === 0) {
    return <p className="px-4 py-6 text-center text-ink-3">Nothing has reported a status yet.</p>;
  }
  return (
    <ul className="divide-y divide-line">
      {conditions.map((condition) => (
        <Row key={condition.type} condition={condition} generation={resource.metadata.generation} />
      ))}
    </ul>
  );
}

const LOOKS = {
  True: { icon: CircleCheck, tone: "good", loud: false },
  False: { icon: CircleX, tone: "bad", loud: true },
  Unknown: { icon: CircleDashed, tone: "warn", loud: true },
} as const;

/** Degraded and Reconciling are what is unusual: True is what needs a look. */
const UNUSUAL = {
  True: { icon: TriangleAlert, tone: "warn", loud: true },
  False: { icon: CircleCheck, tone: "good", loud: false },
  Unknown: LOOKS.Unknown,
} as const;

function Row({ condition, generation }: { condition: Condition; generation?: number | undefined }) {
  const behind =
    generation !== undefined &&
    condition.observedGeneration !== undefined &&
    condition.observedGeneration < generation;
  const isUnusual = condition.type === "Degraded" || condition.type === "Reconciling";
  const look = (isUnusual ? UNUSUAL : LOOKS)[condition.status] ?? LOOKS.Unknown;
  return (
    <li className="px-4 py-3">
      <div className="flex items-center gap-2">
        <span className="font-medium">{condition.type}</span>
        <Badge {...look} label={condition.status} />
        <span className="truncate text-ink-2">{condition.reason}</span>
        <span className="ml-auto shrink-0 text-ink-3 text-xs">
          for <Age time={condition.lastTransitionTime} />
        </span>
      </div>
      {condition.message && <p className="mt-1 break-words text-ink-2">{condition.message}</p>}
      {condition.recommendedAction && (
        <p className="mt-1 break-words">
          <span className="font-medium">What to do:</span> {condition.recommendedAction}
        </p>
      )}
      {behind && (
        <p className="mt-1 text-warn text-xs">
          For generation {condition.observedGeneration}; the spec is at {generation}.
        </p>
      )}
    </li>
  );
}
