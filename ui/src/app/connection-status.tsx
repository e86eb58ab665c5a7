import { clsx } from "clsx";
import { CircleCheck, CircleX, LoaderCircle, Lock } from "lucide-react";
import type { LinkState } from "@/live/connection";
import { useLink } from "@/live/hooks";
import { useFeed } from "@/resource/feeds";
import { useApiTrouble } from "@/resource/health";
import { KINDS } from "@/resource/kinds";

/** No role shows the broker's listeners to whoever is signed in: that is nothing broken. */
const FORBIDDEN = "Not allowed";

/** Both of the page's connections at a glance; what to do about a broken one stands in the banner. */
export function ConnectionStatus() {
  const link = useLink();
  const trouble = useApiTrouble();
  const listeners = useFeed(KINDS.listener);
  return (
    <ul data-testid="conn-status" className="flex flex-col gap-1 px-1.5 text-xs">
      <Line
        name="Live values"
        up={link.phase === "connected"}
        text={listeners.error?.forbidden ? FORBIDDEN : linkText(link, listeners.loaded)}
      />
      <Line name="API" up={!trouble} text={trouble ? "Unreachable" : "Connected"} />
    </ul>
  );
}

/** Until the listeners are known there is nothing to connect to, and nothing wrong either. */
function linkText(link: LinkState, known: boolean): string {
  if (link.phase === "connected") return "Connected";
  if (link.phase === "waiting") return "Disconnected";
  if (link.phase === "connecting") return "Connecting";
  return known ? "No listener" : "Waiting";
}

function Line({ name, up, text }: { name: string; up: boolean; text: string }) {
  const forbidden = text === FORBIDDEN;
  const busy = text === "Connecting" || text === "Waiting";
  const Icon = up ? CircleCheck : forbidden ? Lock : busy ? LoaderCircle : CircleX;
  return (
    <li
      title={`${name}: ${text}`}
      className="flex items-center justify-center gap-1.5 wide:justify-start"
    >
      <Icon
        aria-hidden
        className={clsx(
          "size-3.5 shrink-0",
          up ? "text-good" : busy || forbidden ? "text-ink-3" : "text-bad",
        )}
      />
      <span className="hidden text-ink-2 wide:inline">{name}</span>
      <span className="sr-only wide:not-sr-only wide:ml-auto wide:text-ink-3">{text}</span>
    </li>
  );
}
