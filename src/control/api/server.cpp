#include "control/api/server.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "base/log.h"
#include "base/yaml.h"
#include "control/access/shipped.h"
#include "control/api/discovery.h"
#include "control/api/history.h"
#include "control/api/object_meta.h"
#include "control/api/openapi.h"
#include "control/api/reviews.h"
#include "control/api/route.h"

namespace wireway::control {
namespace {

constexpr std::int64_t list_items_max = 100'000;
constexpr std::int64_t page_items = 500;
constexpr std::size_t collected_at_once = 200;
constexpr Duration sweep_interval = std::chrono::seconds{30};
constexpr std::string_view definitions = "customresourcedefinitions.apiextensions.k8s.io";

Reply json_reply(unsigned code, std::string body, const Accept& accept) {
  Reply reply;
  reply.response.status = code;
  reply.response.headers = {{"Content-Type", accept.yaml ? "application/yaml" : "application/json"},
                            {"Cache-Control", "no-cache, private"}};
  reply.response.body = std::move(body);
  return reply;
}

Reply json_reply(unsigned code, const json::object& body, const Accept& accept) {
  return json_reply(code, accept.yaml ? to_yaml(body) : json::serialize(body), accept);
}

Reply error_reply(const ApiError& error) {
  Reply reply = json_reply(error.code, json::serialize(to_status(error)), Accept{});
  if (error.code == 429) reply.response.headers.emplace_back("Retry-After", "1");
  return reply;
}

Reply text_reply(unsigned code, std::string body) {
  Reply reply;
  reply.response.status = code;
  reply.response.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  reply.response.body = std::move(body);
  return reply;
}

/// RFC 7234 warn-text, as client-go parses it.
std::string warning_header(std::string_view text) {
  std::string out = "299 - \"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out + "\"";
}

bool is_aggregated_discovery(std::string_view path) { return path == "/api" || path == "/apis"; }

ApiResult<Propagation> read_propagation(const std::string& text) {
  if (text.empty() || text == "Background") return Propagation::background;
  if (text == "Foreground") return Propagation::foreground;
  if (text == "Orphan") return Propagation::orphan;
  return std::unexpected(bad_request(
      fmt::format("propagationPolicy: Unsupported value: \"{}\": supported values: \"Background\", "
                  "\"Foreground\", \"Orphan\"",
                  text)));
}

ApiResult<DeleteOptions> read_delete_options(const link::HttpRequest& request, Call& call) {
  DeleteOptions options;
  json::value given = json::object();
  if (!request.body.empty()) {
    auto body = read_body(request.header("content-type"), request.body);
    if (!body) return std::unexpected(body.error());
    given = std::move(*body);
  }
  const json::value* body = &given;
  auto how = read_propagation(
      text_at(given, {"propagationPolicy"}, std::string(request.query_value("propagationPolicy"))));
  if (!how) return std::unexpected(how.error());
  options.propagation = *how;
  if (bool_at(given, {"orphanDependents"}, false)) options.propagation = Propagation::orphan;
  options.uid = text_at(*body, {"preconditions", "uid"});
  options.resource_version = text_at(*body, {"preconditions", "resourceVersion"});
  if (const json::value* dry_run = find(*body, "dryRun");
      dry_run != nullptr && dry_run->is_array() && !dry_run->get_array().empty())
    call.dry_run = true;
  return options;
}

ApiResult<PatchType> read_patch_type(std::string_view content_type, const ResourceType& type) {
  content_type = content_type.substr(0, content_type.find(';'));
  if (content_type == "application/json-patch+json") return PatchType::json;
  if (content_type == "application/merge-patch+json") return PatchType::merge;
  if (content_type == "application/apply-patch+yaml") return PatchType::apply;
  const bool core = type.behaviour != Behaviour::custom;
  if (core && content_type == "application/strategic-merge-patch+json") return PatchType::strategic;
  return std::unexpected(unsupported_media_type(
      core ? "application/json-patch+json, application/merge-patch+json, "
             "application/strategic-merge-patch+json, application/apply-patch+yaml"
           : "application/json-patch+json, application/merge-patch+json, "
             "application/apply-patch+yaml"));
}

ApiResult<Selector> read_selector(const link::HttpRequest& request, const ResourceType& type) {
  auto selector = Selector::parse(request.query_value("labelSelector"),
                                  request.query_value("fieldSelector"), type.selectable_fields);
  if (selector) return std::move(*selector);
  return std::unexpected(bad_request(selector.error().message));
}

}  // namespace

struct ApiServer::Route {
  ObjectPath path;
  Call call;
};

ApiServer::ApiServer(Store& store, ApiServerOptions options)
    : store_(store),
      options_(std::move(options)),
      gate_(options_.access),
      audit_(store),
      objects_(store, catalog_, options_.new_uid),
      garbage_(store, catalog_, objects_) {
  server_id_ = options_.new_uid().substr(0, 8);
  store_.on_committed([this](const RevisionRef& revision) { on_committed(revision); });
  objects_.on_grant([this](const Call& call, const json::value& object) {
    return gate_.check_grant(call.who, call.type->name, object);
  });
}

ApiServer::~ApiServer() {
  store_.on_committed(nullptr);
  for (auto& [id, session] : watches_) session->end();
}

Result<std::unique_ptr<ApiServer>> ApiServer::start(Store& store, ApiServerOptions options) {
  auto server = std::make_unique<ApiServer>(store, std::move(options));
  if (auto done = server->load(); !done) return std::unexpected(done.error());
  // What a version brings along is no deed of anybody's.
  const ApiServerOptions& made = server->options_;
  server->audit_.start({.sink = made.audit, .clock = made.clock, .new_uid = made.new_uid});
  return server;
}

bool ApiServer::owns(std::string_view path) {
  for (const std::string_view root :
       {"/api", "/apis", "/openapi", "/version", "/healthz", "/readyz", "/livez", "/wireway",
        "/openid", "/.well-known", "/metrics"})
    if (path == root || (path.starts_with(root) && path[root.size()] == '/')) return true;
  return false;
}

Reply ApiServer::handle(const link::HttpRequest& request) {
  audit_.begin();
  Reply reply = answer(request);
  audit_.end(request, reply.response);
  metrics_.count(request.method, reply.response.status);
  return reply;
}

Reply ApiServer::answer(const link::HttpRequest& request) {
  // Boost.JSON reports exhausted memory and impossible conversions by exceptions; they end here.
  try {
    return route(request);
  } catch (const std::exception& error) {
    log::error("{} {}: {}", request.method, request.path, error.what());
    return error_reply(
        {500, "InternalError", fmt::format("Internal error occurred: {}", error.what()), {}});
  }
}

ApiResult<Identity> ApiServer::admit(const link::HttpRequest& request,
                                     const std::optional<ObjectPath>& path) {
  auto who = gate_.identify(request);
  if (!who) return who;
  audit_.admitted(*who);
  if (auto may = gate_.allow(*who, request, path); !may) return std::unexpected(may.error());
  return who;
}

Reply ApiServer::route(const link::HttpRequest& request) {
  if (request.body.size() > options_.body_bytes_max)
    return error_reply(too_large(options_.body_bytes_max));
  const std::string& path = request.path;
  for (const std::string_view probe : {"/healthz", "/readyz", "/livez"})
    if (path.starts_with(probe)) return text_reply(200, "ok");
  if (path == "/openapi/v2" &&
      request.header("accept").find("proto-openapi.spec.v2") != std::string_view::npos &&
      request.header("accept").find("application/json") == std::string_view::npos) {
    if (auto who = admit(request, std::nullopt); !who) return error_reply(who.error());
    Reply reply = text_reply(200, openapi_v2_protobuf());
    // Asked for with an @, which is no valid media type; answered as the real server does since
    // 1.23.
    reply.response.headers = {
        {"Content-Type", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"}};
    return reply;
  }
  if (path == "/metrics") {
    auto reply = metrics(request);
    return reply ? std::move(*reply) : error_reply(reply.error());
  }
  auto accept = read_accept(request.header("accept"));
  if (!accept) return error_reply(accept.error());
  auto reply = route_api(request, *accept);
  return reply ? std::move(*reply) : error_reply(reply.error());
}

ApiResult<Reply> ApiServer::route_api(const link::HttpRequest& request, const Accept& accept) {
  if (const auto asked = review_path(request.path)) return review(request, accept, *asked);
  const auto path = read_path(request.path);
  auto who = admit(request, path);
  if (!who) return std::unexpected(who.error());
  if (request.path == "/wireway/v1/backups") return back_up(request, accept);
  if (!path) return discovery(request, accept);
  if (path->plural == "serviceaccounts" && path->group.empty() && path->subresource == "token")
    return token_request(request, accept, *path);
  auto call = read_call(request, *path, catalog_, options_.clock());
  if (!call) return std::unexpected(call.error());
  call->author = who->user;
  call->who = std::move(*who);
  return objects(request, accept, Route{*path, std::move(*call)});
}

ApiResult<Reply> ApiServer::metrics(const link::HttpRequest& request) {
  if (auto who = admit(request, std::nullopt); !who) return std::unexpected(who.error());
  if (request.method != "GET") return std::unexpected(method_not_allowed());
  std::string text =
      metrics_.text({.store = store_, .catalog = catalog_, .watches = watches_.size()});
  if (options_.more_metrics) text += options_.more_metrics();
  Reply reply = text_reply(200, std::move(text));
  reply.response.headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
  return reply;
}

/// The one door to it, as the database is locked against every other process. It writes only below
/// the data folder, under a name of its own making.
ApiResult<Reply> ApiServer::back_up(const link::HttpRequest& request, const Accept& accept) {
  if (request.method != "POST") return std::unexpected(method_not_allowed());
  if (options_.backup_folder.empty()) return std::unexpected(unknown_path());
  std::string name =
      fmt::format("wireway-{}-{}.db", to_rfc3339(options_.clock()), store_.revision());
  std::erase(name, ':');
  std::error_code error;
  std::filesystem::create_directories(options_.backup_folder, error);
  std::filesystem::permissions(options_.backup_folder, std::filesystem::perms(0700), error);
  const std::string path = options_.backup_folder + "/" + name;
  if (auto done = store_.back_up(path); !done) {
    if (done.error().code == Errc::unavailable || done.error().code == Errc::conflict)
      return std::unexpected(too_many_requests(done.error().message));
    return std::unexpected(storage_failed(done.error()));
  }
  const auto size = std::filesystem::file_size(path, error);
  return json_reply(201,
                    json::object{{"kind", "Backup"},
                                 {"apiVersion", "wireway.io/v1"},
                                 {"path", path},
                                 {"bytes", error ? 0 : size},
                                 {"revision", store_.revision()}},
                    accept);
}

ApiResult<Reply> ApiServer::review(const link::HttpRequest& request, const Accept& accept,
                                   const ObjectPath& path) {
  if (request.method != "POST") return std::unexpected(method_not_allowed());
  auto who = admit(request, path);
  if (!who) return std::unexpected(who.error());
  auto asked = read_body(request.header("content-type"), request.body);
  if (!asked) return std::unexpected(asked.error());
  auto answer = answer_review(gate_, *who, path, *asked);
  if (!answer) return std::unexpected(answer.error());
  return json_reply(201, *answer, accept);
}

ApiResult<Reply> ApiServer::token_request(const link::HttpRequest& request, const Accept& accept,
                                          const ObjectPath& path) {
  if (request.method != "POST") return std::unexpected(method_not_allowed());
  auto asked = read_body(request.header("content-type"), request.body);
  if (!asked) return std::unexpected(asked.error());
  auto answer = answer_token_request(gate_, path, *asked);
  if (!answer) return std::unexpected(answer.error());
  return json_reply(201, *answer, accept);
}

ApiResult<Reply> ApiServer::discovery(const link::HttpRequest& request, const Accept& accept) {
  if (request.method != "GET") return std::unexpected(method_not_allowed());
  std::string path = request.path;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (is_aggregated_discovery(path) && !accept.discovery_version.empty()) {
    Reply reply =
        json_reply(200, aggregated(catalog_, path == "/api", accept.discovery_version), accept);
    reply.response.headers[0].second =
        fmt::format("application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList",
                    accept.discovery_version);
    return reply;
  }
  if (path == "/version") return json_reply(200, version_info(), accept);
  if (const auto document = open_id_document(gate_, path))
    return json_reply(200, *document, accept);
  if (path == "/api") return json_reply(200, core_versions(), accept);
  if (path == "/apis") return json_reply(200, group_list(catalog_), accept);
  if (path == "/openapi/v2") return json_reply(200, openapi_v2(catalog_), accept);
  if (path == "/openapi/v3") return json_reply(200, openapi_v3_index(catalog_, server_id_), accept);
  ApiResult<json::object> found = std::unexpected(unknown_path());
  if (path.starts_with("/openapi/v3/")) {
    found = openapi_v3(catalog_, path.substr(12));
  } else if (path.starts_with("/api/")) {
    found = resource_list(catalog_, "", path.substr(5));
  } else if (path.starts_with("/apis/")) {
    const std::string rest = path.substr(6);
    const auto slash = rest.find('/');
    found = slash == std::string::npos
                ? one_group(catalog_, rest)
                : resource_list(catalog_, rest.substr(0, slash), rest.substr(slash + 1));
  }
  if (!found) return std::unexpected(found.error());
  return json_reply(200, *found, accept);
}

ApiResult<Reply> ApiServer::objects(const link::HttpRequest& request, const Accept& accept,
                                    Route route) {
  if (is_of_the_past(route.call.subresource)) {
    const bool reads = route.call.subresource == "history";
    if (request.method != (reads ? "GET" : "POST")) return std::unexpected(method_not_allowed());
    return reads ? history(request, accept, route) : write(request, accept, route);
  }
  if (route.call.subresource == "scale") return scale(request, accept, route);
  if (request.method == "GET") return read(request, accept, route);
  if (route.call.type->behaviour == Behaviour::read_only_view)
    return std::unexpected(method_not_allowed());
  const bool named = !route.call.name.empty();
  if (request.method == "DELETE" && !named) {
    if (route.call.type->stored_as == "namespaces") return std::unexpected(method_not_allowed());
    return delete_collection(request, route);
  }
  const bool creates = request.method == "POST" && !named;
  const bool changes =
      named && (request.method == "PUT" || request.method == "PATCH" || request.method == "DELETE");
  if (!creates && !changes) return std::unexpected(method_not_allowed());
  if (creates && route.call.type->namespaced && route.call.space.empty())
    return std::unexpected(method_not_allowed());
  return write(request, accept, route);
}

ApiResult<Reply> ApiServer::read(const link::HttpRequest& request, const Accept& accept,
                                 Route& route) {
  const bool watching = route.path.watch || query_flag(request, "watch");
  if (watching) return watch(request, accept, route);
  if (route.call.name.empty()) return list(request, accept, route);
  auto revision = query_number(request, "resourceVersion");
  if (!revision) return std::unexpected(revision.error());
  if (auto there = require_revision(*revision, store_.revision()); !there)
    return std::unexpected(there.error());
  auto found = objects_.get(route.call);
  if (!found) return std::unexpected(found.error());
  const Renderer renderer(route.call.type, *route.call.version, accept, read_include(request),
                          route.call.now);
  Reply reply = json_reply(200, renderer.object(found->body), accept);
  for (const std::string& warning : route.call.warnings)
    reply.response.headers.emplace_back("Warning", warning_header(warning));
  return reply;
}

ApiResult<Reply> ApiServer::write(const link::HttpRequest& request, const Accept& accept,
                                  Route& route) {
  auto written = write_object(request, route);
  if (!written) return std::unexpected(written.error());
  const bool is_status = written->body.starts_with("{\"kind\":\"Status\"");
  Reply reply = json_reply(written->code, std::string(), accept);
  if (is_status) {
    reply.response.body = std::move(written->body);
  } else {
    const Renderer renderer(route.call.type, *route.call.version, accept, read_include(request),
                            route.call.now);
    reply.response.body = renderer.object(written->body);
  }
  for (const std::string& warning : route.call.warnings)
    reply.response.headers.emplace_back("Warning", warning_header(warning));
  return reply;
}

/// Reads and writes the object behind it; a write is a merge patch of that one number.
ApiResult<Reply> ApiServer::scale(const link::HttpRequest& request, const Accept& accept,
                                  Route& route) {
  Call& call = route.call;
  const ScalePaths& paths = *call.version->scale;
  call.subresource.clear();
  std::string body;
  if (request.method == "GET") {
    auto found = objects_.get(call);
    if (!found) return std::unexpected(found.error());
    body = std::move(found->body);
  } else if (request.method == "PUT" || request.method == "PATCH") {
    auto asked = read_body(request.header("content-type"), request.body);
    if (!asked) return std::unexpected(asked.error());
    auto replicas = wanted_replicas(*asked, call.name);
    if (!replicas) return std::unexpected(replicas.error());
    json::value patch = scale_patch(paths, *replicas);
    if (const std::string base = text_at(*asked, {"metadata", "resourceVersion"}); !base.empty())
      patch.get_object()["metadata"] = json::object{{"resourceVersion", base}};
    auto written = objects_.patch(call, PatchType::merge, patch);
    if (!written) return std::unexpected(written.error());
    body = std::move(written->body);
  } else {
    return std::unexpected(method_not_allowed());
  }
  const Renderer renderer(call.type, *call.version, accept, IncludeObject::none, call.now);
  return json_reply(200, scale_of(json::value(stored_object(renderer.plain(body))), paths), accept);
}

ApiResult<Reply> ApiServer::history(const link::HttpRequest& request, const Accept& accept,
                                    const Route& route) {
  const ObjectHistory past(store_, catalog_);
  if (route.path.revision.empty()) {
    auto limit = query_number(request, "limit");
    if (!limit) return std::unexpected(limit.error());
    auto listed = past.list(route.call, *limit);
    if (!listed) return std::unexpected(listed.error());
    return json_reply(200, *listed, accept);
  }
  auto found = past.at(route.call, route.path.revision);
  if (!found) return std::unexpected(found.error());
  const Renderer renderer(route.call.type, *route.call.version, accept, read_include(request),
                          route.call.now);
  return json_reply(200, renderer.object(found->body), accept);
}

ApiResult<Written> ApiServer::roll_back(const link::HttpRequest& request, Call& call) {
  auto body = read_body(request.header("content-type"), request.body);
  if (!body) return std::unexpected(body.error());
  auto past = ObjectHistory(store_, catalog_).target(call, *body);
  if (!past) return std::unexpected(past.error());
  call.dry_run |= bool_at(*body, {"dryRun"}, false);
  return objects_.restore(call, *past, text_at(*body, {"resourceVersion"}));
}

ApiResult<Written> ApiServer::write_object(const link::HttpRequest& request, Route& route) {
  Call& call = route.call;
  if (call.subresource == "rollback") return roll_back(request, call);
  if (request.method == "DELETE") {
    auto options = read_delete_options(request, call);
    if (!options) return std::unexpected(options.error());
    return objects_.remove(call, *options);
  }
  const std::string_view content_type = request.header("content-type");
  const bool lenient = call.validation == FieldValidation::ignore;
  std::vector<std::string>* const repeated = lenient ? nullptr : &call.repeated;
  if (request.method != "PATCH") {
    auto body = read_body(content_type, request.body, repeated);
    if (!body) return std::unexpected(body.error());
    return request.method == "POST" ? objects_.create(call, std::move(*body))
                                    : objects_.replace(call, std::move(*body));
  }
  auto type = read_patch_type(content_type, *call.type);
  if (!type) return std::unexpected(type.error());
  if (*type == PatchType::apply && !objects_.get(call)) {
    Attributes creates = attributes_of(request, route.path);
    creates.verb = "create";
    if (auto may = gate_.require(call.who, creates); !may) return std::unexpected(may.error());
  }
  if (*type == PatchType::apply && request.query_value("fieldManager").empty())
    return std::unexpected(
        bad_request("PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: "
                    "Required value: is required for apply patch"));
  auto body = read_body(content_type, request.body, repeated);
  if (!body) return std::unexpected(body.error());
  if (*type == PatchType::json)
    for (std::string& sentence : call.repeated) sentence.insert(0, "json patch ");
  return objects_.patch(call, *type, *body);
}

ApiResult<Reply> ApiServer::list(const link::HttpRequest& request, const Accept& accept,
                                 const Route& route) {
  const ResourceType& type = *route.call.type;
  auto selector = read_selector(request, type);
  if (!selector) return std::unexpected(selector.error());
  auto options = read_list_options(request, store_.revision());
  if (!options) return std::unexpected(options.error());
  const Renderer renderer(route.call.type, *route.call.version, accept, read_include(request),
                          route.call.now);
  PageRequest page_request{.space = route.call.space};
  ContinueToken token{.revision = store_.revision(), .space = "", .name = ""};
  if (options->exact_revision > 0) token.revision = options->exact_revision;
  if (options->page) {
    token = *options->page;
    page_request.after_space = token.space;
    page_request.after_name = token.name;
  }
  // All pages are of one moment, except of what has no past.
  if (store_.limits_of(type.stored_as).revisions_max > 1) page_request.revision = token.revision;
  const std::int64_t wanted =
      options->limit > 0 ? std::min(options->limit, list_items_max) : list_items_max;
  std::vector<Revision> items;
  bool more = true;
  while (more && static_cast<std::int64_t>(items.size()) < wanted) {
    const std::int64_t room = wanted - static_cast<std::int64_t>(items.size());
    page_request.limit = selector->everything() ? room : std::min(room, page_items);
    auto page = store_.list(type.stored_as, page_request);
    if (!page)
      return std::unexpected(page.error().code == Errc::not_found ? expired(page.error().message)
                                                                  : storage_failed(page.error()));
    more = page->more;
    for (Revision& item : page->items) {
      page_request.after_space = item.key.space;
      page_request.after_name = item.key.name;
      if (selector->everything() || selector->matches(stored_object(renderer.plain(item.body))))
        items.push_back(std::move(item));
    }
  }
  json::object metadata{{"resourceVersion", std::to_string(token.revision)}};
  if (more) {
    ContinueToken next{.revision = token.revision,
                       .space = page_request.after_space,
                       .name = page_request.after_name};
    if (selector->everything()) {
      auto there = listed_behind(type, page_request.space, token, options->page.has_value());
      if (!there) return std::unexpected(there.error());
      next.remaining = *there - static_cast<std::int64_t>(items.size());
      if (next.remaining > 0) metadata["remainingItemCount"] = next.remaining;
    }
    metadata["continue"] = to_text(next);
  }
  return json_reply(200, renderer.list(items, std::move(metadata)), accept);
}

/// How many objects a page begins in front of; below 0 if that cannot be told. The first page
/// counts, and the tokens take the count along.
ApiResult<std::int64_t> ApiServer::listed_behind(const ResourceType& type, const std::string& space,
                                                 const ContinueToken& token, bool continued) {
  if (continued) return token.remaining;
  if (token.revision != store_.revision()) return -1;
  auto count = store_.count(type.stored_as, space);
  if (!count) return std::unexpected(storage_failed(count.error()));
  return *count;
}

ApiResult<Reply> ApiServer::watch(const link::HttpRequest& request, const Accept& accept,
                                  const Route& route) {
  if (watches_.size() >= options_.watches_max)
    return std::unexpected(too_many_requests(
        fmt::format("there are already {} watches; end some or wait", options_.watches_max)));
  if (auto good = check_watch_options(request); !good) return std::unexpected(good.error());
  auto timeout = query_number(request, "timeoutSeconds");
  if (!timeout) return std::unexpected(timeout.error());
  auto from = query_number(request, "resourceVersion");
  if (!from) return std::unexpected(from.error());
  std::string fields(request.query_value("fieldSelector"));
  if (!route.call.name.empty())
    fields += (fields.empty() ? "" : ",") + std::string("metadata.name=") + route.call.name;
  auto selector = Selector::parse(request.query_value("labelSelector"), fields,
                                  route.call.type->selectable_fields);
  if (!selector) return std::unexpected(bad_request(selector.error().message));
  const Duration time =
      *timeout > 0
          ? std::min<Duration>(std::chrono::seconds{std::min<std::int64_t>(*timeout, 86400)},
                               options_.watch_time_max)
          : options_.watch_time_max;
  WatchOptions options{.type = route.call.type,
                       .version = route.call.version,
                       .space = route.call.space,
                       .selector = std::move(*selector),
                       .resource_version = std::string(request.query_value("resourceVersion")),
                       .initial_events = query_flag(request, "sendInitialEvents"),
                       .bookmarks = query_flag(request, "allowWatchBookmarks"),
                       .accept = accept,
                       .include = read_include(request),
                       .deadline = route.call.now + time};
  options.accept.yaml = false;
  const Identity& who = route.call.who;
  if (who.expires) options.deadline = std::min(options.deadline, *who.expires);
  if (options_.access != nullptr)
    options.still_allowed = [this, who, asked = attributes_of(request, route.path)] {
      return options_.access->is_living(who) && options_.access->rbac().decide(who, asked).allowed;
    };
  Reply reply;
  reply.response.headers = {{"Content-Type", "application/json"},
                            {"Cache-Control", "no-cache, private"}};
  reply.watch = std::make_unique<WatchSession>(std::move(options), store_, route.call.now);
  return reply;
}

ApiResult<Reply> ApiServer::delete_collection(const link::HttpRequest& request,
                                              const Route& route) {
  auto selector = read_selector(request, *route.call.type);
  if (!selector) return std::unexpected(selector.error());
  Call probe = route.call;
  auto options = read_delete_options(request, probe);
  if (!options) return std::unexpected(options.error());
  auto page = store_.list(probe.type->stored_as, {.space = probe.space});
  if (!page) return std::unexpected(storage_failed(page.error()));
  std::vector<Revision> removed;
  for (Revision& item : page->items) {
    if (!selector->everything() && !selector->matches(stored_object(item.body))) continue;
    Call call = probe;
    call.space = item.key.space;
    call.name = item.key.name;
    if (auto done = objects_.remove(call, {.propagation = options->propagation}); !done)
      return std::unexpected(done.error());
    removed.push_back(std::move(item));
  }
  const Renderer renderer(probe.type, *probe.version, Accept{}, IncludeObject::none, probe.now);
  json::object metadata{{"resourceVersion", std::to_string(store_.revision())}};
  return json_reply(200, renderer.list(removed, std::move(metadata)), Accept{});
}

Result<> ApiServer::commit() {
  audit_.before_commit();
  auto done = store_.commit();
  audit_.after_commit(done);
  if (done) return done;
  log::error("{}", done.error().message);
  // Definitions of the lost batch are taken back, and watches begin anew from what is stored.
  catalog_ = Catalog();
  if (auto stored = store_.list(std::string(definitions), {}))
    for (const Revision& each : stored->items) (void)catalog_.define(stored_object(each.body));
  for (auto& [id, session] : std::exchange(watches_, {})) session->end();
  return done;
}

link::HttpResponse ApiServer::refused_writes(const Error& error) {
  return error_reply(storage_failed(error)).response;
}

std::uint64_t ApiServer::start_watch(std::unique_ptr<WatchSession> watch,
                                     std::unique_ptr<WatchSink> sink) {
  if (!watch->start(std::move(sink))) return 0;
  watches_.emplace(++last_watch_, std::move(watch));
  return last_watch_;
}

void ApiServer::stop_watch(std::uint64_t id) { watches_.erase(id); }

bool ApiServer::collect() {
  garbage_.work(options_.clock(), collected_at_once);
  (void)commit();
  return garbage_.due();
}

void ApiServer::on_committed(const RevisionRef& revision) {
  garbage_.on_committed(*revision);
  if (options_.access != nullptr && Access::concerns(revision->key.resource)) {
    const json::value object(stored_object(revision->body));
    options_.access->on_object(revision->key.resource, revision->key.space, revision->key.name,
                               revision->change == Change::deleted ? nullptr : &object);
  }
  for (auto it = watches_.begin(); it != watches_.end();)
    it = it->second->on_revision(revision) ? std::next(it) : watches_.erase(it);
}

void ApiServer::tick() {
  const WallTime now = options_.clock();
  const bool bookmarks = now >= next_bookmarks_;
  if (bookmarks) next_bookmarks_ = now + options_.bookmark_interval;
  for (auto it = watches_.begin(); it != watches_.end();) {
    WatchSession& session = *it->second;
    const bool over = now >= session.deadline() || !session.still_allowed();
    if (over) session.end();
    const bool gone = !over && bookmarks && session.wants_bookmarks() && !session.bookmark();
    it = over || gone ? watches_.erase(it) : std::next(it);
  }
  keep_aggregates();
  keep_sessions(now);
  if (garbage_.due()) (void)collect();
  if (now < next_sweep_) return;
  next_sweep_ = now + sweep_interval;
  drop_old_events(now);
}

}  // namespace wireway::control
