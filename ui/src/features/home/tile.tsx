import type { ReactNode } from "react";

interface TileProps {
  title: string;
  /** A second number, small, opposite the title. */
  note?: string | undefined;
  children: ReactNode;
}

/** One headline number with its title; all tiles of a row have the same size whatever they hold. */
export function Tile({ title, note, children }: TileProps) {
  return (
    <section className="relative h-[104px] overflow-hidden rounded-lg border border-line bg-surface px-4 py-3 shadow-card">
      <div className="flex items-baseline justify-between text-ink-3 text-xs">
        <h2>{title}</h2>
        <span className="tabular-nums">{note}</span>
      </div>
      {children}
    </section>
  );
}
