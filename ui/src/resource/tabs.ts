/**
 * What another tab of this browser did to the session that all of them share. `changed`: who uses the page
 * may be somebody else by now; `ended`: somebody signed out.
 */
export type SessionNews = "changed" | "ended";

export interface Tabs {
  /** Tells the others. */
  tell(news: SessionNews): void;
  /** Hears of them, and whenever the tab comes back to sight. */
  listen(hear: (news: SessionNews) => void): () => void;
}

const STORAGE_KEY = "wireway.session";

export const browserTabs: Tabs = {
  tell(news) {
    try {
      // Only a value that is new is told.
      localStorage.setItem(STORAGE_KEY, `${news} ${Date.now()}`);
    } catch {
      // Storage can be forbidden; the others then look when they come to sight.
    }
  },

  listen(hear) {
    const onStorage = ({ key, newValue }: StorageEvent) => {
      if (key === STORAGE_KEY) hear(newValue?.startsWith("ended") ? "ended" : "changed");
    };
    const onSight = () => {
      if (document.visibilityState === "visible") hear("changed");
    };
    window.addEventListener("storage", onStorage);
    document.addEventListener("visibilitychange", onSight);
    return () => {
      window.removeEventListener("storage", onStorage);
      document.removeEventListener("visibilitychange", onSight);
    };
  },
};
