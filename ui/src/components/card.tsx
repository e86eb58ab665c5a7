import { clsx } from "clsx";
import type { ReactNode } from "react";

interface CardProps {
  title?: ReactNode;
  aside?: ReactNode;
  className?: string;
  testId?: string;
  children: ReactNode;
}

export function Card({ title, aside, className, testId, children }: CardProps) {
  return (
    <section
      data-testid={testId}
      className={clsx("rounded-lg border border-line bg-surface shadow-card", className)}
    >
      {title && (
        <div className="flex h-11 items-center justify-between gap-3 border-line border-b px-4">
          <h2 className="truncate text-sm font-semibold">{title}</h2>
          {aside && <div className="shrink-0 text-xs text-ink-3">{aside}</div>}
        </div>
      )}
      {children}
    </section>
  );
}
