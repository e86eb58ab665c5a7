#include "control/api/audit.h"

#include <algorithm>

#include <fmt/format.h>

#include "control/api/fields.h"
#include "control/api/gate.h"
#include "control/api/objects.h"

namespace wireway::control {
namespace {

constexpr std::string_view services_prefix = "system:serviceaccount:wireway-system:wireway-";
constexpr std::string_view not_recorded = "(not recorded)";
constexpr std::string_view last_applied = "kubectl.kubernetes.io/last-applied-configuration";

bool is_write(std::string_view method) { return method != "GET" && method != "HEAD"; }

/// "[::1]:5000" -> "::1".
std::string address_of(std::string_view peer) {
  peer = peer.substr(0, peer.rfind(':'));
  if (peer.starts_with('[') && peer.ends_with(']')) peer = peer.substr(1, peer.size() - 2);
  return std::string(peer);
}

json::object to_json(const Identity& who) {
  json::object out{{"username", who.user}};
  if (!who.uid.empty()) out["uid"] = who.uid;
  if (!who.groups.empty()) out["groups"] = json::array(who.groups.begin(), who.groups.end());
  return out;
}

json::object reference_to(const Attributes& asked) {
  json::object out{{"resource", asked.resource}};
  if (!asked.space.empty()) out["namespace"] = asked.space;
  if (!asked.name.empty()) out["name"] = asked.name;
  if (!asked.group.empty()) out["apiGroup"] = asked.group;
  if (!asked.version.empty()) out["apiVersion"] = asked.version;
  if (!asked.subresource.empty()) out["subresource"] = asked.subresource;
  return out;
}

/// What an object is called in a reference: "assets.deviceregistry.microsoft.com" taken apart.
json::object reference_to(const Revision& revision) {
  const auto dot = revision.key.resource.find('.');
  Attributes out{.verb = {},
                 .resource = revision.key.resource.substr(0, dot),
                 .space = revision.key.space,
                 .name = revision.key.name};
  if (dot != std::string::npos) out.group = revision.key.resource.substr(dot + 1);
  return reference_to(out);
}

/// A Secret with its names and without its values.
std::string without_values(std::string_view body) {
  json::object object = stored_object(body);
  for (const char* part : {"data", "stringData"})
    if (json::value* values = object.if_contains(part); values != nullptr && values->is_object())
      for (auto& entry : values->get_object()) entry.value() = not_recorded;
  json::object& metadata = object["metadata"].as_object();
  if (json::value* notes = metadata.if_contains("annotations");
      notes != nullptr && notes->is_object() && notes->get_object().contains(last_applied))
    notes->get_object()[last_applied] = not_recorded;
  return json::serialize(object);
}

/// The paths that differ, for what is shown without its values.
std::string changed_paths(std::string_view before, std::string_view after) {
  const json::value was(stored_object(before));
  const json::value is(stored_object(after));
  auto paths = field_paths(fields_changed(was, is, json::value()));
  const auto gone =
      field_paths(fields_minus(fields_of(was, json::value()), fields_of(is, json::value())));
  paths.insert(paths.end(), gone.begin(), gone.end());
  std::string out;
  for (const std::string& path : paths)
    if (!path.starts_with("metadata.managedFields") && path != "metadata.resourceVersion")
      out += (out.empty() ? "" : ", ") + path;
  return out;
}

void annotate(json::object& head, std::string_view name, std::string value) {
  json::value& annotations = head["annotations"];
  if (!annotations.is_object()) annotations = json::object();
  annotations.get_object()[name] = std::move(value);
}

/// The reason and sentence of a Status.
json::object response_status(const link::HttpResponse& response) {
  json::object out{{"code", response.status}};
  if (response.status < 400) return out;
  json::error_code ignored;
  const json::value status = json::parse(response.body, ignored);
  for (const char* key : {"reason", "message"})
    if (const std::string text = text_at(status, {key}); !text.empty()) out[key] = text;
  return out;
}

}  // namespace

void Audit::start(Options options) {
  options_ = std::move(options);
  recorded_until_ = store_.revision();
}

void Audit::begin() {
  who_.reset();
  if (options_.sink == nullptr) return;
  before_commit();
  began_ = options_.clock();
}

bool Audit::is_recorded(const link::HttpRequest& request, const std::optional<ObjectPath>& path,
                        unsigned status) const {
  if (status == 401 || status == 403) return true;
  if (!path) return is_write(request.method);
  if (path->group.empty() && path->plural == "secrets") return true;
  if (!is_write(request.method)) return false;
  if (path->plural == "events" || path->plural == "leases") return false;
  if (path->group == "authorization.k8s.io" || path->group == "authentication.k8s.io") return false;
  return path->subresource != "status" || !who_ || !who_->user.starts_with(services_prefix);
}

/// A flood of refusals must not push the rest out of the files.
bool Audit::too_many_refusals(const std::string& address, json::object& annotations) {
  if (refusals_.size() >= addresses_max)
    std::erase_if(refusals_, [this](const auto& each) {
      return began_ - each.second.since > std::chrono::minutes{1};
    });
  if (refusals_.size() >= addresses_max && !refusals_.contains(address)) return true;
  Refusals& known = refusals_[address];
  if (began_ - known.since > std::chrono::minutes{1}) {
    if (known.seen > refusals_max)
      annotate(annotations, "wireway.io/refusals-not-recorded",
               std::to_string(known.seen - refusals_max));
    known = {began_, 0};
  }
  return ++known.seen > refusals_max;
}

json::object Audit::head(std::string_view verb, const Identity& who) const {
  json::object out{{"kind", "Event"},
                   {"apiVersion", "audit.k8s.io/v1"},
                   {"auditID", options_.new_uid()},
                   {"stage", "ResponseComplete"},
                   {"verb", verb}};
  Identity user = who;
  if (!who.impersonator.empty()) {
    out["impersonatedUser"] = to_json(who);
    user = {.user = who.impersonator};
  }
  out["user"] = to_json(user);
  out["requestReceivedTimestamp"] = to_rfc3339(began_, 6);
  return out;
}

std::string Audit::before_of(const Revision& revision) const {
  if (revision.change == Change::deleted || revision.previous == 0) return {};
  auto found = store_.at(revision.previous);
  return found && *found ? std::move((*found)->body) : std::string();
}

void Audit::add_change(Event& event, const RevisionRef& revision) {
  const bool secret = revision->key.resource == "secrets";
  const bool deleted = revision->change == Change::deleted;
  std::string before = deleted ? revision->body : before_of(*revision);
  std::string after = deleted ? std::string() : revision->body;
  if (secret && !before.empty() && !after.empty())
    annotate(event.head, "wireway.io/changed", changed_paths(before, after));
  const auto add = [&](std::string_view name, std::string& body) {
    if (body.empty()) return;
    if (body.size() > body_bytes_max) {
      annotate(event.head, "wireway.io/omitted",
               fmt::format("objects above {} KiB; see the history of revision {}",
                           body_bytes_max / 1024, revision->number));
      return;
    }
    event.bodies += fmt::format(",\"{}\":{}", name, secret ? without_values(body) : body);
  };
  add("oldObject", before);
  add("responseObject", after);
  if (event.bodies.empty()) return;
  event.head["level"] = secret ? "Metadata" : "RequestResponse";
}

void Audit::end(const link::HttpRequest& request, const link::HttpResponse& response) {
  if (options_.sink == nullptr) return;
  const auto path = read_path(request.path);
  std::vector<RevisionRef> changes;
  for (const RevisionRef& each : store_.uncommitted())
    if (each->number > recorded_until_) changes.push_back(each);
  recorded_until_ = store_.revision();
  if (!is_recorded(request, path, response.status)) return;
  const Attributes asked = attributes_of(request, path);
  Event event{
      .head = head(asked.verb, who_.value_or(Identity{.user = std::string(user_anonymous)})),
      .bodies = {},
      .writes = !changes.empty()};
  const std::string address = address_of(request.peer);
  const bool refused = response.status == 401 || response.status == 403 || response.status == 429;
  if (refused && too_many_refusals(address, event.head)) return;
  event.head["level"] = "Metadata";
  event.head["requestURI"] = request.target;
  event.head["sourceIPs"] = json::array{address};
  if (const auto agent = request.header("user-agent"); !agent.empty())
    event.head["userAgent"] = agent;
  if (path) event.head["objectRef"] = reference_to(asked);
  event.head["responseStatus"] = response_status(response);
  event.head["stageTimestamp"] = to_rfc3339(options_.clock(), 6);
  annotate(event.head, "authorization.k8s.io/decision", refused ? "forbid" : "allow");
  if (changes.size() == 1) {
    if (path && path->name.empty())
      event.head["objectRef"].as_object()["name"] = changes.front()->key.name;
    add_change(event, changes.front());
  }
  pending_.push_back(std::move(event));
  if (changes.size() < 2) return;
  for (const RevisionRef& each : changes) {
    Event part{.head = pending_.back().head, .bodies = {}, .writes = true};
    part.head["objectRef"] = reference_to(*each);
    annotate(part.head, "wireway.io/part-of-request", "true");
    add_change(part, each);
    pending_.push_back(std::move(part));
  }
}

void Audit::before_commit() {
  if (options_.sink == nullptr) return;
  for (const RevisionRef& each : store_.uncommitted()) {
    if (each->number <= recorded_until_) continue;
    if (each->key.resource == "events" || each->key.resource == "leases.coordination.k8s.io")
      continue;
    began_ = each->time;
    const bool deleted = each->change == Change::deleted;
    Event event{.head = head(deleted               ? "delete"
                             : each->previous == 0 ? "create"
                                                   : "update",
                             {.user = each->author}),
                .bodies = {},
                .writes = true};
    event.head["level"] = "Metadata";
    event.head["objectRef"] = reference_to(*each);
    event.head["responseStatus"] = json::object{{"code", 200}};
    event.head["stageTimestamp"] = to_rfc3339(options_.clock(), 6);
    add_change(event, each);
    pending_.push_back(std::move(event));
  }
  recorded_until_ = std::max(recorded_until_, store_.revision());
}

void Audit::after_commit(const Result<>& committed) {
  if (options_.sink == nullptr) return;
  recorded_until_ = store_.revision();
  for (Event& event : std::exchange(pending_, {})) {
    if (!committed && event.writes) {
      event.bodies.clear();
      event.head["level"] = "Metadata";
      event.head["responseStatus"] = json::object{
          {"code", 500}, {"reason", "InternalError"}, {"message", committed.error().message}};
    }
    std::string line = json::serialize(event.head);
    line.pop_back();
    options_.sink->write(line + event.bodies + "}");
  }
}

}  // namespace wireway::control
