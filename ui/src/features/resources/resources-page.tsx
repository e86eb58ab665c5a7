import { Outlet } from "@tanstack/react-router";
import { KindNav } from "./kind-nav";

/** Every kind that the API serves, at the side; the list or one resource beside it. */
export function ResourcesPage() {
  return (
    <div className="flex h-full min-h-0">
      <KindNav />
      <div className="min-w-0 flex-1 overflow-auto">
        <Outlet />
      </div>
    </div>
  );
}
