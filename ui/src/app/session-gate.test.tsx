import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { run } from "axe-core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { request } from "@/resource/api";
import { Session, SessionProvider } from "@/resource/session";
import { SessionGate } from "./session-gate";
import { UserMenu } from "./user-menu";

let user: string | undefined;
let login: () => Response;
const reload = vi.fn<() => void>();

function answer(path: string): Response {
  const unauthorized = { kind: "Status", message: "Unauthorized" };
  if (path === "/login") return login();
  if (path === "/logout") return Response.json({});
  if (!user) return Response.json(unauthorized, { status: 401 });
  return Response.json({ status: { userInfo: { username: user, groups: ["operators"] } } });
}

beforeEach(() => {
  user = undefined;
  reload.mockReset();
  login = () => {
    user = "ann";
    return Response.json({ username: "ann", groups: ["operators"] });
  };
  vi.stubGlobal("fetch", (path: string) => Promise.resolve(answer(path)));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function show(): void {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SessionProvider value={new Session(reload)}>
        <SessionGate>
          <input aria-label="Filter" />
          <UserMenu />
        </SessionGate>
      </SessionProvider>
    </QueryClientProvider>,
  );
}

async function fillIn(password: string): Promise<void> {
  await userEvent.type(await screen.findByLabelText("Password"), password);
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
}

test("shows nothing of the page before the sign-in, and all of it after", async () => {
  show();
  await screen.findByRole("heading", { name: "Sign in to Wireway" });
  expect(screen.queryByLabelText("Filter")).toBeNull();
  expect(screen.getByLabelText("User name")).toHaveFocus();
  await userEvent.type(screen.getByLabelText("User name"), "ann");
  await fillIn("s3cret");
  expect(await screen.findByLabelText("Filter")).toBeInTheDocument();
  expect(screen.getByTestId("user-menu")).toHaveAccessibleName("Signed in as ann");
});

test("a wrong password is told, tied to the fields, and can be typed over at once", async () => {
  login = () =>
    Response.json({ message: "the user name or the password is wrong" }, { status: 401 });
  show();
  await userEvent.type(await screen.findByLabelText("User name"), "ann");
  await fillIn("wrong");
  const alert = await screen.findByRole("alert");
  expect(alert).toHaveTextContent("The user name or the password is wrong");
  expect(alert).toHaveTextContent("wireway user password");
  const password = screen.getByLabelText("Password");
  expect(password).toHaveFocus();
  expect(password).toBeInvalid();
  expect(password).toHaveAccessibleDescription(/wrong/);
  expect(screen.getByLabelText("User name")).toHaveValue("ann");
});

test("after too many tries the button waits with a reason", async () => {
  login = () =>
    Response.json({ message: "too many" }, { status: 429, headers: { "Retry-After": "30" } });
  show();
  await userEvent.type(await screen.findByLabelText("User name"), "ann");
  await fillIn("wrong");
  expect(await screen.findByRole("alert")).toHaveTextContent(/Try again in (29|30|31) s/);
  expect(screen.getByRole("button", { name: "Sign in" })).toBeDisabled();
});

test("the password can be looked at", async () => {
  show();
  const password = await screen.findByLabelText("Password");
  expect(password).toHaveAttribute("type", "password");
  await userEvent.click(screen.getByRole("button", { name: "Show password" }));
  expect(password).toHaveAttribute("type", "text");
});

test("a session that ends while somebody works loses nothing on the screen", async () => {
  user = "ann";
  show();
  const filter = await screen.findByLabelText("Filter");
  await userEvent.type(filter, "oven");
  user = undefined;
  await act(() => request("/apis").catch(() => undefined));
  expect(await screen.findByRole("dialog")).toHaveTextContent("Your session has ended");
  expect(screen.getByLabelText("User name")).toHaveValue("ann");
  expect(screen.getByLabelText("Password")).toHaveFocus();
  await userEvent.keyboard("{Escape}");
  expect(screen.getByRole("dialog")).toBeInTheDocument();
  await fillIn("s3cret");
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(screen.getByLabelText("Filter")).toBe(filter);
  expect(filter).toHaveValue("oven");
  expect(reload).not.toHaveBeenCalled();
});

test("the menu says who is signed in and signs out", async () => {
  user = "ann";
  show();
  await userEvent.click(await screen.findByTestId("user-menu"));
  const menu = await screen.findByRole("menu");
  expect(menu).toHaveTextContent("Signed in as");
  expect(menu).toHaveTextContent("In operators");
  await userEvent.click(screen.getByRole("menuitem", { name: "Sign out" }));
  expect(reload).toHaveBeenCalledOnce();
});

test("a machine without users shows neither sign-in nor menu", async () => {
  user = "local";
  show();
  await screen.findByLabelText("Filter");
  expect(screen.queryByTestId("user-menu")).toBeNull();
});

test("the sign-in is clean by axe", async () => {
  show();
  await screen.findByRole("heading", { name: "Sign in to Wireway" });
  const { violations } = await run(document.body, { rules: { region: { enabled: false } } });
  expect(violations.map(({ id }) => id)).toEqual([]);
});
