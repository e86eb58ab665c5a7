import { afterEach, expect, test, vi } from "vitest";
import { browserTabs } from "./tabs";

afterEach(() => {
  vi.restoreAllMocks();
  localStorage.clear();
});

function storage(key: string, newValue: string): void {
  window.dispatchEvent(new StorageEvent("storage", { key, newValue }));
}

test("hears what another tab told, and nothing else of the storage", () => {
  const hear = vi.fn();
  const stop = browserTabs.listen(hear);
  storage("wireway.theme", "dark");
  expect(hear).not.toHaveBeenCalled();
  for (const news of ["changed", "ended"] as const) {
    browserTabs.tell(news);
    storage("wireway.session", localStorage.getItem("wireway.session") ?? "");
    expect(hear).toHaveBeenLastCalledWith(news);
  }
  stop();
  storage("wireway.session", "ended 1");
  expect(hear).toHaveBeenCalledTimes(2);
});

test("looks again when the tab comes to sight, not when it goes", () => {
  const hear = vi.fn();
  const stop = browserTabs.listen(hear);
  const sight = vi.spyOn(document, "visibilityState", "get");
  sight.mockReturnValue("hidden");
  document.dispatchEvent(new Event("visibilitychange"));
  expect(hear).not.toHaveBeenCalled();
  sight.mockReturnValue("visible");
  document.dispatchEvent(new Event("visibilitychange"));
  expect(hear).toHaveBeenCalledExactlyOnceWith("changed");
  stop();
});

test("a browser that forbids storage still signs in", () => {
  vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("forbidden", "SecurityError");
  });
  expect(() => browserTabs.tell("changed")).not.toThrow();
});
