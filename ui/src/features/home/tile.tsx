import type { ReactNode } from "react";

/** One headline number with its title; all tiles of a row have the same size whatever they hold. */
export function Tile({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="relative h-[104px] overflow-hidden rounded-lg border border-line bg-surface px-4 py-3 shadow-card">
      <h2 className="text-ink-3 text-xs">{title}</h2>
      {children}
    </section>
  );
}
