import { CircleCheck, CircleDashed, CircleX } from "lucide-react";
import { Age } from "@/components/age";
import { Badge } from "@/components/badge";
import { conditionsOf } from "@/resource/status";
import type { Condition, Resource } from "@/resource/types";

/** The conditions word for word: type, status, reason, message, and since when. */
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

function Row({ condition, generation }: { condition: Condition; generation?: number | undefined }) {
  const behind =
    generation !== undefined &&
    condition.observedGeneration !== undefined &&
    condition.observedGeneration < generation;
  const look = LOOKS[condition.status] ?? LOOKS.Unknown;
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
      {behind && (
        <p className="mt-1 text-warn text-xs">
          For generation {condition.observedGeneration}; the spec is at {generation}.
        </p>
      )}
    </li>
  );
}
