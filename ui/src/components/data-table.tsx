import { useVirtualizer } from "@tanstack/react-virtual";
import { clsx } from "clsx";
import { type KeyboardEvent, type ReactNode, useRef } from "react";

export interface Column {
  title: string;
  /** Numbers stand right-aligned. */
  right?: boolean;
  className?: string;
}

interface DataTableProps<Item> {
  label: string;
  columns: readonly Column[];
  /** Tailwind classes of the grid that header and rows share. */
  grid: string;
  items: readonly Item[];
  rowHeight: number;
  keyOf: (item: Item) => string;
  row: (item: Item, place: RowPlace) => ReactNode;
  /** What stands below the header when the filter leaves nothing. */
  empty: string;
  /** Arrow keys move from row to row. */
  onStep?: (item: Item) => void;
}

const HEADER_HEIGHT = 37;

export interface RowPlace {
  grid: string;
  index: number;
  top: number;
  height: number;
}

/** A virtual table: only what is seen exists, every row has the same height, the header stays. */
export function DataTable<Item>(props: DataTableProps<Item>) {
  const { label, columns, grid, items, rowHeight, keyOf, row, empty, onStep } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => (items[index] === undefined ? index : keyOf(items[index])),
    overscan: 6,
    scrollPaddingStart: HEADER_HEIGHT,
  });
  const step = (event: KeyboardEvent) => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const here = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
    if (by === 0 || !here) return;
    event.preventDefault();
    const next = Number(here.dataset.index) + by;
    const item = items[next];
    if (item === undefined) return;
    rows.scrollToIndex(next);
    onStep?.(item);
    requestAnimationFrame(() => {
      const target = scroller.current?.querySelector(`[data-index="${next}"]`);
      target?.querySelector<HTMLElement>("a, button")?.focus({ preventScroll: true });
    });
  };
  return (
    <div
      role="table"
      aria-label={label}
      aria-rowcount={items.length + 1}
      className="flex max-h-max min-h-0 flex-1 flex-col overflow-hidden rounded-lg border border-line bg-surface shadow-card"
    >
      <div ref={scroller} onKeyDown={step} role="presentation" className="min-h-0 overflow-y-auto">
        <div
          role="rowgroup"
          className="sticky top-0 z-10 border-line border-b bg-surface text-ink-3 text-xs"
        >
          <div role="row" aria-rowindex={1} className={clsx(grid, "h-9")}>
            {columns.map(({ title, right, className }) => (
              <span
                key={title}
                role="columnheader"
                className={clsx("truncate", right && "text-right", className)}
              >
                {title}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="relative" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const item = items[index];
            if (item === undefined) return null;
            return row(item, { grid, index, top: start, height: rowHeight });
          })}
        </div>
        {items.length === 0 && <p className="py-8 text-center text-ink-3">{empty}</p>}
      </div>
    </div>
  );
}

interface RowProps {
  place: RowPlace;
  testId: string;
  name: string;
  selected?: boolean;
  children: ReactNode;
}

export function Row({ place, testId, name, selected = false, children }: RowProps) {
  return (
    <div
      role="row"
      aria-rowindex={place.index + 2}
      data-testid={testId}
      data-name={name}
      data-index={place.index}
      style={{ top: place.top, height: place.height }}
      className={clsx(
        place.grid,
        "absolute inset-x-0 border-line border-b",
        selected ? "bg-accent-soft" : "hover:bg-hover",
      )}
    >
      {children}
    </div>
  );
}

interface CellProps {
  right?: boolean;
  title?: string | undefined;
  testId?: string;
  className?: string | undefined;
  children?: ReactNode;
}

export function Cell({ right = false, title, testId, className, children }: CellProps) {
  return (
    <span
      role="cell"
      title={title}
      data-testid={testId}
      className={clsx("min-w-0 truncate", right && "num", className)}
    >
      {children}
    </span>
  );
}
