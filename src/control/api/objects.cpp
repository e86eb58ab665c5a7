#include "control/api/objects.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/assert.h"
#include "control/api/core_rules.h"
#include "control/api/fields.h"
#include "control/api/garbage.h"
#include "control/api/last_applied.h"
#include "control/api/object_meta.h"
#include "control/api/patch.h"
#include "control/api/unserved.h"

namespace wireway::control {
namespace {

constexpr std::size_t generated_name_tail = 5;

json::object& meta(json::object& object) { return object["metadata"].as_object(); }

bool is_namespace(const ResourceType& type) { return type.stored_as == "namespaces"; }
bool is_definition(const ResourceType& type) {
  return type.stored_as == "customresourcedefinitions.apiextensions.k8s.io";
}
/// Many and short-lived: not worth the bytes of field ownership.
bool has_owned_fields(const ResourceType& type) {
  return type.stored_as != "events" && type.stored_as != "leases.coordination.k8s.io";
}

/// Everything that counts as the user's wish: all but metadata and status.
bool same_wish(const json::object& a, const json::object& b) {
  const auto matches = [](const json::object& left, const json::object& right) {
    return std::ranges::all_of(left, [&](const auto& member) {
      const std::string_view key = member.key();
      if (key == "metadata" || key == "status" || key == "apiVersion") return true;
      const json::value* other = right.if_contains(key);
      return other != nullptr && *other == member.value();
    });
  };
  return matches(a, b) && matches(b, a);
}

/// Equal but for the server's bookkeeping; who owns which field counts, not since when.
bool same_state(json::object a, json::object b) {
  for (json::object* each : {&a, &b}) {
    meta(*each).erase("resourceVersion");
    if (json::value* managers = meta(*each).if_contains("managedFields"))
      for (json::value& entry : managers->as_array()) entry.as_object().erase("time");
  }
  return a == b;
}

void copy_member(const json::object& from, json::object& to, std::string_view key) {
  if (const json::value* value = from.if_contains(key))
    to[key] = *value;
  else
    to.erase(key);
}

/// Ownership is kept in the stored form, whatever version was written.
/// The finalizer that keeps an owner until what it owns has been seen to (garbage.h).
void hold(json::object& object, Propagation how) {
  json::value& list = meta(object)["finalizers"];
  if (!list.is_array()) list = json::array();
  const std::string_view name =
      how == Propagation::orphan ? orphan_finalizer : foreground_finalizer;
  if (std::ranges::find(list.get_array(), json::value(name)) == list.get_array().end())
    list.get_array().emplace_back(name);
}

FieldWriter writer_of(const Call& call) {
  return {call.manager, call.type->api_version(call.type->storage_version()), call.subresource,
          call.now};
}
const json::value& owned_schema(const Call& call) {
  return *call.type->checked_as(*call.version).open_api;
}

void warn(Call& call, std::vector<std::string> sentences) {
  for (std::string& sentence : sentences) call.warnings.push_back(std::move(sentence));
}

std::string current_version(const json::object& object) {
  return meta_text(object, "resourceVersion");
}

}  // namespace

json::object stored_object(std::string_view body) {
  auto value = parse_json(body);
  WIREWAY_ASSERT(value && value->is_object(), "the store holds what this server wrote");
  return std::move(value->get_object());
}

Objects::Objects(Store& store, Catalog& catalog, NewUid new_uid)
    : store_(store), catalog_(catalog), new_uid_(std::move(new_uid)) {}

ApiResult<json::object> Objects::parsed(const Revision& revision) const {
  auto value = parse_json(revision.body);
  if (value && value->is_object()) return std::move(value->get_object());
  return std::unexpected(
      storage_failed({Errc::io, revision.key.name + " is damaged in the store"}));
}

ApiResult<Revision> Objects::get(const Call& call) {
  auto found = store_.get({call.type->stored_as, call.space, call.name});
  if (!found) return std::unexpected(storage_failed(found.error()));
  if (!*found) return std::unexpected(not_found(call.type->name, call.name));
  return std::move(**found);
}

/// apiVersion, kind, namespace and name must be those of the path.
ApiResult<> Objects::identify(const Call& call, json::object& object, bool creating) const {
  const std::string version = member_text(object, "apiVersion");
  const std::string kind = member_text(object, "kind");
  const std::string wanted = call.type->api_version(*call.version);
  if (kind.empty() && call.type->behaviour == Behaviour::custom)
    return std::unexpected(bad_request("Object 'Kind' is missing in the request's body"));
  if (!version.empty() && version != wanted)
    return std::unexpected(bad_request(
        fmt::format("the API version in the data ({}) does not match the expected API version ({})",
                    version, wanted)));
  if (!kind.empty() && kind != call.type->name.kind)
    return std::unexpected(
        bad_request(fmt::format("the kind in the data ({}) does not match the expected kind ({})",
                                kind, call.type->name.kind)));
  object["apiVersion"] = wanted;
  object["kind"] = call.type->name.kind;
  json::object& metadata = meta(object);
  const std::string space = meta_text(object, "namespace");
  if (!call.type->namespaced)
    metadata.erase("namespace");
  else if (!space.empty() && space != call.space)
    return std::unexpected(bad_request(
        "the namespace of the provided object does not match the namespace sent on the request"));
  else
    metadata["namespace"] = call.space;
  const std::string name = meta_text(object, "name");
  if (creating) return {};
  if (!name.empty() && name != call.name)
    return std::unexpected(bad_request(fmt::format(
        "the name of the object ({}) does not match the name on the URL ({})", name, call.name)));
  metadata["name"] = call.name;
  return {};
}

ApiResult<> Objects::check_namespace(const Call& call) {
  if (!call.type->namespaced) return {};
  auto found = store_.get({"namespaces", "", call.space});
  if (!found) return std::unexpected(storage_failed(found.error()));
  const ResourceName spaces{"", "namespaces", "Namespace"};
  if (!*found) return std::unexpected(not_found(spaces, call.space));
  if ((*found)->body.find("\"deletionTimestamp\"") == std::string::npos) return {};
  if (meta_text(stored_object((*found)->body), "deletionTimestamp").empty()) return {};
  return std::unexpected(forbidden(
      call.type->name, call.name,
      fmt::format("unable to create new content in namespace {} because it is being terminated",
                  call.space)));
}

/// Reads metadata, brings the object into the stored form and prunes what the schema does not know;
/// gives the paths of what was unknown.
ApiResult<std::vector<std::string>> Objects::decode(Call& call, json::object& object,
                                                    resource::Dialects::Given given) const {
  std::vector<std::string> unknown;
  if (auto done = read_meta(object, unknown); !done) return std::unexpected(done.error());
  const ServedVersion& version = call.type->checked_as(*call.version);
  if (!version.schema) return unknown;
  json::value whole(std::move(object));
  warn(call, call.type->dialects.to_stored(whole, call.version->name, given));
  for (std::string& path : version.schema->prune(whole)) unknown.push_back(std::move(path));
  object = std::move(whole.as_object());
  return unknown;
}

/// What is no error but hardly meant: keys that are there twice, fields that nobody knows.
ApiResult<> Objects::report_strict(Call& call, const std::vector<std::string>& unknown,
                                   const json::value* patch) const {
  if (call.validation == FieldValidation::ignore) return {};
  std::vector<std::string> sentences = call.repeated;
  for (const std::string& path : unknown)
    sentences.push_back(fmt::format("unknown field \"{}\"", path));
  if (sentences.empty()) return {};
  if (call.validation == FieldValidation::warn) {
    warn(call, std::move(sentences));
    return {};
  }
  const std::string message = fmt::format("strict decoding error: {}", fmt::join(sentences, ", "));
  if (patch != nullptr) {
    const std::string text = json::serialize(json::value(json::serialize(*patch)));
    return std::unexpected(invalid(
        {}, "",
        {{"FieldValueInvalid", "patch", fmt::format("Invalid value: {}: {}", text, message)}}));
  }
  return std::unexpected(bad_request(
      fmt::format("{} in version \"{}\" cannot be handled as a {}: {}", call.type->name.kind,
                  call.version->name, call.type->name.kind, message)));
}

/// Defaults and all checks; the object is then as it may be stored.
ApiResult<> Objects::finish(Call& call, json::object& object) {
  if (auto done = fill_core(*call.type, object, call.now); !done) return done;
  std::vector<resource::SchemaCause> causes;
  check_meta(object, causes);
  json::value managers;
  if (json::value* value = meta(object).if_contains("managedFields")) managers = std::move(*value);
  meta(object).erase("managedFields");
  json::value whole(std::move(object));
  if (depth_of(whole) > object_depth_max)
    return std::unexpected(
        bad_request(fmt::format("the object is nested deeper than {} levels", object_depth_max)));
  if (!is_finite(whole)) return std::unexpected(bad_request(std::string(out_of_range)));
  if (const auto& schema = call.type->checked_as(*call.version).schema) {
    std::vector<std::string> respelled;
    schema->apply_defaults(whole, &respelled);
    warn(call, std::move(respelled));
    for (resource::SchemaCause& cause : schema->validate(whole)) causes.push_back(std::move(cause));
  }
  object = std::move(whole.as_object());
  if (!managers.is_null()) meta(object)["managedFields"] = std::move(managers);
  if (causes.empty()) return {};
  return std::unexpected(invalid(call.type->name, meta_text(object, "name"), causes));
}

ApiResult<Written> Objects::create(Call& call, json::value object) {
  if (!object.is_object())
    return std::unexpected(bad_request("the object provided is unrecognized: not an object"));
  json::object draft = std::move(object.get_object());
  auto unknown = decode(call, draft);
  if (!unknown) return std::unexpected(unknown.error());
  if (auto done = identify(call, draft, true); !done) return std::unexpected(done.error());
  if (auto done = report_strict(call, *unknown, nullptr); !done)
    return std::unexpected(done.error());
  if (!meta_text(draft, "resourceVersion").empty())
    return std::unexpected(
        bad_request("resourceVersion should not be set on objects to be created"));
  return create_draft(call, std::move(draft), false);
}

ApiResult<Written> Objects::create_draft(Call& call, json::object object, bool applied) {
  const std::string prefix = meta_text(object, "generateName");
  if (meta_text(object, "name").empty() && !prefix.empty())
    meta(object)["name"] = prefix + new_uid_().substr(0, generated_name_tail);
  call.name = meta_text(object, "name");
  if (auto done = check_namespace(call); !done) return std::unexpected(done.error());
  if (call.version->has_status) object.erase("status");
  json::object& metadata = meta(object);
  for (const char* key : {"deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"})
    metadata.erase(key);
  if (!has_owned_fields(*call.type))
    metadata.erase("managedFields");
  else if (!applied)
    choose_managers({}, metadata);
  metadata["uid"] = new_uid_();
  metadata["creationTimestamp"] = to_rfc3339(call.now);
  metadata["generation"] = 1;
  if (!call.version->storage) {
    json::value& annotations = metadata["annotations"];
    if (!annotations.is_object()) annotations = json::object();
    annotations.get_object()[written_version_annotation] = call.version->name;
  }
  if (auto done = finish(call, object); !done) return std::unexpected(done.error());
  auto found = store_.get({call.type->stored_as, call.space, call.name});
  if (!found) return std::unexpected(storage_failed(found.error()));
  if (*found) return std::unexpected(already_exists(call.type->name, call.name));
  if (!applied && has_owned_fields(*call.type)) {
    json::value whole(std::move(object));
    json::object before{{"metadata", json::object()}};
    record_update(before, whole, owned_schema(call), writer_of(call));
    object = std::move(whole.as_object());
  }
  return store_draft(call, std::move(object), Change::created, 0, 201);
}

ApiResult<Written> Objects::replace(Call& call, json::value object) {
  if (!object.is_object())
    return std::unexpected(bad_request("the object provided is unrecognized: not an object"));
  auto living = get(call);
  if (!living) return std::unexpected(living.error());
  auto before = parsed(*living);
  if (!before) return std::unexpected(before.error());
  json::object draft = std::move(object.get_object());
  auto unknown = decode(call, draft);
  if (!unknown) return std::unexpected(unknown.error());
  if (auto done = identify(call, draft, false); !done) return std::unexpected(done.error());
  if (auto done = report_strict(call, *unknown, nullptr); !done)
    return std::unexpected(done.error());
  const std::string based_on = current_version(draft);
  if (based_on.empty() && call.type->behaviour == Behaviour::custom)
    return std::unexpected(invalid(call.type->name, call.name,
                                   {{"FieldValueInvalid", "metadata.resourceVersion",
                                     "Invalid value: 0x0: must be specified for an update"}}));
  if (!call.version->storage && call.subresource.empty()) {
    json::value& annotations = meta(draft)["annotations"];
    if (!annotations.is_object()) annotations = json::object();
    annotations.get_object()[written_version_annotation] = call.version->name;
  }
  return update_draft(call, *living, std::move(*before), std::move(draft), false);
}

/// The common end of PUT and PATCH. `object` is the wanted state, decoded and identified.
ApiResult<Written> Objects::update_draft(Call& call, const Revision& living, json::object before,
                                         json::object object, bool applied) {
  const std::string based_on = current_version(object);
  if (!based_on.empty() && based_on != current_version(before))
    return std::unexpected(modified_meanwhile(call.type->name, call.name));
  const std::string uid = meta_text(before, "uid");
  if (const std::string wanted = meta_text(object, "uid"); !wanted.empty() && wanted != uid)
    return std::unexpected(
        conflict(call.type->name, call.name,
                 fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}",
                             wanted, uid)));
  Change change = Change::updated;
  if (call.subresource == "status") {
    change = Change::status;
    json::object kept = before;
    copy_member(object, kept, "status");
    if (applied) copy_member(meta(object), meta(kept), "managedFields");
    object = std::move(kept);
  } else if (call.version->has_status) {
    copy_member(before, object, "status");
  }
  json::object& metadata = meta(object);
  for (const char* key : {"uid", "creationTimestamp", "deletionTimestamp", "resourceVersion",
                          "deletionGracePeriodSeconds", "generation"})
    copy_member(meta(before), metadata, key);
  if (!has_owned_fields(*call.type))
    metadata.erase("managedFields");
  else if (!applied)
    choose_managers(meta(before), metadata);
  if (auto done = finish(call, object); !done) return std::unexpected(done.error());
  std::vector<resource::SchemaCause> causes;
  check_core(*call.type, object, &before, causes);
  if (!causes.empty()) return std::unexpected(invalid(call.type->name, call.name, causes));
  object["apiVersion"] = before.at("apiVersion");
  if (same_state(before, object)) return Written{200, living.body};
  if (!same_wish(before, object))
    meta(object)["generation"] = int_at(before.at("metadata"), {"generation"}, 1) + 1;
  if (!applied && has_owned_fields(*call.type)) {
    json::value whole(std::move(object));
    record_update(before, whole, owned_schema(call), writer_of(call));
    object = std::move(whole.as_object());
  }
  const json::value* finalizers = meta(object).if_contains("finalizers");
  const bool held = finalizers != nullptr && !finalizers->as_array().empty();
  if (!held && meta(object).contains("deletionTimestamp") && !is_namespace(*call.type))
    return erase(call, living, std::move(object));
  return store_draft(call, std::move(object), change, living.number, 200);
}

