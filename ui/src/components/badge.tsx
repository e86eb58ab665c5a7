import { clsx } from "clsx";
import type { LucideIcon } from "lucide-react";

export type Tone = "good" | "warn" | "bad" | "mute" | "accent";

const QUIET: Record<Tone, string> = {
  good: "text-good",
  warn: "text-warn",
  bad: "text-bad",
  mute: "text-ink-3",
  accent: "text-accent",
};

const LOUD: Record<Tone, string> = {
  good: "bg-good-soft text-good",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
  mute: "bg-mute-soft text-ink-2",
  accent: "bg-accent-soft text-accent",
};

interface BadgeProps {
  icon: LucideIcon;
  tone: Tone;
  label: string;
  title?: string | undefined;
  /** What is well stays quiet; only what needs attention gets a ground of its own. */
  loud?: boolean;
  testId?: string;
}

export function Badge({ icon: Icon, tone, label, title, loud = false, testId }: BadgeProps) {
  return (
    <span
      data-testid={testId}
      title={title}
      className={clsx(
        "inline-flex h-5 max-w-full align-middle items-center gap-1 rounded-md text-xs font-medium",
        loud ? [LOUD[tone], "px-1.5"] : QUIET[tone],
      )}
    >
      <Icon aria-hidden className="size-3.5 shrink-0" strokeWidth={2} />
      <span className="truncate">{label}</span>
    </span>
  );
}
