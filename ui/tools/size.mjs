// Measures what each screen loads at first, gzip, and fails above the limit.
// First load = the page's own code, the screen's chunk, what both import, and the MQTT library
// that every screen asks for right after its first paint. The YAML and trend views come on demand.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 300;
const ROUTES = {
  "/": ["home-page"],
  "/assets": ["assets-page"],
  "/assets/:asset": ["asset-page"],
  "/resources": ["resources-page", "overview-page"],
  "/resources/:kind": ["resources-page", "list-page"],
  "/resources/:kind/:name": ["resources-page", "detail-page"],
};
const ON_DEMAND = ["trend", "code-view"];

const assets = new URL("../dist/assets/", import.meta.url);
const files = readdirSync(assets);
const find = (name) =>
  files.filter((file) => file.startsWith(`${name}-`) && /\.(js|css)$/.test(file));
const gzipKb = (file) => gzipSync(readFileSync(new URL(file, assets))).length / 1000;

function closure(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  if (!file.endsWith(".js")) return seen;
  const text = readFileSync(new URL(file, assets), "utf8");
  for (const [, name] of text.matchAll(/(?:import|from)\s*["']\.\/([^"']+)["']/g)) {
    closure(name, seen);
  }
  return seen;
}

const shared = [...find("index"), ...find("mqtt.esm")];
let failed = false;
for (const [route, names] of Object.entries(ROUTES)) {
  const loaded = new Set([...shared, ...names.flatMap(find)].flatMap((file) => [...closure(file)]));
  const total = [...loaded].reduce((sum, file) => sum + gzipKb(file), 0);
  if (total > LIMIT_KB) failed = true;
  process.stdout.write(`${route.padEnd(26)} ${total.toFixed(1).padStart(7)} kB gzip\n`);
}
for (const name of ON_DEMAND) {
  const total = find(name).reduce((sum, file) => sum + gzipKb(file), 0);
  process.stdout.write(`on demand: ${name.padEnd(15)} ${total.toFixed(1).padStart(7)} kB gzip\n`);
}
if (failed) {
  process.stderr.write(`A route loads more than ${LIMIT_KB} kB gzip.\n`);
  process.exit(1);
}
