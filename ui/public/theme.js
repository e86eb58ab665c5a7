// Runs before the first paint, so that a dark page never flashes white.
// The same rule lives in src/app/theme.ts, which takes over once the page runs.
(() => {
  let choice = null;
  try {
    choice = localStorage.getItem("wireway.theme");
  } catch {
    // Storage can be forbidden; the system's choice then decides.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const known = choice === "light" || choice === "dark" || choice === "contrast";
  document.documentElement.dataset.theme = known ? choice : dark ? "dark" : "light";
})();