ApiResult<Written> Objects::patch(Call& call, PatchType type, const json::value& patch) {
  if (type == PatchType::apply) return apply(call, patch);
  const resource::Dialects& dialects = call.type->dialects;
  auto living = get(call);
  if (!living) return std::unexpected(living.error());
  auto before = parsed(*living);
  if (!before) return std::unexpected(before.error());
  json::value target(*before);
  target.as_object()["apiVersion"] = call.type->api_version(*call.version);
  dialects.from_stored(target, call.version->name);
  Result<> patched;
  if (type == PatchType::merge) {
    json::value current = patch;
    warn(call, dialects.patch_to_current(current, call.version->name));
    merge_patch(target, current);
  }
  if (type == PatchType::strategic) patched = strategic_merge_patch(target, patch);
  if (type == PatchType::json) patched = json_patch(target, patch);
  if (!patched) {
    json::object details{
        {"causes", json::array{json::object{{"reason", "UnexpectedServerResponse"},
                                            {"message", patched.error().message}}}}};
    return std::unexpected(
        ApiError{422, "Invalid",
                 "the server rejected our request due to an error in our request: " +
                     patched.error().message,
                 std::move(details)});
  }
  if (!target.is_object())
    return std::unexpected(bad_request("the patched object is not an object any more"));
  json::object draft = std::move(target.get_object());
  auto unknown = decode(call, draft, resource::Dialects::Given::patched);
  if (!unknown) return std::unexpected(unknown.error());
  if (auto done = identify(call, draft, false); !done) return std::unexpected(done.error());
  if (auto done = report_strict(call, *unknown, &patch); !done)
    return std::unexpected(done.error());
  // kubectl's client-side apply sends the whole manifest as a patch: that is a write in its
  // dialect.
  if (call.manager == "kubectl-client-side-apply" && call.subresource.empty()) {
    json::value& annotations = meta(draft)["annotations"];
    if (!annotations.is_object()) annotations = json::object();
    if (call.version->storage)
      annotations.get_object().erase(written_version_annotation);
    else
      annotations.get_object()[written_version_annotation] = call.version->name;
  }
  return update_draft(call, *living, std::move(*before), std::move(draft), false);
}

