import { Link } from "@tanstack/react-router";
import { Boxes, FileCog, LayoutDashboard, type LucideIcon } from "lucide-react";
import { ConnectionStatus } from "./connection-status";
import { Logo } from "./logo";
import { ThemeSwitch } from "./theme-switch";
import { UserMenu } from "./user-menu";

const ITEMS: { to: string; label: string; icon: LucideIcon; exact: boolean }[] = [
  { to: "/", label: "Home", icon: LayoutDashboard, exact: true },
  { to: "/assets", label: "Assets", icon: Boxes, exact: false },
  { to: "/resources", label: "Resources", icon: FileCog, exact: false },
];

/** The left column: full width on a desk, a rail of icons on a panel PC. */
export function Nav() {
  return (
    <nav
      aria-label="Main"
      className="flex h-full w-14 shrink-0 flex-col border-line border-r bg-surface px-2 py-3 wide:w-52 wide:px-3"
    >
      <Link to="/" className="mb-4 flex h-9 items-center gap-2.5 px-1.5" aria-label="Wireway home">
        <Logo />
        <span className="hidden font-semibold text-base tracking-tight wide:inline">Wireway</span>
      </Link>
      <ul className="flex flex-col gap-0.5">
        {ITEMS.map(({ to, label, icon: Icon, exact }) => (
          <li key={to}>
            <Link
              to={to}
              title={label}
              aria-label={label}
              activeOptions={{ exact, includeSearch: false }}
              className="flex h-8 items-center justify-center gap-2.5 rounded-md px-2 font-medium text-ink-2 hover:bg-hover hover:text-ink wide:justify-start"
              activeProps={{ className: "bg-accent-soft !text-accent" }}
            >
              <Icon aria-hidden className="size-4 shrink-0" />
              <span className="hidden wide:inline">{label}</span>
            </Link>
          </li>
        ))}
      </ul>
      <div className="mt-auto flex flex-col gap-3">
        <ConnectionStatus />
        <UserMenu />
        <ThemeSwitch />
      </div>
    </nav>
  );
}
