import { useQueryClient } from "@tanstack/react-query";
import { Dialog } from "radix-ui";
import { type ReactNode, useEffect, useState } from "react";
import { Loading } from "@/components/message";
import { feedsFor, KINDS_KEY } from "@/resource/feeds";
import { useSession } from "@/resource/session";
import { SignInForm } from "./sign-in-form";
import { SignInPage } from "./sign-in-page";

/**
 * Lets in whom the API knows. Where a session ends while somebody works, the sign-in stands before the page
 * and the page stays as it is.
 */
export function SessionGate({ children }: { children: ReactNode }) {
  const { session, state } = useSession();
  const client = useQueryClient();
  const [entered, setEntered] = useState(false);
  const { phase } = state;
  useEffect(() => session.start(), [session]);
  useEffect(() => {
    feedsFor(client).setSignedIn(phase !== "out");
    if (phase === "in") void client.invalidateQueries({ queryKey: KINDS_KEY });
  }, [client, phase]);
  if (phase === "in" && !entered) setEntered(true);

  if (entered || phase === "in") {
    return (
      <>
        {children}
        <SessionEnded open={phase === "out"} user={state.user} />
      </>
    );
  }
  return phase === "out" ? <SignInPage /> : <Waiting />;
}

function Waiting() {
  return (
    <main aria-busy className="flex h-full items-center justify-center">
      <Loading what="Wireway" />
    </main>
  );
}

const stay = (event: Event) => event.preventDefault();

function SessionEnded({ open, user }: { open: boolean; user: string | undefined }) {
  return (
    <Dialog.Root open={open}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-ground/75 backdrop-blur-[3px]" />
        <Dialog.Content
          data-testid="session-ended"
          onEscapeKeyDown={stay}
          onInteractOutside={stay}
          className="fixed top-1/2 left-1/2 z-50 w-[min(24rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 rounded-xl border border-line bg-surface p-7 shadow-float outline-none"
        >
          <Dialog.Title className="font-semibold text-lg tracking-tight">
            {user ? "Your session has ended" : "Sign in to go on"}
          </Dialog.Title>
          <Dialog.Description className="mt-1 mb-5 text-ink-3">
            {user
              ? "Sign in again: nothing on the screen is lost, and it goes on where it was."
              : "From now on this system asks who uses it. Nothing on the screen is lost."}
          </Dialog.Description>
          <SignInForm user={user} />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