/// What kubectl's server-side apply may take over from its client-side apply.
json::object Objects::handed_over(const Call& call, const json::value& live) const {
  if (call.manager != kubectl_manager) return {};
  auto last = last_applied(live);
  if (!last) return {};
  Call silent = call;
  const std::string api_version = member_text(*last, "apiVersion");
  silent.version = call.type->version(api_version.substr(api_version.find('/') + 1));
  if (silent.version == nullptr || !decode(silent, *last)) return {};
  return fields_still(*last, live, owned_schema(call));
}

ApiResult<Written> Objects::apply(Call& call, const json::value& patch) {
  if (!patch.is_object())
    return std::unexpected(bad_request("an applied configuration must be an object"));
  json::object wanted = patch.get_object();
  auto unknown = decode(call, wanted);
  if (!unknown) return std::unexpected(unknown.error());
  if (auto done = identify(call, wanted, false); !done) return std::unexpected(done.error());
  if (!call.repeated.empty() && call.validation == FieldValidation::strict)
    return std::unexpected(
        bad_request(fmt::format("error strict decoding YAML: {}", fmt::join(call.repeated, ", "))));
  if (call.validation == FieldValidation::warn) warn(call, call.repeated);
  if (!unknown->empty())
    return std::unexpected(bad_request(fmt::format(
        "failed to create typed patch object ({}/{}; {}, Kind={}): .{}: field not declared in "
        "schema",
        call.space, call.name, call.type->api_version(*call.version), call.type->name.kind,
        unknown->front())));
  if (meta(wanted).contains("managedFields"))
    return std::unexpected(bad_request("metadata.managedFields must be nil"));
  if (call.version->has_status && call.subresource.empty()) wanted.erase("status");
  auto found = store_.get({call.type->stored_as, call.space, call.name});
  if (!found) return std::unexpected(storage_failed(found.error()));
  if (*found == std::nullopt && !call.subresource.empty())
    return std::unexpected(not_found(call.type->name, call.name));
  json::object before;
  if (*found) before = stored_object((*found)->body);
  json::value live = *found ? json::value(before) : json::value(wanted);
  if (!call.version->storage) {
    json::value& annotations = meta(wanted)["annotations"];
    if (!annotations.is_object()) annotations = json::object();
    annotations.get_object()[written_version_annotation] = call.version->name;
  }
  const Claim claim{.all = call.force, .free = *found ? handed_over(call, live) : json::object()};
  auto merged = apply_fields(live, wanted, owned_schema(call), writer_of(call), claim);
  if (!merged) return std::unexpected(merged.error());
  if (call.manager == kubectl_manager) follow_last_applied(*merged, patch.get_object());
  json::object draft = std::move(merged->as_object());
  if (*found) {
    draft["apiVersion"] = call.type->api_version(*call.version);
    meta(draft).erase("resourceVersion");
    copy_member(meta(wanted), meta(draft), "resourceVersion");
    return update_draft(call, **found, std::move(before), std::move(draft), true);
  }
  return create_draft(call, std::move(draft), true);
}

