// Defaulting, enum spelling and pruning: the walks that change a manifest.

#include <algorithm>

#include <fmt/format.h>

#include "resource/detail/schema_node.h"
#include "resource/schema.h"

namespace wireway::resource {
namespace {

using Node = Schema::Node;

class Filler {
 public:
  explicit Filler(std::vector<std::string>* respelled) : respelled_(respelled) {}

  void fill(const Node& node, json::value& value, const FieldPath& path) {
    normalise_enum(node, value, path);
    if (value.is_object()) fill_object(node, value.get_object(), path);
    if (!value.is_array() || !node.items) return;
    json::array& items = value.get_array();
    for (std::size_t i = 0; i < items.size(); ++i) fill(*node.items, items[i], FieldPath(path, i));
  }

 private:
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
    if (respelled_ != nullptr)
      say(fmt::format("{}: {} is spelled {}", path.to_shape(), json::serialize(value),
                      json::serialize(*match)));
    value = *match;
  }

  void say(std::string sentence) {
    if (std::ranges::find(*respelled_, sentence) == respelled_->end())
      respelled_->push_back(std::move(sentence));
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

  std::vector<std::string>* const respelled_;
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
  Filler(respelled).fill(*root_, object, FieldPath());
}

std::vector<std::string> Schema::prune(json::value& object) const {
  std::vector<std::string> removed;
  Pruner(removed).prune(*root_, object, FieldPath(), true);
  return removed;
}

}  // namespace wireway::resource
