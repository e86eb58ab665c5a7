import { useQueryClient } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";
import { Tooltip } from "radix-ui";
import { useEffect } from "react";
import { type Live, LiveProvider } from "@/live/live";
import { feedsFor } from "@/resource/feeds";
import { ApiTroubleContext, useFeedTrouble } from "@/resource/health";
import { Banner } from "./banner";
import { Nav } from "./nav";

export function Shell({ live }: { live: Live }) {
  useVisibility();
  const trouble = useFeedTrouble();
  return (
    <LiveProvider live={live}>
      <ApiTroubleContext value={trouble}>
        <Tooltip.Provider delayDuration={250}>
          <a
            href="#main"
            className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-accent-ink focus:not-sr-only focus:absolute focus:top-2 focus:left-2"
          >
            Skip to content
          </a>
          <div className="flex h-full">
            <Nav />
            <div className="flex min-w-0 flex-1 flex-col">
              <Banner />
              <main id="main" tabIndex={-1} className="min-h-0 flex-1 overflow-auto outline-none">
                <Outlet />
              </main>
            </div>
          </div>
        </Tooltip.Provider>
      </ApiTroubleContext>
    </LiveProvider>
  );
}

/** A tab that nobody sees gives its connections back to those that are seen. */
function useVisibility(): void {
  const client = useQueryClient();
  useEffect(() => {
    const tell = () => feedsFor(client).setVisible(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", tell);
    return () => document.removeEventListener("visibilitychange", tell);
  }, [client]);
}
