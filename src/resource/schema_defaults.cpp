// Defaulting, enum spelling and pruning: the walks that change a manifest.

#include <algorithm>

#include <fmt/format.h>

#include "resource/detail/schema_node.h"
#include "resource/schema.h"

namespace wireway::resource {
namespace {

using Node = Schema::Node;

constexpr std::size_t respellings_max = 32;

class Filler {
 public:
  explicit Filler(bool tells) : tells_(tells) {}

  void fill(const Node& node, json::value& value, const FieldPath& path) {
    normalise_enum(node, value, path);
    if (value.is_object()) fill_object(node, value.get_object(), path);
    if (!value.is_array() || !node.items) return;
    json::array& items = value.get_array();
    for (std::size_t i = 0; i < items.size(); ++i) fill(*node.items, items[i], FieldPath(path, i));
  }

  /// One sentence for each kind of respelling: the first place, and how many more.
  std::vector<std::string> sentences() const {
    std::vector<std::string> out;
    for (const Respelling& each : respellings_)
      out.push_back(
          fmt::format("{}: {}{}", each.first_place, each.what,
                      each.count > 1 ? fmt::format(" (and {} more like it)", each.count - 1) : ""));
    return out;
  }

 private:
  struct Respelling {
    std::string shape;  ///< of the path
    std::string what;
    std::string first_place;
    std::size_t count = 1;
  };

  /// Rewrites a text to the schema's spelling; leaves unknown ones for validate() to name.
  void normalise_enum(const Node& node, json::value& value, const FieldPath& path) {
    if (node.allowed.empty() || !value.is_string()) return;
    const json::value* match = nullptr;
    for (const json::value& allowed : node.allowed) {
      if (allowed == value) return;
      if (match == nullptr && allowed.is_string() &&
          equals_ignoring_case(allowed.get_string(), value.get_string()))
        match = &allowed;
    }
    if (match == nullptr) return;
    if (tells_) note(path, value, *match);
    value = *match;
  }

  void note(const FieldPath& path, const json::value& given, const json::value& wanted) {
    const std::string shape = path.to_shape();
    std::string what =
        fmt::format("{} is spelled {}", json::serialize(given), json::serialize(wanted));
    const auto known = std::ranges::find_if(respellings_, [&](const Respelling& each) {
      return each.shape == shape && each.what == what;
    });
    if (known != respellings_.end())
      ++known->count;
    else if (respellings_.size() < respellings_max)
      respellings_.push_back({shape, std::move(what), path.to_string()});
  }

  void fill_object(const Node& node, json::object& object, const FieldPath& path) {
    drop_nulls(node, object);
    for (const auto& [key, child] : node.properties)
      if (child->default_value && !object.contains(key)) object.emplace(key, *child->default_value);
    for (auto& [key, member] : object)
      if (const Node* child = node.member(key)) fill(*child, member, FieldPath(path, key));
  }

  /// A null where none may stand counts as absent, as in the Kubernetes API server.
  static void drop_nulls(const Node& node, json::object& object) {
    for (auto it = object.begin(); it != object.end();) {
      const Node* child = it->value().is_null() ? node.member(it->key()) : nullptr;
      it = child != nullptr && !child->nullable ? object.stable_erase(it) : std::next(it);
    }
  }

  const bool tells_;
  std::vector<Respelling> respellings_;
};

class Pruner {
 public:
  explicit Pruner(std::vector<std::string>& removed) : removed_(removed) {}

  void prune(const Node& node, json::value& value, const FieldPath& path, bool is_resource) {
    if (value.is_array()) {
      if (!node.items) return;
      json::array& items = value.get_array();
      for (std::size_t i = 0; i < items.size(); ++i)
        prune(*node.items, items[i], FieldPath(path, i), node.items->embedded_resource);
    } else if (value.is_object()) {
      prune_object(node, value.get_object(), path, is_resource);
    }
  }

 private:
  static bool belongs_to_resource(std::string_view key) {
    return key == "apiVersion" || key == "kind" || key == "metadata";
  }

  void prune_object(const Node& node, json::object& object, const FieldPath& path,
                    bool is_resource) {
    for (auto it = object.begin(); it != object.end();) {
      const std::string_view key = it->key();
      const FieldPath place(path, key);
      if (is_resource && belongs_to_resource(key)) {
        ++it;
      } else if (const Node* child = node.member(key)) {
        prune(*child, it->value(), place, child->embedded_resource);
        ++it;
      } else if (node.preserve_unknown_fields || node.additional_allowed) {
        ++it;
      } else {
        removed_.push_back(place.to_string());
        it = object.stable_erase(it);
      }
    }
  }

  std::vector<std::string>& removed_;
};

}  // namespace

void Schema::apply_defaults(json::value& object, std::vector<std::string>* respelled) const {
  Filler filler(respelled != nullptr);
  filler.fill(*root_, object, FieldPath());
  if (respelled == nullptr) return;
  for (std::string& sentence : filler.sentences()) respelled->push_back(std::move(sentence));
}

std::vector<std::string> Schema::prune(json::value& object) const {
  std::vector<std::string> removed;
  Pruner(removed).prune(*root_, object, FieldPath(), true);
  return removed;
}

}  // namespace wireway::resource
