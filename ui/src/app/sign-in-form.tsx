import { CircleAlert, Eye, EyeOff, LogIn } from "lucide-react";
import { type FormEvent, type ReactNode, useId, useRef, useState } from "react";
import { Button } from "@/components/button";
import { Code } from "@/components/message";
import { useNow } from "@/live/clock";
import { useSession } from "@/resource/session";
import { problemOf, type SignInProblem } from "./sign-in-problem";

const FIELD =
  "h-9 w-full rounded-md border border-line-strong bg-surface px-2.5 text-base text-ink aria-invalid:border-bad";

/** Name and password; what is wrong with them stands above the button and takes the focus back. */
export function SignInForm({ user = "" }: { user?: string | undefined }) {
  const { session } = useSession();
  const [problem, setProblem] = useState<SignInProblem>();
  const [busy, setBusy] = useState(false);
  const password = useRef<HTMLInputElement>(null);
  const problemId = useId();
  const wait = useSecondsUntil(problem?.waitUntil);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(undefined);
    try {
      await session.signIn(String(fields.get("username")), String(fields.get("password")));
    } catch (error) {
      setProblem(problemOf(error, Date.now(), location.host));
      setBusy(false);
      password.current?.focus();
      password.current?.select();
    }
  };

  const told = problem
    ? { "aria-invalid": problem.wrong ?? false, "aria-describedby": problemId }
    : {};
  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
      <Labelled label="User name">
        <input
          {...told}
          required
          name="username"
          defaultValue={user}
          // biome-ignore lint/a11y/noAutofocus: there is nothing else to do here.
          autoFocus={user === ""}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          className={FIELD}
        />
      </Labelled>
      <Password refersTo={password} told={told} focused={user !== ""} />
      {problem && <Problem id={problemId} problem={problem} wait={wait} />}
      <Button
        primary
        type="submit"
        icon={LogIn}
        disabled={busy || wait > 0}
        className="!h-9 !text-base"
      >
        {busy ? "Signing in…" : "Sign in"}
      </Button>
    </form>
  );
}

function Labelled({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the field is among the children.
    <label className="flex flex-col gap-1.5 font-medium text-ink-2">
      {label}
      {children}
    </label>
  );
}

interface PasswordProps {
  refersTo: React.RefObject<HTMLInputElement | null>;
  told: object;
  focused: boolean;
}

function Password({ refersTo, told, focused }: PasswordProps) {
  const [shown, setShown] = useState(false);
  const Icon = shown ? EyeOff : Eye;
  return (
    <div className="relative">
      <Labelled label="Password">
        <input
          {...told}
          required
          ref={refersTo}
          name="password"
          type={shown ? "text" : "password"}
          // biome-ignore lint/a11y/noAutofocus: the name is known already.
          autoFocus={focused}
          autoComplete="current-password"
          autoCapitalize="none"
          spellCheck={false}
          className={`${FIELD} pr-10`}
        />
      </Labelled>
      <button
        type="button"
        aria-label="Show password"
        aria-pressed={shown}
        onClick={() => setShown(!shown)}
        className="absolute right-1 bottom-1 flex size-7 items-center justify-center rounded text-ink-3 hover:text-ink"
      >
        <Icon aria-hidden className="size-4" />
      </button>
    </div>
  );
}

interface ProblemProps {
  id: string;
  problem: SignInProblem;
  wait: number;
}

function Problem({ id, problem, wait }: ProblemProps) {
  return (
    <div
      id={id}
      role="alert"
      data-testid="sign-in-problem"
      className="flex gap-2.5 rounded-md bg-bad-soft px-3 py-2.5"
    >
      <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
      <div>
        <p className="font-medium text-ink">{problem.title}.</p>
        <p className="text-ink-2">
          {problem.remedy}
          {problem.command && (
            <>
              {" "}
              <Code>{problem.command}</Code>
            </>
          )}
          {wait > 0 && (
            <span aria-hidden className="tabular-nums">
              {" "}
              Try again in {wait} s.
            </span>
          )}
        </p>
      </div>
    </div>
  );
}

function useSecondsUntil(time: number | undefined): number {
  const now = useNow();
  return time === undefined ? 0 : Math.max(0, Math.ceil((time - now) / 1000));
}
