import { Link } from "@tanstack/react-router";
import { useKinds } from "@/resource/feeds";
import { groupKinds } from "./group-kinds";

export function KindNav() {
  const { data, failureCount } = useKinds();
  return (
    <nav
      aria-label="Kinds"
      className="w-48 shrink-0 overflow-auto border-line border-r px-3 py-4 wide:w-56"
    >
      {!data && (
        <p className="px-2 text-ink-3">
          {failureCount > 0 ? "The API does not answer." : "Loading kinds…"}
        </p>
      )}
      {groupKinds(data ?? []).map(([title, kinds]) => (
        <div key={title} className="mb-4">
          <h2 className="mb-1 px-2 text-ink-3 text-xs">{title}</h2>
          <ul>
            {kinds.map((kind) => (
              <li key={`${kind.group}/${kind.plural}`}>
                <Link
                  to="/resources/$plural"
                  params={{ plural: kind.plural }}
                  activeOptions={{ includeSearch: false }}
                  className="flex h-7 items-center rounded-md px-2 text-ink-2 hover:bg-hover hover:text-ink"
                  activeProps={{ className: "bg-accent-soft font-medium !text-accent" }}
                >
                  <span className="truncate">{kind.kind}</span>
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}
