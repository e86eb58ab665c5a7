import { Inbox } from "lucide-react";
import type { ReactNode } from "react";
import type { FeedState } from "@/resource/feed";
import { Loading, Message } from "./message";
import { Trouble } from "./trouble";

/** The state of a feed that has nothing to show yet; undefined once there are items. */
export function feedMessage(feed: FeedState, what: string, hint: ReactNode): ReactNode {
  if (feed.items.length > 0) return undefined;
  if (feed.error) return <Trouble error={feed.error} title={`Cannot list ${what}`} what={what} />;
  if (!feed.loaded) return <Loading what={what} />;
  return (
    <Message icon={Inbox} title={`No ${what}`}>
      {hint}
    </Message>
  );
}
