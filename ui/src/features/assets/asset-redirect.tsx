import { getRouteApi, Navigate } from "@tanstack/react-router";
import { PackageX } from "lucide-react";
import { Loading, Message } from "@/components/message";
import { Page } from "@/components/page";
import { Trouble } from "@/components/trouble";
import { useFeed } from "@/resource/feeds";
import { KINDS } from "@/resource/kinds";
import type { Asset } from "@/resource/types";

const route = getRouteApi("/assets/$name");

/** `/assets/oven` without a namespace: a short address that people can type. */
export function AssetRedirect() {
  const { name } = route.useParams();
  const feed = useFeed<Asset>(KINDS.asset);
  const asset = feed.items.find(({ metadata }) => metadata.name === name);
  if (asset) {
    const params = { namespace: asset.metadata.namespace ?? "_", name };
    return <Navigate to="/assets/$namespace/$name" params={params} replace />;
  }
  return (
    <Page title={name}>
      {feed.loaded ? (
        <Message icon={PackageX} title={`There is no asset ${name}`}>
          If it is created, it appears here.
        </Message>
      ) : feed.error ? (
        <Trouble error={feed.error} title="Cannot load the asset" what="assets" />
      ) : (
        <Loading what="the asset" />
      )}
    </Page>
  );
}
