#include "app/cli/snapshot.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "app/cli/targets.h"
#include "app/version.h"

namespace wireway::app::cli {
namespace {

constexpr std::int64_t page_items = 500;
/// Told by the server about itself, or gone in a moment.
constexpr std::array left_out{"events", "events.events.k8s.io", "leases.coordination.k8s.io"};

bool is_kept(const KindInfo& kind, bool include_secrets) {
  if (!kind.can("list") || !kind.can("create")) return false;
  if (kind.qualified() == "secrets") return include_secrets;
  return std::ranges::find(left_out, kind.qualified()) == left_out.end();
}

/// The wish: without status and without what the server counts for itself. The uid stays, by which
/// owners are found again.
json::value wish_of(const KindInfo& kind, const json::value& item) {
  json::object out{{"apiVersion", kind.api_version()}, {"kind", kind.kind}};
  for (const auto& [key, value] : item.as_object())
    if (key != "status") out[key] = value;
  for (const char* key : {"managedFields", "resourceVersion", "generation", "creationTimestamp",
                          "deletionTimestamp", "deletionGracePeriodSeconds"})
    out["metadata"].as_object().erase(key);
  return out;
}

Answer<> add_objects(Session& session, const KindInfo& kind, Snapshot& out) {
  std::string more;
  do {
    std::string path = kind.path("");
    add_query(path, "limit", std::to_string(page_items));
    if (more.empty()) {
      add_query(path, "resourceVersionMatch", "Exact");
      add_query(path, "resourceVersion", std::to_string(out.revision));
    } else {
      add_query(path, "continue", more);
    }
    auto page = session.api.get(path);
    if (!page) return std::unexpected(page.error());
    more = text_at(*page, {"metadata", "continue"});
    const json::value* items = find(*page, "items");
    if (items == nullptr || !items->is_array()) break;
    for (const json::value& item : items->get_array()) out.objects.push_back(wish_of(kind, item));
  } while (!more.empty());
  out.resources.push_back(kind.qualified());
  return {};
}

}  // namespace

Answer<Snapshot> take_snapshot(Session& session, std::int64_t revision, bool include_secrets) {
  Snapshot out;
  out.revision = revision;
  auto kinds = session.kinds.all();
  if (!kinds) return std::unexpected(kinds.error());
  if (out.revision == 0) {
    auto now = session.api.get("/api/v1/namespaces?limit=1");
    if (!now) return std::unexpected(now.error());
    out.revision = int_at(*now, {"metadata", "resourceVersion"}, 0);
  }
  for (const KindInfo& kind : **kinds) {
    if (!is_kept(kind, include_secrets)) continue;
    if (auto done = add_objects(session, kind, out); !done) {
      ApiFailure failure = done.error();
      failure.message =
          fmt::format("{} as of revision {}: {}", kind.qualified(), out.revision, failure.message);
      return std::unexpected(failure);
    }
  }
  return out;
}

std::string to_text(const Snapshot& snapshot, WallTime now) {
  json::array resources(snapshot.resources.begin(), snapshot.resources.end());
  std::string out = json::serialize(json::object{{"kind", "Snapshot"},
                                                 {"apiVersion", "wireway.io/v1"},
                                                 {"revision", snapshot.revision},
                                                 {"time", to_rfc3339(now)},
                                                 {"wireway", version},
                                                 {"resources", std::move(resources)}});
  out += '\n';
  for (const json::value& object : snapshot.objects) out += json::serialize(object) + "\n";
  return out;
}

Result<Snapshot> read_snapshot(std::string_view text) {
  Snapshot out;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    auto value = parse_json(line);
    if (!value) return wrap(fmt::format("line {}", number), value.error());
    if (number > 1) {
      if (text_at(*value, {"kind"}).empty() || text_at(*value, {"metadata", "name"}).empty())
        return fail(Errc::invalid, fmt::format("line {}: this is no resource", number));
      out.objects.push_back(std::move(*value));
      continue;
    }
    const json::value* resources = find(*value, "resources");
    if (text_at(*value, {"kind"}) != "Snapshot" || resources == nullptr || !resources->is_array())
      return fail(Errc::invalid, "line 1: this is no snapshot; `wireway snapshot` makes one");
    out.revision = int_at(*value, {"revision"}, 0);
    for (const json::value& each : resources->get_array())
      if (each.is_string()) out.resources.emplace_back(each.get_string());
  }
  if (number == 0) return fail(Errc::invalid, "it is empty");
  return out;
}

int run_snapshot(Session& session, const SnapshotOptions& options) {
  auto snapshot = take_snapshot(session, options.revision, options.include_secrets);
  if (!snapshot) return session.fail(snapshot.error());
  const std::string text = to_text(*snapshot, session.now);
  if (options.file == "-") {
    session.console.out(text);
    return to_int(Exit::ok);
  }
  // What may hold Secrets is nobody else's to read.
  if (auto written = session.files.replace(options.file, text, 0600); !written)
    return session.fail(written.error());
  session.console.err(fmt::format("{} objects of {} kinds as of revision {} in {}{}\n",
                                  snapshot->objects.size(), snapshot->resources.size(),
                                  snapshot->revision, options.file,
                                  options.include_secrets ? "" : "; without Secrets"));
  return to_int(Exit::ok);
}

void add_snapshot(CLI::App& root, Chosen& chosen) {
  auto [snapshot, options] = add_api_command<SnapshotOptions>(
      root, chosen, {"snapshot", "All resources as of one moment, into a file"}, &run_snapshot);
  snapshot.add_option("file", options.file, "Where to; - is standard output")
      ->capture_default_str();
  snapshot.add_option("--revision", options.revision, "As of this revision instead of now")
      ->check(CLI::PositiveNumber);
  snapshot.add_flag("--include-secrets", options.include_secrets, "Secrets too, with their values");
}

}  // namespace wireway::app::cli
