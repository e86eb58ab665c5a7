#include "resource/detail/dialect_path.h"

#include <algorithm>

#include <fmt/format.h>

#include "resource/dialect.h"

namespace wireway::resource::detail {
namespace {

bool is_empty(const json::value& value) {
  return (value.is_object() && value.get_object().empty()) ||
         (value.is_array() && value.get_array().empty());
}

bool is_selected(const json::value& item, const Step& step) {
  const json::value* key = find(item, step.name);
  if (key == nullptr) return false;
  return key->is_string() ? key->get_string() == step.text : json::serialize(*key) == step.text;
}

/// The item that `step` picks: an index, or the size of the list.
std::size_t picked(const json::array& list, const Step& step) {
  if (step.kind == Step::Kind::first) return 0;
  const auto found =
      std::ranges::find_if(list, [&](const json::value& item) { return is_selected(item, step); });
  return static_cast<std::size_t>(found - list.begin());
}

json::value* child(json::value& parent, const Step& step) {
  if (step.kind == Step::Kind::member)
    return parent.is_object() ? parent.get_object().if_contains(step.name) : nullptr;
  if (!parent.is_array()) return nullptr;
  json::array& list = parent.get_array();
  const std::size_t index = picked(list, step);
  return index < list.size() ? &list[index] : nullptr;
}

/// An item that only holds its key is as good as none; before others it stays, so that they keep
/// their places.
void erase_if_bare(json::value& parent, const Step& step, const json::value& item) {
  const std::size_t bare = step.kind == Step::Kind::select ? 1 : 0;
  if (!item.is_object() || item.get_object().size() > bare) return;
  json::array& list = parent.get_array();
  if (&list.back() == &item) list.pop_back();
}

/// "[...]" after a name.
Result<Step> parse_bracket(std::string_view inside) {
  if (inside.empty()) return Step{.kind = Step::Kind::items, .name = ""};
  if (inside == "0") return Step{.kind = Step::Kind::first, .name = ""};
  const auto sign = inside.find('=');
  if (sign == std::string_view::npos || sign == 0)
    return fail(Errc::invalid, fmt::format("[{}] is none of [], [0] and [key=value]", inside));
  return Step{.kind = Step::Kind::select,
              .name = std::string(inside.substr(0, sign)),
              .text = std::string(inside.substr(sign + 1))};
}

void walk(json::value& root, PathView path, Trail& trail,
          const std::function<void(json::value&, const Trail&)>& act) {
  if (path.empty()) return act(root, trail);
  const Step& step = path.front();
  const PathView rest = path.subspan(1);
  const auto enter = [&](json::value& next, const Turn& turn) {
    trail.push_back(turn);
    walk(next, rest, trail, act);
    trail.pop_back();
  };
  if (!step.walks()) {
    if (json::value* next = child(root, step)) walk(*next, rest, trail, act);
  } else if (step.kind == Step::Kind::items && root.is_array()) {
    for (std::size_t i = 0; i < root.get_array().size(); ++i)
      enter(root.get_array()[i], {.item = i});
  } else if (step.kind == Step::Kind::members && root.is_object()) {
    for (auto& [key, member] : root.get_object())
      if (member.is_object()) enter(member, {.member = key});
  }
}

}  // namespace

Result<Path> parse_path(std::string_view text) {
  const auto refuse = [text](std::string_view what) {
    return fail(Errc::invalid, fmt::format("path \"{}\": {}", text, what));
  };
  Path out;
  std::string_view rest = text;
  while (!rest.empty()) {
    if (out.size() >= Dialects::path_steps_max) return refuse("has too many steps");
    if (rest.front() == '[') {
      const auto end = rest.find(']');
      if (out.empty() || end == std::string_view::npos) return refuse("has a bracket out of place");
      auto step = parse_bracket(rest.substr(1, end - 1));
      if (!step) return refuse(step.error().message);
      out.push_back(std::move(*step));
      rest.remove_prefix(end + 1);
      if (!rest.empty() && rest.front() != '.' && rest.front() != '[')
        return refuse("needs a dot after ]");
      continue;
    }
    if (!out.empty()) {
      if (rest.front() != '.') return refuse("needs a dot between names");
      rest.remove_prefix(1);
    }
    const auto end = std::min(rest.find_first_of(".["), rest.size());
    if (end == 0) return refuse("has an empty name");
    const std::string_view name = rest.substr(0, end);
    if (name == "*")
      out.push_back({.kind = Step::Kind::members, .name = ""});
    else
      out.push_back({.name = std::string(name)});
    rest.remove_prefix(end);
  }
  if (out.empty()) return refuse("is empty");
  return out;
}

void for_each_at(json::value& root, PathView path,
                 const std::function<void(json::value&, const Trail&)>& act) {
  Trail trail;
  walk(root, path, trail, act);
}

std::string real_path(std::string_view written, const Trail& trail) {
  std::string out;
  auto way = trail.begin();
  for (std::size_t i = 0; i < written.size(); ++i) {
    const bool items = written.substr(i, 2) == "[]";
    if (way == trail.end() || (!items && written[i] != '*')) {
      out += written[i];
      continue;
    }
    out += items ? fmt::format("[{}]", way->item) : std::string(way->member);
    ++way;
    if (items) ++i;
  }
  return out;
}

json::value* value_at(json::value& root, PathView path) {
  json::value* at = &root;
  for (const Step& step : path) {
    at = child(*at, step);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::optional<json::value> take(json::value& root, PathView path) {
  const Step& step = path.front();
  json::value* next = child(root, step);
  if (next == nullptr) return std::nullopt;
  if (path.size() == 1) {
    json::value out = std::move(*next);
    json::object& object = root.get_object();
    object.stable_erase(object.find(step.name));
    return out;
  }
  auto out = take(*next, path.subspan(1));
  if (!out) return out;
  if (step.picks())
    erase_if_bare(root, step, *next);
  else if (is_empty(*next))
    root.get_object().stable_erase(root.get_object().find(step.name));
  return out;
}

Room room_at(json::value& root, PathView path) {
  json::value* at = &root;
  for (const Step& step : path) {
    if (at->is_null()) return Room::free;
    const bool fits = step.kind == Step::Kind::member ? at->is_object() : at->is_array();
    if (!fits) return Room::blocked;
    at = child(*at, step);
    if (at == nullptr) return Room::free;
  }
  return at->is_null() ? Room::free : Room::taken;
}

void put(json::value& root, PathView path, json::value value) {
  json::value* at = &root;
  for (const Step& step : path) {
    if (step.kind == Step::Kind::member) {
      if (at->is_null()) *at = json::object();
      at = &at->get_object()[step.name];
      continue;
    }
    if (at->is_null()) *at = json::array();
    json::array& list = at->get_array();
    const std::size_t index = picked(list, step);
    if (index >= list.size()) {
      list.push_back(json::object());
      if (step.kind == Step::Kind::select) list.back().get_object()[step.name] = step.text;
    }
    at = &list[index];
  }
  *at = std::move(value);
}

json::key_value_pair* member_ignoring_case(json::object& object, std::string_view name,
                                           std::string_view exact) {
  for (json::key_value_pair& member : object)
    if (member.key() != exact && equals_ignoring_case(member.key(), name)) return &member;
  return nullptr;
}

}  // namespace wireway::resource::detail
