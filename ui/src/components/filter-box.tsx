import { Search } from "lucide-react";

interface FilterBoxProps {
  value: string;
  onChange: (value: string) => void;
  label: string;
}

export function FilterBox({ value, onChange, label }: FilterBoxProps) {
  return (
    <label className="relative block">
      <span className="sr-only">{label}</span>
      <Search
        aria-hidden
        className="pointer-events-none absolute top-2 left-2.5 size-4 text-ink-3"
      />
      <input
        type="search"
        value={value}
        placeholder={label}
        onChange={(event) => onChange(event.target.value)}
        className="h-8 w-60 rounded-md border border-line bg-surface pr-2 pl-8 placeholder:text-ink-3 hover:border-line-strong"
      />
    </label>
  );
}
