#include "control/api/patch.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

namespace wireway::control {
namespace {

constexpr std::size_t operations_max = 10'000;
/// or a few copies would fill the memory
constexpr std::size_t copied_bytes_max = 3 * 1024 * 1024;
constexpr std::size_t pointer_steps_max = 64;

bool all_texts(const json::array& list) {
  return std::ranges::all_of(list, [](const json::value& item) { return item.is_string(); });
}

void unite(json::array& target, const json::array& added) {
  for (const json::value& item : added)
    if (std::ranges::find(target, item) == target.end()) target.push_back(item);
}

/// The steps of a JSON pointer. False if it is malformed.
bool parse_pointer(std::string_view pointer, std::vector<std::string>& steps) {
  if (pointer.empty()) return true;
  if (pointer[0] != '/') return false;
  pointer.remove_prefix(1);
  for (;;) {
    const auto end = std::min(pointer.find('/'), pointer.size());
    std::string step;
    for (std::size_t i = 0; i < end; ++i) {
      if (pointer[i] == '~' && i + 1 < end && (pointer[i + 1] == '0' || pointer[i + 1] == '1'))
        step += pointer[++i] == '0' ? '~' : '/';
      else
        step += pointer[i];
    }
    steps.push_back(std::move(step));
    if (end == pointer.size()) return true;
    pointer.remove_prefix(end + 1);
  }
}

std::optional<std::size_t> index_in(const json::array& list, std::string_view step,
                                    bool may_append) {
  if (step == "-") return may_append ? std::optional(list.size()) : std::nullopt;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc{} || end != step.data() + step.size()) return std::nullopt;
  if (index > list.size() || (!may_append && index == list.size())) return std::nullopt;
  return index;
}

json::value* child(json::value& parent, std::string_view step) {
  if (parent.is_object()) return parent.get_object().if_contains(step);
  if (!parent.is_array()) return nullptr;
  const auto index = index_in(parent.get_array(), step, false);
  return index ? &parent.get_array()[*index] : nullptr;
}

json::value* resolve(json::value& root, const std::vector<std::string>& steps, std::size_t count) {
  json::value* at = &root;
  for (std::size_t i = 0; i < count && at != nullptr; ++i) at = child(*at, steps[i]);
  return at;
}

class JsonPatcher {
 public:
  explicit JsonPatcher(json::value& target) : target_(target) {}

  Result<> run(const json::value& operation) {
    const std::string op = text_at(operation, {"op"});
    const std::string path = text_at(operation, {"path"}, "?");
    std::vector<std::string> steps;
    if (!parse_pointer(path, steps))
      return refuse(fmt::format("{} operation does not apply: path \"{}\" is malformed", op, path));
    const json::value* value = find(operation, "value");
    if (op == "remove") return remove(steps, path);
    if (op == "move" || op == "copy") return transfer(operation, op, steps, path);
    if (op != "add" && op != "replace" && op != "test")
      return refuse(fmt::format("Unexpected kind: {}", op));
    if (value == nullptr) return refuse(fmt::format("{} operation has no value", op));
    if (op == "add") return add(steps, *value, path);
    json::value* place = resolve(target_, steps, steps.size());
    if (op == "test") {
      if (place != nullptr && *place == *value) return {};
      return refuse(fmt::format("testing value {} failed", path));
    }
    if (place == nullptr) return missing("replace", path);
    *place = *value;
    return {};
  }

 private:
  static Result<> refuse(std::string message) { return fail(Errc::invalid, std::move(message)); }
  static Result<> missing(std::string_view op, std::string_view path) {
    return refuse(fmt::format("{} operation does not apply: doc is missing key: {}: missing value",
                              op, path));
  }

  Result<> add(const std::vector<std::string>& steps, json::value value, std::string_view path) {
    if (steps.empty()) {
      target_ = std::move(value);
      return {};
    }
    if (steps.size() > pointer_steps_max) return refuse("add operation: the path is too deep");
    json::value* parent = resolve(target_, steps, steps.size() - 1);
    if (parent == nullptr) return missing("add", path);
    if (parent->is_object()) {
      parent->get_object()[steps.back()] = std::move(value);
      return {};
    }
    if (!parent->is_array()) return missing("add", path);
    json::array& list = parent->get_array();
    const auto index = index_in(list, steps.back(), true);
    if (!index) return missing("add", path);
    list.insert(list.begin() + static_cast<std::ptrdiff_t>(*index), std::move(value));
    return {};
  }

