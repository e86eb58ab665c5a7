import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from "@tanstack/react-router";
import { CircleAlert, MapPinOff } from "lucide-react";
import { Loading, Message } from "@/components/message";
import { createLive } from "@/live/live";
import { openMqtt } from "@/live/mqtt";
import { Session, SessionProvider } from "@/resource/session";
import { SessionGate } from "./session-gate";
import { Shell } from "./shell";

const live = createLive(openMqtt);

const session = new Session();

const root = createRootRoute({
  component: () => (
    <SessionProvider value={session}>
      <SessionGate>
        <Shell live={live} />
      </SessionGate>
    </SessionProvider>
  ),
});

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: (search: Record<string, unknown>): { events?: "warnings" } =>
    search.events === "warnings" ? { events: "warnings" } : {},
  component: lazyRouteComponent(() => import("@/features/home/home-page"), "HomePage"),
});

interface TextSearch {
  q?: string;
}

interface AssetSearch extends TextSearch {
  tag?: string | undefined;
  panel?: "closed" | undefined;
}

const textSearch = (search: Record<string, unknown>): TextSearch =>
  typeof search.q === "string" && search.q !== "" ? { q: search.q } : {};

/** The server takes a path with a dot for a file; names may hold dots, but never a tilde. */
const toName = (text: string) => text.replaceAll("~", ".");
const fromName = (name: string) => name.replaceAll(".", "~");

const assets = createRoute({
  getParentRoute: () => root,
  path: "/assets",
  validateSearch: textSearch,
  component: lazyRouteComponent(() => import("@/features/assets/assets-page"), "AssetsPage"),
});

const asset = createRoute({
  getParentRoute: () => root,
  path: "/assets/$namespace/$name",
  params: {
    parse: ({ namespace, name }) => ({ namespace, name: toName(name) }),
    stringify: ({ namespace, name }) => ({ namespace, name: fromName(name) }),
  },
  validateSearch: (search: Record<string, unknown>): AssetSearch => ({
    ...textSearch(search),
    ...(typeof search.tag === "string" ? { tag: search.tag } : {}),
    ...(search.panel === "closed" ? { panel: "closed" } : {}),
  }),
  component: lazyRouteComponent(() => import("@/features/assets/asset-page"), "AssetPage"),
});

const assetByName = createRoute({
  getParentRoute: () => root,
  path: "/assets/$name",
  params: {
    parse: ({ name }) => ({ name: toName(name) }),
    stringify: ({ name }) => ({ name: fromName(name) }),
  },
  component: lazyRouteComponent(() => import("@/features/assets/asset-redirect"), "AssetRedirect"),
});

const resources = createRoute({
  getParentRoute: () => root,
  path: "/resources",
  component: lazyRouteComponent(
    () => import("@/features/resources/resources-page"),
    "ResourcesPage",
  ),
});

const resourcesIndex = createRoute({
  getParentRoute: () => resources,
  path: "/",
  component: lazyRouteComponent(() => import("@/features/resources/overview-page"), "OverviewPage"),
});

const resourceList = createRoute({
  getParentRoute: () => resources,
  path: "$plural",
  validateSearch: textSearch,
  component: lazyRouteComponent(() => import("@/features/resources/list-page"), "ListPage"),
});

const resourceDetail = createRoute({
  getParentRoute: () => resources,
  path: "$plural/$namespace/$name",
  params: {
    parse: ({ plural, namespace, name }) => ({ plural, namespace, name: toName(name) }),
    stringify: ({ plural, namespace, name }) => ({ plural, namespace, name: fromName(name) }),
  },
  component: lazyRouteComponent(() => import("@/features/resources/detail-page"), "DetailPage"),
});

const routeTree = root.addChildren([
  home,
  assets,
  asset,
  assetByName,
  resources.addChildren([resourcesIndex, resourceList, resourceDetail]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultPendingComponent: () => <Loading what="the screen" />,
  defaultNotFoundComponent: () => (
    <Message icon={MapPinOff} title="There is no such screen">
      Choose one on the left.
    </Message>
  ),
  defaultErrorComponent: ({ error }) => (
    <Message icon={CircleAlert} title="This screen failed" tone="bad">
      {error instanceof Error ? error.message : String(error)}
    </Message>
  ),
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