ApiResult<Written> Objects::store_draft(Call& call, json::object object, Change change,
                                        std::int64_t previous, unsigned code) {
  object["apiVersion"] = call.type->api_version(call.type->storage_version());
  object = in_order(std::move(object));
  if (is_definition(*call.type) && change != Change::deleted) {
    // A dry run checks against a copy, so that nothing is served that is not stored.
    Catalog trial;
    auto defined = call.dry_run ? trial.define(object) : catalog_.define(object);
    if (!defined) return std::unexpected(defined.error());
    if (call.subresource.empty()) warn(call, unserved_parts(object));
  }
  // What the server does by itself has no asking user.
  if (check_grant_ && !call.who.user.empty() && change != Change::deleted)
    if (auto may = check_grant_(call, object); !may) return std::unexpected(may.error());
  if (call.dry_run) return Written{code, json::serialize(object)};
  Write write{{call.type->stored_as, call.space, call.name},
              change,
              previous,
              call.now,
              call.author,
              call.manager};
  auto stored = store_.put(std::move(write), object);
  if (stored) return Written{code, (*stored)->body};
  if (stored.error().code == Errc::conflict)
    return std::unexpected(modified_meanwhile(call.type->name, call.name));
  return std::unexpected(storage_failed(stored.error()));
}

