import { type Column, DataTable } from "@/components/data-table";
import type { TagEntry } from "./tag-list";
import { TagRow } from "./tag-row";

const GRID =
  "grid grid-cols-[minmax(120px,1fr)_minmax(140px,1.1fr)_104px_124px_72px_56px] wide:grid-cols-[minmax(140px,1fr)_minmax(160px,1.2fr)_108px_124px_76px_108px_56px] items-center gap-x-4 px-4";
const ROW_HEIGHT = 40;

const COLUMNS: Column[] = [
  { title: "Tag" },
  { title: "Value", right: true },
  { title: "Quality" },
  { title: "Last minute" },
  { title: "Updates/s", right: true },
  { title: "Source time", right: true, className: "hidden wide:block" },
  { title: "Age", right: true },
];

interface TagTableProps {
  entries: readonly TagEntry[];
  /** Why every value is stale; undefined while the asset lives. */
  stale: string | undefined;
  selected: string | undefined;
  onSelect: (name: string) => void;
}

/** The live table. Rows have one height and columns one width: nothing moves but the digits. */
export function TagTable({ entries, stale, selected, onSelect }: TagTableProps) {
  return (
    <DataTable
      label="Tags"
      columns={COLUMNS}
      grid={GRID}
      items={entries}
      rowHeight={ROW_HEIGHT}
      keyOf={tagKey}
      row={(entry, place) => (
        <TagRow
          key={tagKey(entry)}
          entry={entry}
          index={place.index}
          top={place.top}
          grid={GRID}
          height={ROW_HEIGHT}
          stale={stale}
          selected={entry.name === selected}
          onSelect={onSelect}
        />
      )}
      empty="No tag matches the filter."
      onStep={(entry) => selected !== undefined && onSelect(entry.name)}
    />
  );
}

function tagKey(entry: TagEntry): string {
  return `${entry.topic}/${entry.dataset}/${entry.name}`;
}