  Result<> remove(const std::vector<std::string>& steps, std::string_view path) {
    if (steps.empty()) return missing("remove", path);
    json::value* parent = resolve(target_, steps, steps.size() - 1);
    if (parent == nullptr || child(*parent, steps.back()) == nullptr)
      return missing("remove", path);
    if (parent->is_object()) {
      parent->get_object().erase(steps.back());
      return {};
    }
    json::array& list = parent->get_array();
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(*index_in(list, steps.back(), false)));
    return {};
  }

  Result<> transfer(const json::value& operation, std::string_view op,
                    const std::vector<std::string>& steps, std::string_view path) {
    const std::string from = text_at(operation, {"from"}, "?");
    std::vector<std::string> source;
    if (!parse_pointer(from, source)) return missing(op, from);
    if (op == "move" && path.starts_with(from + "/"))
      return refuse("move operation does not apply: a value cannot move into itself");
    const json::value* found = resolve(target_, source, source.size());
    if (found == nullptr) return missing(op, from);
    json::value value = *found;
    copied_bytes_ += json::serialize(value).size();
    if (copied_bytes_ > copied_bytes_max)
      return refuse("Unable to complete the copy, the accumulated size increase is too large");
    if (op == "move")
      if (auto done = remove(source, from); !done) return done;
    return add(steps, std::move(value), path);
  }

  json::value& target_;
  std::size_t copied_bytes_ = 0;
};

}  // namespace

void merge_patch(json::value& target, const json::value& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = json::object();
  json::object& object = target.get_object();
  for (const auto& [key, value] : patch.get_object()) {
    if (value.is_null())
      object.erase(key);
    else
      merge_patch(object[key], value);
  }
}

Result<> strategic_merge_patch(json::value& target, const json::value& patch) {
  if (!patch.is_object()) return fail(Errc::invalid, "a strategic merge patch must be an object");
  if (!target.is_object()) target = json::object();
  const json::object& source = patch.get_object();
  if (const json::value* directive = source.if_contains("$patch")) {
    if (*directive == "replace" || *directive == "delete") {
      json::object kept;
      if (*directive == "replace")
        for (const auto& [key, value] : source)
          if (key != "$patch") kept[key] = value;
      target = std::move(kept);
      return {};
    }
    if (*directive != "merge") return fail(Errc::invalid, "Unknown patch type found: $patch");
  }
  json::object& object = target.get_object();
  for (const auto& [name, value] : source) {
    const std::string_view key = name;
    constexpr std::string_view delete_list = "$deleteFromPrimitiveList/";
    if (key.starts_with(delete_list) && value.is_array()) {
      json::value* list = object.if_contains(key.substr(delete_list.size()));
      if (list == nullptr || !list->is_array()) continue;
      json::array left;
      for (const json::value& item : list->get_array())
        if (std::ranges::find(value.get_array(), item) == value.get_array().end())
          left.push_back(item);
      *list = std::move(left);
    } else if (key.starts_with('$')) {
      continue;  // order and $retainKeys say nothing about maps and texts
    } else if (value.is_null()) {
      object.erase(key);
    } else if (value.is_object()) {
      if (auto done = strategic_merge_patch(object[key], value); !done) return done;
    } else if (value.is_array() && object[key].is_array() && all_texts(value.get_array()) &&
               all_texts(object[key].get_array())) {
      unite(object[key].get_array(), value.get_array());
    } else {
      object[key] = value;
    }
  }
  return {};
}

Result<> json_patch(json::value& target, const json::value& operations) {
  if (!operations.is_array())
    return fail(Errc::invalid, "a JSON patch must be a list of operations");
  if (operations.get_array().size() > operations_max)
    return fail(Errc::exhausted,
                fmt::format("The allowed maximum operations in a JSON patch is {}, got {}",
                            operations_max, operations.get_array().size()));
  JsonPatcher patcher(target);
  for (const json::value& operation : operations.get_array())
    if (auto done = patcher.run(operation); !done) return done;
  return {};
}

}  // namespace wireway::control