ApiResult<Written> Objects::erase(Call& call, const Revision& living, json::object object) {
  auto stored = store_draft(call, std::move(object), Change::deleted, living.number, 200);
  if (!stored) return stored;
  if (is_definition(*call.type) && !call.dry_run) catalog_.erase(call.name);
  if (auto done = after_erase(call); !done) return std::unexpected(done.error());
  return stored;
}

ApiResult<Written> Objects::remove(Call& call, const DeleteOptions& options) {
  auto living = get(call);
  if (!living) return std::unexpected(living.error());
  auto parsed_object = parsed(*living);
  if (!parsed_object) return std::unexpected(parsed_object.error());
  json::object object = std::move(*parsed_object);
  const std::string uid = meta_text(object, "uid");
  const auto precondition = [&](std::string_view what, std::string_view wanted,
                                std::string_view is) {
    return std::unexpected(conflict(
        call.type->name, call.name,
        fmt::format("Precondition failed: {0} in precondition: {1}, {0} in object meta: {2}", what,
                    wanted, is)));
  };
  if (!options.uid.empty() && options.uid != uid) return precondition("UID", options.uid, uid);
  if (!options.resource_version.empty() && options.resource_version != current_version(object))
    return precondition("ResourceVersion", options.resource_version, current_version(object));
  if (is_namespace(*call.type)) return remove_namespace(call, *living, std::move(object));
  if (is_definition(*call.type))
    if (auto done = remove_definition(call, call.name); !done) return std::unexpected(done.error());
  if (options.propagation != Propagation::background) hold(object, options.propagation);
  const json::value* finalizers = meta(object).if_contains("finalizers");
  if (finalizers != nullptr && !finalizers->as_array().empty()) {
    if (meta(object).contains("deletionTimestamp")) return Written{200, living->body};
    meta(object)["deletionTimestamp"] = to_rfc3339(call.now);
    meta(object)["deletionGracePeriodSeconds"] = 0;
    meta(object)["generation"] = int_at(object.at("metadata"), {"generation"}, 1) + 1;
    return store_draft(call, std::move(object), Change::updated, living->number, 200);
  }
  auto erased = erase(call, *living, std::move(object));
  if (!erased) return erased;
  return Written{200, json::serialize(deleted_status(call.type->name, call.name, uid))};
}

