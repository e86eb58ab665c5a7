import { useQueryClient } from "@tanstack/react-query";
import { CloudOff, type LucideIcon, Unplug } from "lucide-react";
import { type ReactNode, useState } from "react";
import { formatAge, formatInstant } from "@/components/format";
import { Code } from "@/components/message";
import { useNow } from "@/live/clock";
import type { LinkState } from "@/live/connection";
import { useLink } from "@/live/hooks";
import { useLive } from "@/live/live";
import { feedsFor, useFeed } from "@/resource/feeds";
import { type ApiTrouble, useApiTrouble } from "@/resource/health";
import { KINDS } from "@/resource/kinds";

/** A first connection takes a moment; only what lasts longer than this is worth a banner. */
const GRACE_MS = 3000;

/** Says plainly, on every screen, that what is shown may be old: what is broken, why, and when it is tried again. */
export function Banner() {
  const link = useLink();
  const trouble = useApiTrouble();
  const now = useNow();
  const listeners = useFeed(KINDS.listener);
  const [startedAt] = useState(Date.now);
  const late = now - startedAt > GRACE_MS;
  const noDoor = listeners.loaded && !link.url;
  const down = link.phase === "waiting" || (link.phase === "connecting" && link.reason !== "");
  return (
    <div aria-live="polite">
      {trouble && <ApiBanner trouble={trouble} now={now} />}
      {!trouble && noDoor && late && <NoDoorBanner />}
      {down && <LinkBanner link={link} now={now} />}
    </div>
  );
}

function ApiBanner({ trouble, now }: { trouble: ApiTrouble; now: number }) {
  const feeds = feedsFor(useQueryClient());
  return (
    <Strip icon={CloudOff} problem="api" retry={() => feeds.retryNow()}>
      <b className="font-semibold">API unreachable.</b> {trouble.reason}. Resources and their status
      are as last seen. <Next at={trouble.nextRetryAt} now={now} />
    </Strip>
  );
}

function LinkBanner({ link, now }: { link: LinkState; now: number }) {
  const { connection } = useLive();
  return (
    <Strip icon={Unplug} problem="mqtt" retry={() => connection.retryNow()}>
      <b className="font-semibold">
        No live values
        <span aria-hidden className="tabular-nums" title={formatInstant(link.since)}>
          {" "}
          for {formatAge(now - link.since)}
        </span>
        .
      </b>{" "}
      {link.reason}. Values and rates are as last seen. <Next at={link.nextRetryAt} now={now} />
    </Strip>
  );
}

function NoDoorBanner() {
  return (
    <Strip icon={Unplug} problem="listener">
      <b className="font-semibold">No live values.</b> No BrokerListener has a port with{" "}
      <Code>protocol: WebSockets</Code>; add one, and the page connects by itself.
    </Strip>
  );
}

/** Hidden from screen readers, which would read it out every second. */
function Next({ at, now }: { at: number | undefined; now: number }) {
  if (at === undefined) return <span aria-hidden>Trying now…</span>;
  const left = Math.ceil((at - now) / 1000);
  return (
    <span aria-hidden className="tabular-nums">
      {left > 0 ? `Next try in ${left} s.` : "Trying now…"}
    </span>
  );
}

interface StripProps {
  icon: LucideIcon;
  problem: string;
  retry?: () => void;
  children: ReactNode;
}

function Strip({ icon: Icon, problem, retry, children }: StripProps) {
  return (
    <div
      data-testid="conn-banner"
      data-problem={problem}
      className="flex items-center gap-3 border-bad/30 border-b bg-bad-soft px-6 py-2 text-ink"
    >
      <Icon aria-hidden className="size-4 shrink-0 text-bad" />
      <p className="min-w-0 flex-1">{children}</p>
      {retry && (
        <button
          type="button"
          onClick={retry}
          className="h-7 shrink-0 rounded-md border border-bad/40 px-2.5 font-medium hover:border-bad"
        >
          Try now
        </button>
      )}
    </div>
  );
}
