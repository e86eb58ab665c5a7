#include "control/api/history.h"

#include <charconv>

#include <fmt/format.h>

#include "control/api/fields.h"
#include "control/api/object_meta.h"

namespace wireway::control {
namespace {

constexpr std::size_t summary_paths = 3;

std::string_view name_of(Change change) {
  switch (change) {
    case Change::created: return "created";
    case Change::updated: return "updated";
    case Change::status: return "status";
    case Change::deleted: return "deleted";
  }
  return "updated";
}

json::array to_array(const std::vector<std::string>& paths) {
  json::array out;
  for (std::size_t i = 0; i < std::min(paths.size(), ObjectHistory::paths_max); ++i)
    out.emplace_back(paths[i]);
  return out;
}

std::string joined(const std::vector<std::string>& paths) {
  std::string out;
  for (std::size_t i = 0; i < std::min(paths.size(), summary_paths); ++i)
    out += (i == 0 ? "" : ", ") + paths[i];
  if (paths.size() > summary_paths)
    out += fmt::format(" and {} more", paths.size() - summary_paths);
  return out;
}

std::int64_t to_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

}  // namespace

bool is_of_the_past(std::string_view subresource) {
  return subresource == "history" || subresource == "rollback";
}

ApiResult<std::vector<Revision>> ObjectHistory::kept(const Call& call, std::int64_t limit) const {
  auto found = store_.history({call.type->stored_as, call.space, call.name}, limit);
  if (!found) return std::unexpected(storage_failed(found.error()));
  if (found->empty()) return std::unexpected(not_found(call.type->name, call.name));
  return std::move(*found);
}

ApiError ObjectHistory::not_kept(const Call& call, std::string_view revision,
                                 const std::vector<Revision>& kept) const {
  const History limits = store_.limits_of(call.type->stored_as);
  ApiError error = not_found(call.type->name, call.name);
  error.message = fmt::format(
      "revision {} of {} \"{}\" is not kept: there are {} to {} (at most {} changes and {} changes "
      "of status of an object)",
      revision, call.type->name.qualified(), call.name, kept.back().number, kept.front().number,
      limits.revisions_max, limits.status_max);
  return error;
}

json::object ObjectHistory::item(const Revision& revision, const Revision* older) const {
  const json::value now(stored_object(revision.body));
  json::object out{{"revision", revision.number},
                   {"change", name_of(revision.change)},
                   {"time", to_rfc3339(revision.time)},
                   {"author", revision.author},
                   {"manager", revision.manager},
                   {"generation", int_at(now, {"metadata", "generation"}, 0)}};
  if (revision.change == Change::created || revision.change == Change::deleted) return out;
  if (older == nullptr) {
    out["summary"] = "the revision before it is not kept";
    return out;
  }
  const json::value before(stored_object(older->body));
  const ResourceTypeRef type = catalog_.find_stored(revision.key.resource);
  const json::value schema = type != nullptr ? *type->storage_version().open_api : json::value();
  const auto changed = field_paths(fields_changed(before, now, schema));
  const auto removed = field_paths(fields_minus(fields_of(before, schema), fields_of(now, schema)));
  out["changed"] = to_array(changed);
  out["removed"] = to_array(removed);
  std::string summary = joined(changed);
  if (!removed.empty()) summary += (summary.empty() ? "removed " : "; removed ") + joined(removed);
  out["summary"] = summary.empty() ? "who owns which field" : std::move(summary);
  return out;
}

ApiResult<json::object> ObjectHistory::list(const Call& call, std::int64_t limit) const {
  limit = limit > 0 ? std::min(limit, list_items_max) : list_items_max;
  // One more, to compare the last one with.
  auto revisions = kept(call, limit + 1);
  if (!revisions) return std::unexpected(revisions.error());
  json::array items;
  for (std::size_t i = 0; i < revisions->size() && std::ssize(items) < limit; ++i) {
    const bool is_last = i + 1 == revisions->size();
    items.push_back(item((*revisions)[i], is_last ? nullptr : &(*revisions)[i + 1]));
  }
  const History limits = store_.limits_of(call.type->stored_as);
  json::object about{{"name", call.name}, {"kind", call.type->name.kind}};
  if (call.type->namespaced) about["namespace"] = call.space;
  return json::object{
      {"kind", "RevisionList"},
      {"apiVersion", "wireway.io/v1"},
      {"metadata", json::object{{"resourceVersion", std::to_string(store_.revision())}}},
      {"object", std::move(about)},
      {"deleted", revisions->front().change == Change::deleted},
      {"retention", json::object{{"revisions", limits.revisions_max},
                                 {"statusRevisions", limits.status_max},
                                 {"deletedObjects", limits.tombstones_max}}},
      {"items", std::move(items)}};
}

ApiResult<Revision> ObjectHistory::at(const Call& call, std::string_view revision) const {
  const std::int64_t number = to_number(revision);
  if (number <= 0)
    return std::unexpected(bad_request(
        fmt::format("revision: Invalid value: \"{}\": must be a number above 0", revision)));
  auto found = store_.at(number);
  if (!found) return std::unexpected(storage_failed(found.error()));
  const StoreKey key{call.type->stored_as, call.space, call.name};
  if (*found && (*found)->key == key) return std::move(**found);
  auto revisions = kept(call, ObjectHistory::list_items_max);
  if (!revisions) return std::unexpected(revisions.error());
  return std::unexpected(not_kept(call, revision, *revisions));
}

ApiResult<Revision> ObjectHistory::target(const Call& call, const json::value& body) const {
  const std::int64_t wanted = int_at(body, {"toRevision"}, 0);
  if (wanted <= 0)
    return std::unexpected(
        bad_request("toRevision: Required value: the number of the revision to go back to; "
                    "GET .../history lists them"));
  auto found = at(call, std::to_string(wanted));
  if (!found) return found;
  if (found->change != Change::deleted) return found;
  return std::unexpected(invalid(
      call.type->name, call.name,
      {{"FieldValueInvalid", "toRevision",
        fmt::format("Invalid value: {}: the object was deleted by it; delete it, or choose an "
                    "earlier one",
                    wanted)}}));
}

/// Finalizers and owners stay the living object's: they belong to running programs, not to the
/// wish.
ApiResult<Written> Objects::restore(Call& call, const Revision& past,
                                    const std::string& resource_version) {
  auto wish = parsed(past);
  if (!wish) return std::unexpected(wish.error());
  Call stored = call;
  stored.version = &call.type->storage_version();
  stored.subresource.clear();
  auto found = store_.get(past.key);
  if (!found) return std::unexpected(storage_failed(found.error()));
  json::object draft = std::move(*wish);
  const json::value former = std::exchange(draft["metadata"], json::object{{"name", call.name}});
  json::object& metadata = draft["metadata"].as_object();
  for (const char* key : {"namespace", "labels", "annotations"})
    if (const json::value* value = find(former, key)) metadata[key] = *value;
  draft["apiVersion"] = stored.type->api_version(*stored.version);
  draft.erase("status");
  auto unknown = decode(stored, draft);
  if (!unknown) return std::unexpected(unknown.error());
  if (auto done = report_strict(stored, *unknown, nullptr); !done)
    return std::unexpected(done.error());
  ApiResult<Written> written;
  if (!*found) {
    if (!resource_version.empty())
      return std::unexpected(conflict(call.type->name, call.name, "the object has been deleted"));
    written = create_draft(stored, std::move(draft), false);
  } else {
    json::object before = stored_object((*found)->body);
    const json::value living(before);
    for (const char* key : {"finalizers", "ownerReferences"})
      if (const json::value* value = find(living, "metadata", key))
        draft["metadata"].as_object()[key] = *value;
    if (const json::value* status = find(living, "status")) draft["status"] = *status;
    if (!resource_version.empty())
      draft["metadata"].as_object()["resourceVersion"] = resource_version;
    written = update_draft(stored, **found, std::move(before), std::move(draft), false);
  }
  call.warnings = std::move(stored.warnings);
  return written;
}

}  // namespace wireway::control
