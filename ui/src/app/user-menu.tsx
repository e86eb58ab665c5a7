import { CircleUserRound, LogOut } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { useState } from "react";
import { useSession } from "@/resource/session";

/** Who is signed in, and the way out; nothing where nobody has to sign in. */
export function UserMenu() {
  const { session, state } = useSession();
  const [failed, setFailed] = useState("");
  if (state.user === undefined) return null;
  const groups = state.groups.filter((group) => group !== "system:authenticated");
  const signOut = () => {
    setFailed("");
    session.signOut().catch((error: unknown) => {
      setFailed(error instanceof Error ? error.message : String(error));
    });
  };
  return (
    <div>
      <DropdownMenu.Root>
        <DropdownMenu.Trigger
          data-testid="user-menu"
          aria-label={`Signed in as ${state.user}`}
          title={`Signed in as ${state.user}`}
          className="flex h-8 w-full items-center justify-center gap-2 rounded-md px-1.5 text-ink-2 hover:bg-hover hover:text-ink data-[state=open]:bg-hover wide:justify-start"
        >
          <CircleUserRound aria-hidden className="size-4 shrink-0" />
          <span className="hidden truncate font-medium wide:inline">{state.user}</span>
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content
            side="top"
            align="start"
            sideOffset={6}
            collisionPadding={8}
            className="z-30 w-60 rounded-lg border border-line bg-surface p-1 shadow-float"
          >
            <DropdownMenu.Label className="px-2.5 py-2">
              <span className="block text-ink-3 text-xs">Signed in as</span>
              <span className="block truncate font-semibold">{state.user}</span>
              {groups.length > 0 && (
                <span className="block text-ink-3 text-xs">In {groups.join(", ")}</span>
              )}
            </DropdownMenu.Label>
            <DropdownMenu.Separator className="my-1 h-px bg-line" />
            <DropdownMenu.Item
              onSelect={signOut}
              className="flex h-8 cursor-default items-center gap-2 rounded-md px-2.5 outline-none data-[highlighted]:bg-hover"
            >
              <LogOut aria-hidden className="size-4 text-ink-3" />
              Sign out
            </DropdownMenu.Item>
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      {failed && (
        <p role="alert" className="px-1.5 text-bad text-xs">
          Not signed out: {failed}
        </p>
      )}
    </div>
  );
}
