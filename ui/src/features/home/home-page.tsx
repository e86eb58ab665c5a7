import { Lock, Unplug } from "lucide-react";
import { useMemo } from "react";
import { Card } from "@/components/card";
import { Code, Loading, Message } from "@/components/message";
import { Page } from "@/components/page";
import { Trouble } from "@/components/trouble";
import type { ApiError } from "@/resource/api";
import { useFeed } from "@/resource/feeds";
import { KINDS } from "@/resource/kinds";
import type {
  Asset,
  Dataflow,
  DataflowEndpoint,
  EndpointProfile,
  Listener,
} from "@/resource/types";
import { Destinations } from "./destinations";
import { Path } from "./path";
import { RecentEvents } from "./recent-events";
import { Tiles } from "./tiles";
import { buildTopology } from "./topology";

/** The whole way of the data at a glance: how much flows where, and what is in trouble. */
export function HomePage() {
  const profiles = useFeed<EndpointProfile>(KINDS.endpointProfile);
  const assets = useFeed<Asset>(KINDS.asset);
  const brokers = useFeed(KINDS.broker);
  const listeners = useFeed<Listener>(KINDS.listener);
  const dataflows = useFeed<Dataflow>(KINDS.dataflow);
  const endpoints = useFeed<DataflowEndpoint>(KINDS.dataflowEndpoint);
  const topology = useMemo(
    () =>
      buildTopology({
        profiles: profiles.items,
        assets: assets.items,
        brokers: brokers.items,
        brokersHidden: brokers.error?.forbidden ?? false,
        listeners: listeners.items,
        dataflows: dataflows.items,
        endpoints: endpoints.items,
      }),
    [
      profiles.items,
      assets.items,
      brokers.items,
      brokers.error,
      listeners.items,
      dataflows.items,
      endpoints.items,
    ],
  );
  const feeds = [profiles, assets, brokers, dataflows, endpoints];
  const failed = feeds.find((feed) => feed.error && !feed.loaded && !feed.error.forbidden);
  const hidden = feeds.filter((feed) => feed.error?.forbidden);
  const loaded = feeds.every((feed) => feed.loaded || feed.error?.forbidden);
  return (
    <Page title="Home" note="From the PLC to the table, live">
      <Tiles
        assets={assets.loaded ? assets.items : undefined}
        dataflows={dataflows.loaded ? dataflows.items : undefined}
      />
      <div className="mt-3 px-6">
        <Card title="Path of the data" aside="Rates over 5 s, deliveries over 30 s">
          {loaded && topology.nodes.length > 0 ? (
            <Path topology={topology} />
          ) : (
            <Placeholder error={failed?.error ?? hidden[0]?.error} loaded={loaded} />
          )}
          {loaded && topology.nodes.length > 0 && hidden.length > 0 && (
            <p className="flex items-center gap-2 border-line border-t px-4 py-2 text-ink-3">
              <Lock aria-hidden className="size-3.5 shrink-0" />
              What you may not see is left out of this picture.
            </p>
          )}
        </Card>
      </div>
      <div className="mt-3 grid grid-cols-1 items-start gap-3 px-6 min-[1000px]:grid-cols-5">
        <div className="min-[1000px]:col-span-3">
          <RecentEvents />
        </div>
        <div className="min-[1000px]:col-span-2">
          <Destinations
            dataflows={dataflows.loaded ? dataflows.items : undefined}
            forbidden={dataflows.error?.forbidden ?? false}
          />
        </div>
      </div>
    </Page>
  );
}

function Placeholder({ error, loaded }: { error: ApiError | undefined; loaded: boolean }) {
  if (error)
    return <Trouble error={error} title="The path cannot be shown" what="all of this path" />;
  if (!loaded) return <Loading what="the path" />;
  return (
    <Message icon={Unplug} title="Nothing is connected yet">
      <p>
        Start with <Code>wireway up --demo</Code> to see a simulated PLC, or apply an
        AssetEndpointProfile and an Asset with <Code>kubectl apply -f</Code>. They appear here at
        once.
      </p>
    </Message>
  );
}