/// Everything in it goes first; what finalizers hold keeps the namespace in Terminating.
ApiResult<Written> Objects::remove_namespace(Call& call, const Revision& living,
                                             json::object object) {
  if (is_kept_namespace(call.name))
    return std::unexpected(
        forbidden(call.type->name, call.name, "this namespace may not be deleted"));
  if (call.dry_run) return Written{200, living.body};
  if (!meta(object).contains("deletionTimestamp")) {
    meta(object)["deletionTimestamp"] = to_rfc3339(call.now);
    if (auto done = fill_core(*call.type, object, call.now); !done)
      return std::unexpected(done.error());
    auto marked = store_draft(call, object, Change::updated, living.number, 200);
    if (!marked) return marked;
    object = stored_object(marked->body);
  }
  std::int64_t left = 0;
  for (const auto& [key, type] : catalog_.types()) {
    if (!type->namespaced || type->behaviour == Behaviour::read_only_view) continue;
    auto remaining = remove_all(call, type, call.name);
    if (!remaining) return std::unexpected(remaining.error());
    left += *remaining;
  }
  auto now = get(call);
  // Removing the last object may already have taken the namespace along.
  if (!now) return Written{200, json::serialize(object)};
  if (left > 0) return Written{200, now->body};
  const std::string uid = meta_text(object, "uid");
  auto erased = erase(call, *now, stored_object(now->body));
  if (!erased) return erased;
  return Written{200, json::serialize(deleted_status(call.type->name, call.name, uid))};
}

