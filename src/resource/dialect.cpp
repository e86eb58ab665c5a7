#include "resource/dialect.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/yaml.h"
#include "resource/detail/dialect_rule.h"

namespace wireway::resource {
namespace {

using detail::Path;
using detail::PathView;
using detail::Room;
using detail::Trail;
using Rule = Dialects::Rule;

/// Beyond it a double no longer holds every integer.
constexpr double whole_max = 9.0e15;

/// One rule at work on one object; remembers what is to be said.
class Work {
 public:
  Work(const Rule& rule, bool native, Dialects::Given given)
      : rule_(rule), native_(native), given_(given) {}

  void to_stored(json::value& object) {
    detail::for_each_at(object, rule_.each, [this](json::value& place, const Trail& trail) {
      trail_ = &trail;
      if (applies(place)) apply(place);
    });
  }
  void from_stored(json::value& object) {
    detail::for_each_at(object, rule_.each, [this](json::value& place, const Trail& trail) {
      trail_ = &trail;
      if (!applies(place)) return;
      if (rule_.kind == Rule::Kind::move) move_back(place);
      if (rule_.kind == Rule::Kind::values) spell_back(place);
    });
  }
  void patch_to_current(json::value& patch) {
    detail::for_each_at(patch, rule_.each, [this](json::value& place, const Trail& trail) {
      trail_ = &trail;
      if (applies(place)) move(place);
    });
  }

  void say(std::vector<std::string>& sentences) const {
    const bool silent = rule_.kind == Rule::Kind::set || rule_.kind == Rule::Kind::text;
    if (used_.count > 0 && !native_ && !silent)
      sentences.push_back(sentence(used_) + used_.others());
    if (left_out_.count > 0)
      sentences.push_back(fmt::format("{} was left out: {} is set too{}", left_out_.from,
                                      left_out_.to, left_out_.others()));
  }

 private:
  /// Where something is to be said about: the first place by name, the others by their number.
  struct Places {
    std::size_t count = 0;
    std::string from = {};
    std::string to = {};

    std::string others() const {
      return count > 1 ? fmt::format(" (and {} more like it)", count - 1) : "";
    }
  };

  void note(Places& places) const {
    if (places.count++ > 0) return;
    places.from = detail::real_path(rule_.from_text, *trail_);
    places.to = detail::real_path(rule_.to_text, *trail_);
  }

  std::string sentence(const Places& at) const {
    switch (rule_.kind) {
      case Rule::Kind::move: return fmt::format("{} is an older name of {}", at.from, at.to);
      case Rule::Kind::values:
        return fmt::format("{}: {} is an older spelling of {}", at.from, seen_, current_);
      case Rule::Kind::list:
        return fmt::format("{} is a list: the single value was taken as a list of one", at.from);
      case Rule::Kind::drop: return fmt::format("{} is obsolete and was left out", at.from);
      case Rule::Kind::set:
      case Rule::Kind::text: break;
    }
    return "";
  }

  bool applies(json::value& place) const {
    if (rule_.condition.empty()) return true;
    const json::value* found = detail::value_at(place, rule_.condition);
    return found != nullptr && !found->is_null();
  }

  void apply(json::value& place) {
    switch (rule_.kind) {
      case Rule::Kind::move: return move(place);
      case Rule::Kind::values: return spell(place);
      case Rule::Kind::list: return make_list(place);
      case Rule::Kind::drop: return drop(place);
      case Rule::Kind::set: return set(place);
      case Rule::Kind::text: return write(place);
    }
  }

  /// `spec` itself stays, even if nothing is left in it.
  std::optional<json::value> take(json::value& place, PathView path) const {
    const bool at_root = rule_.each.empty() && path.size() > 1;
    if (!at_root) return detail::take(place, path);
    json::value* top = detail::value_at(place, path.first(1));
    return top == nullptr ? std::nullopt : detail::take(*top, path.subspan(1));
  }

  /// The path to the older name, in the spelling that the object has. Empty if it is not there.
  PathView find_older(json::value& place) {
    if (!rule_.any_case)
      return detail::value_at(place, rule_.from) != nullptr ? PathView(rule_.from) : PathView();
    const PathView parents = PathView(rule_.from).first(rule_.from.size() - 1);
    json::value* parent = detail::value_at(place, parents);
    if (parent == nullptr || !parent->is_object()) return {};
    const bool siblings = rule_.to.size() == rule_.from.size() &&
                          std::ranges::equal(parents, PathView(rule_.to).first(parents.size()));
    const auto* member = detail::member_ignoring_case(parent->get_object(), rule_.from.back().name,
                                                      siblings ? rule_.to.back().name : "");
    if (member == nullptr) return {};
    found_.assign(rule_.from.begin(), rule_.from.end());
    found_.back().name = member->key();
    return found_;
  }

