#include "control/api/fields.h"

#include <algorithm>

#include <fmt/format.h>

#include "control/api/object_meta.h"
#include "control/api/structure.h"

namespace wireway::control {
namespace {

bool is_leaf(const json::value& field) { return !field.is_object() || field.get_object().empty(); }

/// Metadata that belongs to the server or names the object; nobody owns it.
bool is_owned_at_root(std::string_view key) {
  return key != "apiVersion" && key != "kind" && key != "metadata";
}

json::object fields_below(const json::value& value, const Structure& structure);

json::value fields_of_list(const json::array& list, const Structure& structure) {
  json::object out;
  for (const json::value& item : list) {
    const std::string key = structure.item_key(item);
    json::object inner;
    if (structure.is_keyed_list()) {
      inner = fields_below(item, structure.items());
      inner["."] = json::object();
    }
    out[key] = std::move(inner);
  }
  return out;
}

json::value field_of(const json::value& value, const Structure& structure) {
  if (value.is_object() && !structure.is_atomic_map()) return fields_below(value, structure);
  if (value.is_array() && (structure.is_keyed_list() || structure.is_set()))
    return fields_of_list(value.get_array(), structure);
  return json::object();
}

json::object fields_below(const json::value& value, const Structure& structure) {
  json::object out;
  if (!value.is_object()) return out;
  for (const auto& [key, member] : value.get_object())
    out["f:" + std::string(key)] = field_of(member, structure.member(key));
  return out;
}

json::value changed_field(const json::value* before, const json::value& now,
                          const Structure& structure);

json::object changed_members(const json::value& before, const json::value& now,
                             const Structure& structure) {
  json::object out;
  for (const auto& [key, member] : now.get_object()) {
    const json::value* old = find(before, key);
    if (old != nullptr && *old == member) continue;
    json::value changed = changed_field(old, member, structure.member(key));
    // Something below it is gone and nothing else has changed: that is no write of the whole.
    if (old != nullptr && is_leaf(changed) && !is_leaf(field_of(member, structure.member(key))))
      continue;
    out["f:" + std::string(key)] = std::move(changed);
  }
  return out;
}

json::value changed_field(const json::value* before, const json::value& now,
                          const Structure& structure) {
  if (before == nullptr || before->kind() != now.kind()) return field_of(now, structure);
  if (now.is_object() && !structure.is_atomic_map())
    return changed_members(*before, now, structure);
  if (!now.is_array() || !(structure.is_keyed_list() || structure.is_set())) return json::object();
  json::object out;
  for (const json::value& item : now.get_array()) {
    const std::string key = structure.item_key(item);
    const json::value* old = structure.find_item(before->get_array(), key);
    if (old != nullptr && *old == item) continue;
    json::object inner;
    if (structure.is_keyed_list()) {
      inner = old != nullptr ? changed_members(*old, item, structure.items())
                             : fields_below(item, structure.items());
      if (old == nullptr) inner["."] = json::object();
    }
    out[key] = std::move(inner);
  }
  return out;
}

/// Leaves the parts of metadata that can be owned.
json::value ownable(const json::value& object) {
  json::object out;
  if (!object.is_object()) return out;
  for (const auto& [key, value] : object.get_object())
    if (is_owned_at_root(key)) out[key] = value;
  json::object metadata;
  for (const char* key : {"labels", "annotations", "finalizers", "ownerReferences"})
    if (const json::value* value = find(object, "metadata", key)) metadata[key] = *value;
  if (!metadata.empty()) out["metadata"] = std::move(metadata);
  return out;
}

json::array& managers_of(json::value& object) {
  json::value& list = object.as_object()["metadata"].as_object()["managedFields"];
  if (!list.is_array()) list = json::array();
  return list.get_array();
}

bool is_entry(const json::value& entry, const FieldWriter& writer, std::string_view operation) {
  return text_at(entry, {"manager"}) == writer.manager &&
         text_at(entry, {"operation"}) == operation &&
         text_at(entry, {"subresource"}) == writer.subresource;
}

json::object entry_fields(const json::value& entry) {
  const json::value* fields = find(entry, "fieldsV1");
  return fields != nullptr && fields->is_object() ? fields->get_object() : json::object();
}

json::object entry_of(const FieldWriter& writer, std::string_view operation, json::object fields) {
  json::object entry{{"manager", writer.manager},        {"operation", operation},
                     {"apiVersion", writer.api_version}, {"time", to_rfc3339(writer.now)},
                     {"fieldsType", "FieldsV1"},         {"fieldsV1", std::move(fields)}};
  if (!writer.subresource.empty()) entry["subresource"] = writer.subresource;
  return entry;
}

bool is_well_formed(const json::value& entry) {
  const std::string operation = text_at(entry, {"operation"});
  const json::value* fields = find(entry, "fieldsV1");
  return (operation == "Apply" || operation == "Update") && fields != nullptr &&
         fields->is_object() && text_at(entry, {"fieldsType"}) == "FieldsV1" &&
         !text_at(entry, {"manager"}).empty() && !text_at(entry, {"apiVersion"}).empty();
}

/// Puts the new list in place: entries without fields are dropped, the oldest beyond the limit too.
void set_managers(json::value& object, json::array entries) {
  json::array kept;
  for (json::value& entry : entries)
    if (!entry_fields(entry).empty()) kept.push_back(std::move(entry));
  while (kept.size() > managers_max) kept.erase(kept.begin());
  if (kept.empty())
    object.as_object()["metadata"].as_object().erase("managedFields");
  else
    managers_of(object) = std::move(kept);
}

/// The part of a path in a message: `.spec`, `[type="Ready"]`.
std::string path_part(std::string_view key) {
  if (key.starts_with("f:")) return "." + std::string(key.substr(2));
  if (key.starts_with("v:")) return fmt::format("[={}]", key.substr(2));
  std::string out = "[";
  if (auto keys = parse_json(key.substr(2)); keys && keys->is_object())
    for (const auto& [name, value] : keys->get_object())
      out += fmt::format("{}{}={}", out.size() > 1 ? "," : "", std::string_view(name),
                         json::serialize(value));
  return out + "]";
}

const json::value* value_at(const json::value* parent, std::string_view key,
                            const Structure& structure) {
  if (parent == nullptr) return nullptr;
  if (key.starts_with("f:")) return find(*parent, key.substr(2));
  return parent->is_array() ? structure.find_item(parent->get_array(), key) : nullptr;
}

Structure structure_at(const Structure& structure, std::string_view key) {
  return key.starts_with("f:") ? structure.member(key.substr(2)) : structure.items();
}

/// Finds the fields whose value in the applied object is not the living one: the field set itself
/// and, for the message, their paths.
class Differing {
 public:
  explicit Differing(std::vector<std::string>& paths) : paths_(paths) {}

