import { Code } from "@/components/message";
import { Logo } from "./logo";
import { SignInForm } from "./sign-in-form";
import { ThemeSwitch } from "./theme-switch";

/** The whole window before anybody is known; the address stays, so that a sign-in leads to where one was going. */
export function SignInPage() {
  return (
    <div className="flex min-h-full flex-col items-center justify-center gap-5 px-4 py-8">
      <title>Sign in · Wireway</title>
      <main data-testid="sign-in" className="w-full max-w-sm">
        <div className="rounded-xl border border-line bg-surface p-7 shadow-float">
          <div className="mb-6 flex items-center gap-3">
            <Logo />
            <div className="min-w-0">
              <h1 className="font-semibold text-lg tracking-tight">Sign in to Wireway</h1>
              <p className="truncate text-ink-3" title="The instance that you are signing in to">
                {location.host}
              </p>
            </div>
          </div>
          <SignInForm />
        </div>
        <p className="mt-4 px-2 text-center text-ink-3 text-xs leading-6">
          No account? An administrator makes one on the machine: <Code>wireway user add NAME</Code>
        </p>
      </main>
      <div className="w-40">
        <ThemeSwitch row />
      </div>
    </div>
  );
}
