// What the API server writes by itself: what a version ships, aggregated roles, the end of Events
// and sessions.

#include <array>

#include <fmt/format.h>

#include "base/log.h"
#include "control/access/shipped.h"
#include "control/api/object_meta.h"
#include "control/api/server.h"

namespace wireway::control {
namespace {

constexpr std::string_view definitions = "customresourcedefinitions.apiextensions.k8s.io";
/// Documented manifests go to azure-iot-operations; kubectl expects the other two.
constexpr std::array first_namespaces{"default", "kube-system", "azure-iot-operations",
                                      "wireway-system"};

/// The table of dialects belongs to the schema: it comes and goes with what is shipped.
void ship_dialects(const json::object& shipped, json::object& stored) {
  const json::value from(shipped);
  json::object& metadata = stored["metadata"].as_object();
  const json::value* rules = find(from, "metadata", "annotations", resource::dialects_annotation);
  json::value& annotations = metadata["annotations"];
  if (!annotations.is_object()) annotations = json::object();
  if (rules != nullptr)
    annotations.get_object()[resource::dialects_annotation] = *rules;
  else
    annotations.get_object().erase(resource::dialects_annotation);
  if (annotations.get_object().empty()) metadata.erase("annotations");
}

}  // namespace

Result<> ApiServer::load() {
  catalog_ = Catalog();
  auto stored = store_.list(std::string(definitions), {});
  if (!stored) return std::unexpected(stored.error());
  for (const Revision& each : stored->items)
    if (auto done = catalog_.define(stored_object(each.body)); !done)
      log::error("definition {} is not served: {}", each.key.name, done.error().message);
  for (const char* name : first_namespaces) {
    json::object object{{"apiVersion", "v1"}, {"kind", "Namespace"}};
    object["metadata"] = json::object{{"name", name}};
    if (auto done = ensure("namespaces", std::move(object), true); !done) return done;
  }
  for (const json::value& crd : resource::embedded_crds())
    if (auto done = ensure(std::string(definitions), crd.as_object(), false); !done) return done;
  if (auto done = load_access(); !done) return done;
  if (auto done = commit(); !done) return done;
  return garbage_.load();
}

/// The roles that this version ships, and what the guard must know of what is stored.
Result<> ApiServer::load_access() {
  if (options_.access == nullptr) return {};
  for (const json::value& object : shipped_access())
    if (auto done = ensure(access_resource(object), object.as_object(),
                           text_at(object, {"kind"}) != "ClusterRole");
        !done)
      return done;
  if (auto done = commit(); !done) return done;
  for (const auto& [resource, type] : catalog_.types()) {
    if (!Access::concerns(resource)) continue;
    auto stored = store_.list(resource, {});
    if (!stored) return std::unexpected(stored.error());
    for (const Revision& each : stored->items) {
      const json::value object(stored_object(each.body));
      options_.access->on_object(resource, each.key.space, each.key.name, &object);
    }
  }
  return {};
}

/// Writes the rules of ClusterRoles that are the union of others.
void ApiServer::keep_aggregates() {
  if (options_.access == nullptr) return;
  const auto due = options_.access->rbac().aggregated();
  for (const auto& [name, rules] : due) {
    Call call;
    call.type = catalog_.find_stored("clusterroles.rbac.authorization.k8s.io");
    call.version = &call.type->storage_version();
    call.name = name;
    call.author = call.manager = "clusterrole-aggregation-controller";
    call.now = options_.clock();
    auto living = objects_.get(call);
    if (!living) continue;
    json::object wanted = stored_object(living->body);
    json::array list;
    for (const PolicyRule& rule : rules) list.push_back(to_json(rule));
    wanted["rules"] = std::move(list);
    if (auto done = objects_.replace(call, std::move(wanted)); !done)
      log::error("ClusterRole {}: {}", name, done.error().message);
  }
  if (!due.empty()) (void)commit();
}

/// Creates the object, or brings its spec to what this version ships.
Result<> ApiServer::ensure(const std::string& resource, json::object object, bool keep_existing) {
  Call call;
  call.type = catalog_.find_stored(resource);
  call.version = &call.type->storage_version();
  call.name = meta_text(object, "name");
  call.space = meta_text(object, "namespace");
  call.author = call.manager = "wireway";
  call.validation = FieldValidation::ignore;
  call.now = options_.clock();
  ApiResult<Written> written;
  if (auto found = objects_.get(call); !found) {
    written = objects_.create(call, std::move(object));
  } else if (!keep_existing) {
    json::object wanted = stored_object(found->body);
    for (const char* key : {"spec", "rules", "aggregationRule", "subjects"})
      if (const json::value* shipped = object.if_contains(key)) wanted[key] = *shipped;
    if (resource == definitions) ship_dialects(object, wanted);
    written = objects_.replace(call, std::move(wanted));
  }
  if (written) return {};
  return fail(Errc::invalid,
              fmt::format("{} {}: {}", resource, call.name, written.error().message));
}

void ApiServer::drop_old_events(WallTime now) {
  auto page = store_.list("events", {});
  if (!page) return;
  for (const Revision& event : page->items) {
    if (now - event.time < options_.event_age_max) continue;
    Call call;
    call.type = catalog_.find_stored("events");
    call.version = &call.type->storage_version();
    call.space = event.key.space;
    call.name = event.key.name;
    call.author = call.manager = "wireway";
    call.now = now;
    if (auto done = objects_.remove(call, {}); !done) break;
  }
  (void)commit();
}

/// The system stays closed once it has had a user; sessions that are over go.
void ApiServer::keep_sessions(WallTime now) {
  if (options_.access == nullptr) return;
  const Access& access = *options_.access;
  if (access.users().any() && !access.is_kept_closed()) {
    json::object map{{"apiVersion", "v1"}, {"kind", "ConfigMap"}};
    map["metadata"] = json::object{{"name", closed_map}, {"namespace", user_space}};
    map["data"] = json::object{{"loopback", "closed"}};
    if (auto done = put_own("configmaps", std::move(map)); !done)
      log::error("{}", done.error().message);
  }
  for (const std::string& name : access.users().over(now))
    if (auto done = remove_own({"secrets", std::string(user_space), name}); !done)
      log::error("session {}: {}", name, done.error().message);
  (void)commit();
}

Result<> ApiServer::put_own(const std::string& resource, json::object object) {
  return ensure(resource, std::move(object), true);
}

Result<> ApiServer::remove_own(const StoreKey& key) {
  Call call;
  call.type = catalog_.find_stored(key.resource);
  call.version = &call.type->storage_version();
  call.space = key.space;
  call.name = key.name;
  call.author = call.manager = "wireway";
  call.now = options_.clock();
  if (auto done = objects_.remove(call, {}); !done && done.error().code != 404)
    return fail(Errc::io, done.error().message);
  return {};
}

}  // namespace wireway::control