  void move(json::value& place) {
    const PathView from = find_older(place);
    if (from.empty()) return;
    const json::value& older = *detail::value_at(place, from);
    const bool is_current = rule_.goes_deeper() && (older.is_structured() || older.is_null());
    if (is_current) return;
    json::value value = std::move(*take(place, from));
    if (value.is_null() && rule_.picks()) return;
    switch (detail::room_at(place, rule_.to)) {
      case Room::blocked: detail::put(place, from, std::move(value)); return;
      case Room::taken:
        if (!gives_way(*detail::value_at(place, rule_.to))) {
          note(left_out_);
          return;
        }
        [[fallthrough]];
      case Room::free: break;
    }
    note(used_);
    detail::put(place, rule_.to, scaled(current_value(std::move(value)), rule_.factor));
  }

  bool gives_way(const json::value& current) const {
    const bool from_the_patch = given_ == Dialects::Given::patched && !native_;
    return from_the_patch || (rule_.default_value && *rule_.default_value == current);
  }

  void move_back(json::value& place) {
    auto value = take(place, rule_.to);
    if (!value) return;
    const bool room = detail::room_at(place, rule_.from) == Room::free;
    if (!room) return detail::put(place, rule_.to, std::move(*value));
    detail::put(place, rule_.from, scaled(older_value(std::move(*value)), 1 / rule_.factor));
    // or the way to the stored form would no longer lead here
    if (!applies(place)) detail::put(place, rule_.condition, json::object());
  }

  void spell(json::value& place) {
    json::value* value = in_place(place);
    if (value == nullptr) return;
    json::value current = current_value(*value);
    if (current == *value) return;
    if (used_.count == 0) {
      seen_ = json::serialize(*value);
      current_ = json::serialize(current);
    }
    note(used_);
    *value = std::move(current);
  }
  void spell_back(json::value& place) {
    if (json::value* value = in_place(place)) *value = older_value(std::move(*value));
  }

  void make_list(json::value& place) {
    json::value* value = in_place(place);
    if (value == nullptr || value->is_array() || value->is_null()) return;
    note(used_);
    json::value item = std::move(*value);
    *value = json::array{};
    value->get_array().push_back(std::move(item));
  }

  void drop(json::value& place) {
    const PathView path = find_older(place);
    if (path.empty()) return;
    const json::value& value = *detail::value_at(place, path);
    if (rule_.when && !(value == *rule_.when) && !is_when(value)) return;
    note(used_);
    (void)take(place, path);
  }
  bool is_when(const json::value& value) const {
    return rule_.when->is_string() && is_spelled(value, rule_.when->get_string());
  }

  void set(json::value& place) const {
    if (detail::room_at(place, rule_.from) == Room::free)
      detail::put(place, rule_.from, rule_.value);
  }

  void write(json::value& place) {
    json::value* value = in_place(place);
    if (value != nullptr && (value->is_number() || value->is_bool())) *value = spelling_of(*value);
  }

  json::value* in_place(json::value& place) {
    if (rule_.from.empty()) return &place;
    const PathView path = find_older(place);
    return path.empty() ? nullptr : detail::value_at(place, path);
  }

  json::value current_value(json::value value) const {
    for (const auto& [older, current] : rule_.values)
      if (is_spelled(value, older)) return current;
    return value;
  }
  json::value older_value(json::value value) const {
    for (const auto& [older, current] : rule_.values) {
      if (current != value) continue;
      if (older == "true") return true;
      if (older == "false") return false;
      return json::value(older);
    }
    return value;
  }

  static json::value scaled(json::value value, double factor) {
    if (factor == 1 || !value.is_number()) return value;
    const double product = value.to_number<double>() * factor;
    const double whole = std::round(product);
    // 0.3 * 1000 is 300 for people.
    const bool is_whole = std::abs(product - whole) <= std::abs(product) * 1e-12;
    if (is_whole && std::abs(whole) < whole_max) return static_cast<std::int64_t>(whole);
    return product;
  }

