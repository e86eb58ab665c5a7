#include "control/reconcile/source_diff.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

namespace wireway::control {
namespace {

constexpr std::array bookkeeping{"managedFields", "resourceVersion",
                                 "generation",    "creationTimestamp",
                                 "uid",           "deletionTimestamp"};

/// The key by which items of this list are told apart, or nullptr.
const char* key_of_items(const json::array& a, const json::array& b) {
  for (const char* key : {"name", "key", "type", "port"}) {
    const auto has_key = [key](const json::value& item) {
      return item.is_object() && item.get_object().contains(key);
    };
    const auto is_keyed = [&](const json::array& list) {
      std::set<std::string> seen;
      return std::ranges::all_of(list, [&](const json::value& item) {
        return has_key(item) && seen.insert(json::serialize(item.at(key))).second;
      });
    };
    if (is_keyed(a) && is_keyed(b)) return key;
  }
  return nullptr;
}

class Differ {
 public:
  explicit Differ(std::vector<std::string>& out) : out_(out) {}

  void values(const json::value& a, const json::value& b, const std::string& path) {
    if (a == b) return;
    if (a.is_object() && b.is_object()) return objects(a.get_object(), b.get_object(), path);
    if (a.is_array() && b.is_array()) return lists(a.get_array(), b.get_array(), path);
    out_.push_back(path);
  }

  void objects(const json::object& a, const json::object& b, const std::string& path) {
    const auto below = [&](std::string_view key) {
      return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
    };
    for (const auto& [key, value] : a) {
      const json::value* other = b.if_contains(key);
      if (other == nullptr)
        out_.push_back(below(key));
      else
        values(value, *other, below(key));
    }
    for (const auto& [key, value] : b)
      if (!a.contains(key)) out_.push_back(below(key));
  }

 private:
  void lists(const json::array& a, const json::array& b, const std::string& path) {
    const char* key = key_of_items(a, b);
    if (key == nullptr) return out_.push_back(path);
    const std::size_t before = out_.size();
    const auto by_key = [key](const json::array& list) {
      json::object out;
      for (const json::value& item : list) {
        const json::value& name = item.at(key);
        out[name.is_string() ? std::string(name.get_string()) : json::serialize(name)] = item;
      }
      return out;
    };
    const json::object left = by_key(a);
    const json::object right = by_key(b);
    for (const auto& [name, item] : left) {
      const json::value* other = right.if_contains(name);
      const std::string place = fmt::format("{}[{}={}]", path, key, std::string_view(name));
      if (other == nullptr)
        out_.push_back(place);
      else
        values(item, *other, place);
    }
    for (const auto& [name, item] : right)
      if (!left.contains(name))
        out_.push_back(fmt::format("{}[{}={}]", path, key, std::string_view(name)));
    if (out_.size() == before) out_.push_back(path);  // only their order
  }

  std::vector<std::string>& out_;
};

json::object without_bookkeeping(const json::value& object) {
  json::object out = object.is_object() ? object.get_object() : json::object{};
  out.erase("status");
  out.erase("apiVersion");
  if (json::value* metadata = out.if_contains("metadata"); metadata && metadata->is_object())
    for (const char* key : bookkeeping) metadata->get_object().erase(key);
  return out;
}

}  // namespace

std::vector<std::string> changed_fields(const json::value& before, const json::value& after) {
  std::vector<std::string> out;
  Differ(out).objects(without_bookkeeping(before), without_bookkeeping(after), "");
  return out;
}

json::value stored_form(const resource::KindTable& kinds, json::value object) {
  const auto [group, version] = resource::split_api_version(text_at(object, {"apiVersion"}));
  const resource::KindEntry* entry = kinds.find(group, text_at(object, {"kind"}));
  if (entry != nullptr && object.is_object()) (void)entry->dialects.to_stored(object, version);
  return object;
}

std::vector<FieldConflict> conflicts_of(std::string_view sentence) {
  std::vector<FieldConflict> out;
  constexpr std::string_view opening = "with \"";
  for (std::size_t at = sentence.find(opening); at != std::string_view::npos;) {
    const std::size_t name = at + opening.size();
    const std::size_t quote = sentence.find('"', name);
    if (quote == std::string_view::npos) break;
    const std::string manager(sentence.substr(name, quote - name));
    at = sentence.find(opening, quote);
    std::string_view rest = sentence.substr(quote, at == std::string_view::npos ? at : at - quote);
    for (std::size_t dot = rest.find(" ."); dot != std::string_view::npos; dot = rest.find(" .")) {
      rest.remove_prefix(dot + 2);
      out.push_back({manager, std::string(rest.substr(0, rest.find_first_of(",\n ")))});
    }
  }
  return out;
}

std::string joined_paths(const std::vector<std::string>& paths, std::size_t shown) {
  std::string out;
  for (std::size_t i = 0; i < std::min(paths.size(), shown); ++i)
    out += (i == 0 ? "" : ", ") + paths[i];
  if (paths.size() > shown) out += fmt::format(" and {} more", paths.size() - shown);
  return out;
}

}  // namespace wireway::control
