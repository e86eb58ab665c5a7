import { useCallback, useSyncExternalStore } from "react";

export type ThemeChoice = "system" | "light" | "dark" | "contrast";

const STORAGE_KEY = "wireway.theme";
const listeners = new Set<() => void>();
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

systemDark.addEventListener("change", () => apply(read()));

function read(): ThemeChoice {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    if (stored === "light" || stored === "dark" || stored === "contrast") return stored;
  } catch {
    // Storage can be forbidden; the system's choice then decides.
  }
  return "system";
}

function apply(choice: ThemeChoice): void {
  const system = systemDark.matches ? "dark" : "light";
  document.documentElement.dataset.theme = choice === "system" ? system : choice;
  for (const listener of listeners) listener();
}

function store(choice: ThemeChoice): void {
  try {
    if (choice === "system") localStorage.removeItem(STORAGE_KEY);
    else localStorage.setItem(STORAGE_KEY, choice);
  } catch {
    // The choice then lasts as long as the page.
  }
  apply(choice);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The person's choice; what it comes to is `data-theme` on the root element. */
export function useTheme(): [ThemeChoice, (choice: ThemeChoice) => void] {
  const choice = useSyncExternalStore(subscribe, read);
  return [choice, useCallback(store, [])];
}