  json::object find_in(const json::object& fields, const json::value* live,
                       const json::value* applied, const Structure& structure,
                       const std::string& path) {
    json::object out;
    for (const auto& [key, inner] : fields) {
      if (key == ".") continue;
      const json::value* now = value_at(live, key, structure);
      const json::value* wanted = value_at(applied, key, structure);
      if (now != nullptr && wanted != nullptr && *now == *wanted) continue;
      const std::string place = path + path_part(key);
      if (is_leaf(inner)) {
        out[key] = json::object();
        paths_.push_back(place);
        continue;
      }
      json::object below =
          find_in(inner.get_object(), now, wanted, structure_at(structure, key), place);
      if (!below.empty()) out[key] = std::move(below);
    }
    return out;
  }

 private:
  std::vector<std::string>& paths_;
};

void collect_paths(const json::object& fields, const std::string& path,
                   std::vector<std::string>& out) {
  for (const auto& [key, inner] : fields) {
    if (key == ".") continue;
    const std::string place = path + path_part(key);
    const bool is_item =
        !is_leaf(inner) && inner.get_object().size() == 1 && inner.get_object().contains(".");
    if (is_leaf(inner) || is_item)
      out.push_back(place.substr(place.starts_with('.') ? 1 : 0));
    else
      collect_paths(inner.get_object(), place, out);
  }
}

void merge(json::value& live, const json::value& applied, const Structure& structure);

void merge_list(json::array& live, const json::array& applied, const Structure& structure) {
  for (const json::value& item : applied) {
    const std::string key = structure.item_key(item);
    auto place = std::ranges::find_if(
        live, [&](const json::value& each) { return structure.item_key(each) == key; });
    if (place == live.end())
      live.push_back(item);
    else if (structure.is_keyed_list())
      merge(*place, item, structure.items());
  }
}

void merge(json::value& live, const json::value& applied, const Structure& structure) {
  if (live.is_object() && applied.is_object() && !structure.is_atomic_map()) {
    for (const auto& [key, value] : applied.get_object())
      merge(live.get_object()[key], value, structure.member(key));
  } else if (live.is_array() && applied.is_array() &&
             (structure.is_keyed_list() || structure.is_set())) {
    merge_list(live.get_array(), applied.get_array(), structure);
  } else {
    live = applied;
  }
}

void remove_fields(json::value& from, const json::object& fields, const Structure& structure) {
  for (const auto& [name, inner] : fields) {
    const std::string_view key = name;
    if (key == ".") continue;
    const bool whole = is_leaf(inner) || inner.get_object().contains(".");
    if (key.starts_with("f:") && from.is_object()) {
      json::value* member = from.get_object().if_contains(key.substr(2));
      if (member == nullptr) continue;
      if (!whole) remove_fields(*member, inner.get_object(), structure.member(key.substr(2)));
      const bool emptied = member->is_object() && member->get_object().empty();
      if (whole || emptied) from.get_object().erase(key.substr(2));
    } else if (from.is_array()) {
      json::array& list = from.get_array();
      auto place = std::ranges::find_if(
          list, [&](const json::value& each) { return structure.item_key(each) == key; });
      if (place == list.end()) continue;
      if (whole)
        list.erase(place);
      else
        remove_fields(*place, inner.get_object(), structure.items());
    }
  }
}

}  // namespace

json::object fields_of(const json::value& object, const json::value& schema) {
  return fields_below(ownable(object), Structure(schema));
}

json::object fields_changed(const json::value& before, const json::value& now,
                            const json::value& schema) {
  return changed_members(ownable(before), ownable(now), Structure(schema));
}

std::vector<std::string> field_paths(const json::object& fields) {
  std::vector<std::string> out;
  collect_paths(fields, "", out);
  return out;
}

json::object fields_union(const json::object& a, const json::object& b) {
  json::object out = a;
  for (const auto& [key, value] : b) {
    json::value* mine = out.if_contains(key);
    if (mine == nullptr)
      out[key] = value;
    else if (mine->is_object() && value.is_object())
      *mine = fields_union(mine->get_object(), value.get_object());
  }
  return out;
}

json::object fields_minus(const json::object& a, const json::object& b) {
  json::object out;
  for (const auto& [key, value] : a) {
    const json::value* other = b.if_contains(key);
    if (other == nullptr) {
      out[key] = value;
    } else if (!is_leaf(value) && !is_leaf(*other)) {
      json::object rest = fields_minus(value.get_object(), other->get_object());
      if (!rest.empty()) out[key] = std::move(rest);
    }
  }
  return out;
}

json::object fields_both(const json::object& a, const json::object& b) {
  json::object out;
  for (const auto& [key, value] : a) {
    const json::value* other = b.if_contains(key);
    if (other == nullptr) continue;
    if (is_leaf(value) || is_leaf(*other)) {
      out[key] = value;
      continue;
    }
    json::object both = fields_both(value.get_object(), other->get_object());
    if (!both.empty()) out[key] = std::move(both);
  }
  return out;
}

void record_update(const json::value& before, json::value& now, const json::value& schema,
                   const FieldWriter& writer) {
  const json::object changed = fields_changed(before, now, schema);
  const json::object present = fields_of(now, schema);
  json::array entries;
  json::object mine;
  bool had_entry = false;
  for (const json::value& entry : managers_of(now)) {
    if (is_entry(entry, writer, "Update")) {
      mine = fields_both(entry_fields(entry), present);
      had_entry = true;
      if (changed.empty()) entries.push_back(entry);
      continue;
    }
    json::object kept = entry.is_object() ? entry.get_object() : json::object();
    kept["fieldsV1"] = fields_both(fields_minus(entry_fields(entry), changed), present);
    entries.push_back(std::move(kept));
  }
  if (!changed.empty() || !had_entry)
    entries.push_back(entry_of(writer, "Update", fields_union(mine, changed)));
  set_managers(now, std::move(entries));
}

ApiResult<json::value> apply_fields(const json::value& live, const json::value& applied,
                                    const json::value& schema, const FieldWriter& writer,
                                    const Claim& claim) {
  const Structure structure(schema);
  const json::value wanted = ownable(applied);
  const json::object fields = fields_below(wanted, structure);
  json::value merged = live;
  json::array entries;
  json::object others;
  json::object former;
  std::pair<json::value, std::size_t> own;  // what it said, and where it stood
  json::array causes;
  for (const json::value& entry : managers_of(merged)) {
    if (is_entry(entry, writer, "Apply")) {
      former = entry_fields(entry);
      own = {entry, entries.size()};
      continue;
    }
    json::object owned = entry_fields(entry);
    std::vector<std::string> paths;
    const json::object shared = fields_both(fields, owned);
    const json::object lost = Differing(paths).find_in(shared, &live, &wanted, structure, "");
    paths.clear();
    (void)Differing(paths).find_in(fields_minus(shared, claim.free), &live, &wanted, structure, "");
    for (const std::string& path : paths)
      causes.push_back(json::object{
          {"reason", "FieldManagerConflict"},
          {"message", fmt::format("conflict with \"{}\" using {}", text_at(entry, {"manager"}),
                                  text_at(entry, {"apiVersion"}))},
          {"field", path}});
    owned = fields_minus(owned, lost);
    others = fields_union(others, owned);
    json::object kept = entry.is_object() ? entry.get_object() : json::object();
    kept["fieldsV1"] = std::move(owned);
    entries.push_back(std::move(kept));
  }
  if (!causes.empty() && !claim.all) {
    std::string message = fmt::format("Apply failed with {} conflict{}: ", causes.size(),
                                      causes.size() == 1 ? "" : "s");
    for (std::size_t i = 0; i < causes.size(); ++i)
      message += fmt::format("{}{}: {}", i == 0 ? "" : ", ", text_at(causes[i], {"message"}),
                             text_at(causes[i], {"field"}));
    json::object details{{"causes", std::move(causes)}};
    return std::unexpected(ApiError{409, "Conflict", std::move(message), std::move(details)});
  }
  merge(merged, wanted, structure);
  remove_fields(merged, fields_minus(fields_minus(former, fields), others), structure);
  // Applied once more without a change it stays in its place: that is no write.
  if (former == fields && text_at(own.first, {"apiVersion"}) == writer.api_version)
    entries.insert(entries.begin() + own.second, std::move(own.first));
  else
    entries.push_back(entry_of(writer, "Apply", fields));
  set_managers(merged, std::move(entries));
  return merged;
}

json::object fields_still(const json::value& last_applied, const json::value& live,
                          const json::value& schema) {
  const Structure structure(schema);
  const json::value then = ownable(last_applied);
  const json::value now = ownable(live);
  const json::object fields = fields_below(then, structure);
  std::vector<std::string> paths;
  return fields_minus(fields, Differing(paths).find_in(fields, &then, &now, structure, ""));
}

void choose_managers(const json::object& before, json::object& now) {
  const json::value* given = now.if_contains("managedFields");
  const json::value* was = before.if_contains("managedFields");
  const bool some = given != nullptr && given->is_array() && !given->get_array().empty();
  if (some && *given == json::array{json::object()}) {
    now.erase("managedFields");
    return;
  }
  if (some && depth_of(*given) <= object_depth_max &&
      std::ranges::all_of(given->get_array(), is_well_formed))
    return;
  if (was != nullptr)
    now["managedFields"] = *was;
  else
    now.erase("managedFields");
}

}  // namespace wireway::control