  const Rule& rule_;
  const bool native_;
  const Dialects::Given given_;
  Path found_;
  const Trail* trail_ = nullptr;  ///< the way to the place at work
  Places used_;
  Places left_out_;
  std::string seen_;
  std::string current_;
};

/// The schema of the stored version, or nullptr.
const json::value* stored_schema(const json::value& definition) {
  const json::value* versions = find(definition, "spec", "versions");
  if (versions == nullptr || !versions->is_array()) return nullptr;
  for (const json::value& version : versions->get_array())
    if (bool_at(version, {"storage"}, false)) return find(version, "schema", "openAPIV3Schema");
  return nullptr;
}

/// The default that filling in would put at the end of `path`.
const json::value* default_at(const json::value* schema, PathView path) {
  const json::value* given = nullptr;
  for (const detail::Step& step : path) {
    if (schema == nullptr) return nullptr;
    if (step.kind == detail::Step::Kind::members) return nullptr;  // each member has its own
    const bool member = step.kind == detail::Step::Kind::member;
    schema = member ? find(*schema, "properties", step.name) : find(*schema, "items");
    given = given != nullptr && member ? find(*given, step.name) : nullptr;
    if (schema != nullptr && given == nullptr) given = find(*schema, "default");
  }
  return given;
}

Result<> check_native(const json::value& definition, const Rule& rule) {
  const json::value* versions = find(definition, "spec", "versions");
  for (const std::string& native : rule.native) {
    bool known = false;
    if (versions != nullptr && versions->is_array())
      for (const json::value& version : versions->get_array()) {
        if (text_at(version, {"name"}) != native) continue;
        known = true;
        if (bool_at(version, {"storage"}, false))
          return fail(Errc::invalid,
                      fmt::format("{} is stored, so nothing older is native to it", native));
      }
    if (!known)
      return fail(Errc::invalid, fmt::format("native: the kind has no version {}", native));
  }
  return {};
}

Result<std::vector<Rule>> parse_rules(const json::value& written) {
  if (!written.is_array()) return fail(Errc::invalid, "must be a list of rules");
  const json::array& list = written.get_array();
  if (list.size() > Dialects::rules_max)
    return fail(Errc::exhausted, fmt::format("more than {} rules", Dialects::rules_max));
  std::vector<Rule> rules;
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto rule = parse_rule(list[i]);
    if (!rule)
      return fail(Errc::invalid, fmt::format("rule {} {}: {}", i + 1, json::serialize(list[i]),
                                             rule.error().message));
    rules.push_back(std::move(*rule));
  }
  return rules;
}

std::vector<std::string> speaking(const std::vector<Rule>& rules) {
  std::vector<std::string> out;
  for (const Rule& rule : rules) {
    const bool reads_back = rule.kind == Rule::Kind::move || rule.kind == Rule::Kind::values;
    if (!reads_back) continue;
    for (const std::string& version : rule.native)
      if (std::ranges::find(out, version) == out.end()) out.push_back(version);
  }
  return out;
}

}  // namespace

Dialects::Dialects() = default;
Dialects::Dialects(Dialects&&) noexcept = default;
Dialects& Dialects::operator=(Dialects&&) noexcept = default;
Dialects::~Dialects() = default;

Result<Dialects> Dialects::parse(const json::value& rules) {
  auto parsed = parse_rules(rules);
  if (!parsed) return std::unexpected(parsed.error());
  Dialects out;
  out.speaking_ = speaking(*parsed);
  if (!parsed->empty()) out.rules_ = std::make_unique<const std::vector<Rule>>(std::move(*parsed));
  return out;
}

Result<Dialects> Dialects::of_definition(const json::value& definition) {
  const std::string text = text_at(definition, {"metadata", "annotations", dialects_annotation});
  if (text.empty()) return Dialects();
  auto documents = parse_yaml(text);
  if (!documents) return std::unexpected(documents.error());
  if (documents->empty()) return Dialects();
  auto rules = parse_rules(documents->front().value);
  if (!rules) return std::unexpected(rules.error());
  const json::value* schema = stored_schema(definition);
  for (std::size_t i = 0; i < rules->size(); ++i) {
    Rule& rule = (*rules)[i];
    if (auto done = check_native(definition, rule); !done)
      return fail(Errc::invalid,
                  fmt::format("rule {} ({}): {}", i + 1, rule.from_text, done.error().message));
    Path whole = rule.each;
    whole.insert(whole.end(), rule.to.begin(), rule.to.end());
    const bool moves = rule.kind == Rule::Kind::move;
    if (const json::value* value = moves ? default_at(schema, whole) : nullptr)
      rule.default_value = *value;
  }
  Dialects out;
  out.speaking_ = speaking(*rules);
  if (!rules->empty()) out.rules_ = std::make_unique<const std::vector<Rule>>(std::move(*rules));
  return out;
}

bool Dialects::speaks(std::string_view version) const {
  return std::ranges::find(speaking_, version) != speaking_.end();
}

bool Dialects::native_to(const Rule& rule, std::string_view version) const {
  return std::ranges::find(rule.native, version) != rule.native.end();
}

std::vector<std::string> Dialects::to_stored(json::value& object, std::string_view version,
                                             Given given) const {
  std::vector<std::string> sentences;
  if (rules_ == nullptr) return sentences;
  for (const Rule& rule : *rules_) {
    Work work(rule, native_to(rule, version), given);
    work.to_stored(object);
    work.say(sentences);
  }
  return sentences;
}

void Dialects::from_stored(json::value& object, std::string_view version) const {
  if (!speaks(version)) return;
  for (auto rule = rules_->rbegin(); rule != rules_->rend(); ++rule)
    if (native_to(*rule, version)) Work(*rule, true, Given::whole).from_stored(object);
}

std::vector<std::string> Dialects::patch_to_current(json::value& patch,
                                                    std::string_view version) const {
  std::vector<std::string> sentences;
  if (rules_ == nullptr || !patch.is_object()) return sentences;
  for (const Rule& rule : *rules_) {
    const bool renames = rule.kind == Rule::Kind::move && !rule.picks();
    if (!renames || native_to(rule, version)) continue;
    Work work(rule, false, Given::whole);
    work.patch_to_current(patch);
    work.say(sentences);
  }
  return sentences;
}

}  // namespace wireway::resource
