import { getRouteApi } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import { useMemo } from "react";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { EventList } from "@/components/event-list";
import { eventRows } from "@/resource/event";
import { useFeed } from "@/resource/feeds";
import { KINDS } from "@/resource/kinds";

const route = getRouteApi("/");
const EVENTS_MAX = 30;

/** What happened lately to any resource: starts, restarts, warnings. */
export function RecentEvents() {
  const feed = useFeed(KINDS.event);
  const { events: shown } = route.useSearch();
  const navigate = route.useNavigate();
  const warningsOnly = shown === "warnings";
  const rows = useMemo(() => {
    const all = eventRows(feed.items);
    return all.filter((row) => row.warning || !warningsOnly).slice(0, EVENTS_MAX);
  }, [feed.items, warningsOnly]);
  const toggle = () =>
    void navigate({ search: warningsOnly ? {} : { events: "warnings" }, replace: true });
  return (
    <Card
      title="Events"
      aside={
        <Button icon={TriangleAlert} pressed={warningsOnly} onClick={toggle} className="!h-7">
          Warnings only
        </Button>
      }
    >
      <div className="h-80 overflow-auto">
        <EventList rows={rows} loaded={feed.loaded} error={feed.error} withObject />
      </div>
    </Card>
  );
}
