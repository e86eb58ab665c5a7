import type { ReactNode } from "react";

interface PageProps {
  title: string;
  /** One quiet line below the title. */
  note?: ReactNode;
  actions?: ReactNode;
  /** The content scrolls by itself, e.g. a virtual list: the page then fills the height exactly. */
  fill?: boolean;
  children: ReactNode;
}

/** The frame of every screen: heading, note and actions at the same place. */
export function Page({ title, note, actions, fill = false, children }: PageProps) {
  return (
    <div className={fill ? "flex h-full min-h-0 flex-col" : "min-h-full pb-8"}>
      <title>{`${title} · Wireway`}</title>
      <header className="flex min-h-16 shrink-0 items-center justify-between gap-4 px-6 pt-4 pb-3">
        <div className="min-w-0">
          <h1 className="truncate text-lg font-semibold tracking-tight">{title}</h1>
          {note && <div className="truncate text-ink-3">{note}</div>}
        </div>
        {actions && <div className="flex shrink-0 items-center gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