ApiResult<> Objects::remove_definition(Call& call, const std::string& name) {
  const ResourceTypeRef type = catalog_.find_stored(name);
  if (type == nullptr || call.dry_run) return {};
  auto left = remove_all(call, type, "");
  if (!left) return std::unexpected(left.error());
  if (*left == 0) return {};
  return std::unexpected(conflict(call.type->name, name,
                                  fmt::format("{} objects of the kind are held by finalizers; "
                                              "remove them first",
                                              *left)));
}

/// How many are left, held by finalizers.
ApiResult<std::int64_t> Objects::remove_all(Call& call, const ResourceTypeRef& type,
                                            const std::string& space) {
  auto page = store_.list(type->stored_as, {.space = space});
  if (!page) return std::unexpected(storage_failed(page.error()));
  for (const Revision& each : page->items) {
    Call one = call;
    one.type = type;
    one.version = &type->storage_version();
    one.space = each.key.space;
    one.name = each.key.name;
    one.subresource.clear();
    if (auto done = remove(one, {}); !done) return std::unexpected(done.error());
  }
  auto left = store_.count(type->stored_as, space);
  if (!left) return std::unexpected(storage_failed(left.error()));
  return *left;
}

/// The last object of a terminating namespace takes the namespace along.
ApiResult<> Objects::after_erase(Call& call) {
  if (!call.type->namespaced || call.dry_run) return {};
  auto space = store_.get({"namespaces", "", call.space});
  if (!space) return std::unexpected(storage_failed(space.error()));
  if (!*space) return {};
  json::object object = stored_object((*space)->body);
  if (!meta(object).contains("deletionTimestamp")) return {};
  for (const auto& [key, type] : catalog_.types()) {
    if (!type->namespaced) continue;
    auto left = store_.count(type->stored_as, call.space);
    if (!left) return std::unexpected(storage_failed(left.error()));
    if (*left > 0) return {};
  }
  Call one = call;
  one.type = catalog_.find_stored("namespaces");
  one.version = &one.type->storage_version();
  one.name = call.space;
  one.space.clear();
  if (auto done = erase(one, **space, std::move(object)); !done)
    return std::unexpected(done.error());
  return {};
}

}  // namespace wireway::control
