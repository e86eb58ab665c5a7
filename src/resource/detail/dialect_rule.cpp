#include "resource/detail/dialect_rule.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace wireway::resource {
namespace {

using detail::Path;
using detail::Step;
using Rule = Dialects::Rule;

constexpr std::array members{"move",   "to",     "values",   "at", "list", "drop",  "when",
                             "factor", "native", "any-case", "if", "set",  "value", "text"};

std::unexpected<Error> refuse(std::string what) { return fail(Errc::invalid, std::move(what)); }

Result<> read_values(const json::value& written, Rule& rule) {
  const json::value* values = find(written, "values");
  if (values == nullptr) return {};
  if (!values->is_object() || values->get_object().empty())
    return refuse("values must be a map of spellings");
  for (const auto& [key, value] : values->get_object()) {
    if (value.is_structured()) return refuse("values maps to texts, numbers and booleans");
    rule.values.emplace_back(std::string(key), value);
  }
  return {};
}

/// Where values are rewritten in place, a second pass must find nothing more to do.
Result<> check_values_end(const Rule& rule) {
  for (const auto& [key, value] : rule.values)
    for (const auto& [other, target] : rule.values)
      if (is_spelled(value, other) && target != value)
        return refuse(fmt::format("values: {} leads to {}, which leads on to {}", key,
                                  spelling_of(value), spelling_of(target)));
  return {};
}

Result<> read_native(const json::value& written, Rule& rule) {
  const json::value* native = find(written, "native");
  if (native == nullptr) return {};
  if (!native->is_array()) return refuse("native must be a list of versions");
  for (const json::value& version : native->get_array()) {
    if (!version.is_string()) return refuse("native must be a list of versions");
    rule.native.emplace_back(version.get_string());
  }
  return {};
}

Result<> read_factor(const json::value& written, Rule& rule) {
  const json::value* factor = find(written, "factor");
  if (factor == nullptr) return {};
  if (!factor->is_number()) return refuse("factor must be a number");
  rule.factor = factor->to_number<double>();
  if (!std::isfinite(rule.factor) || rule.factor == 0) return refuse("factor must not be 0");
  return {};
}

/// Splits off what both paths share up to their last common [] or *.
void share(Path from, Path to, Rule& rule) {
  std::size_t shared = 0;
  for (std::size_t i = 0; i < std::min(from.size(), to.size()) && from[i] == to[i]; ++i)
    if (from[i].walks()) shared = i + 1;
  const auto cut = static_cast<std::ptrdiff_t>(shared);
  rule.each.assign(from.begin(), from.begin() + cut);
  rule.from.assign(from.begin() + cut, from.end());
  rule.to.assign(to.begin() + cut, to.end());
}

bool walks(const Path& path) { return std::ranges::any_of(path, &Step::walks); }
bool ends_in_name(const Path& path) {
  return !path.empty() && path.back().kind == Step::Kind::member;
}

Result<> read_move(const json::value& written, Rule& rule) {
  rule.kind = Rule::Kind::move;
  rule.from_text = text_at(written, {"move"});
  rule.to_text = text_at(written, {"to"});
  auto from = detail::parse_path(rule.from_text);
  if (!from) return std::unexpected(from.error());
  auto to = detail::parse_path(rule.to_text);
  if (!to) return std::unexpected(to.error());
  share(std::move(*from), std::move(*to), rule);
  if (walks(rule.from) || walks(rule.to))
    return refuse("[] and * may only stand in the part that both paths share");
  if (!ends_in_name(rule.from) || !ends_in_name(rule.to)) return refuse("both must end in a name");
  if (rule.from == rule.to && !rule.any_case) return refuse("both paths are the same");
  return {};
}

Result<> read_place(const json::value& written, std::string_view member, Rule& rule) {
  rule.from_text = text_at(written, {member});
  auto path = detail::parse_path(rule.from_text);
  if (!path) return std::unexpected(path.error());
  const auto last = std::ranges::find_if(path->rbegin(), path->rend(), &Step::walks);
  rule.each.assign(path->begin(), last.base());
  rule.from.assign(last.base(), path->end());
  const bool in_place = rule.kind == Rule::Kind::values || rule.kind == Rule::Kind::text;
  const bool whole_items = in_place && rule.from.empty();
  if (!whole_items && !ends_in_name(rule.from)) return refuse("the path must end in a name");
  return {};
}

Result<> read_condition(const json::value& written, Rule& rule) {
  if (find(written, "if") == nullptr) return {};
  auto path = detail::parse_path(text_at(written, {"if"}));
  if (!path) return std::unexpected(path.error());
  const bool shared = path->size() > rule.each.size() &&
                      std::equal(rule.each.begin(), rule.each.end(), path->begin());
  if (!shared) return refuse("if must share the rule's path up to its last [] or *");
  const auto cut = path->begin() + static_cast<std::ptrdiff_t>(rule.each.size());
  rule.condition.assign(cut, path->end());
  if (walks(rule.condition)) return refuse("if must lead to one place for each of the rule's");
  return {};
}

Result<> read_kind(const json::value& written, Rule& rule) {
  const json::object& object = written.get_object();
  const bool moves = object.contains("move");
  const bool lists = object.contains("list");
  const bool drops = object.contains("drop");
  const bool spells = object.contains("at");
  const bool sets = object.contains("set");
  const bool writes = object.contains("text");
  if (int{moves} + int{lists} + int{drops} + int{spells} + int{sets} + int{writes} != 1)
    return refuse("must have one of move, at, list, drop, set and text");
  if (sets != object.contains("value")) return refuse("set and value belong together");
  if (sets && !object.contains("if")) return refuse("set needs an if");
  if (moves != object.contains("to")) return refuse("move and to belong together");
  if (object.contains("when") && !drops) return refuse("when belongs to drop");
  if (object.contains("factor") && !moves) return refuse("factor belongs to move");
  if (spells != object.contains("values") && !moves) return refuse("at and values belong together");
  if (moves) return read_move(written, rule);
  if (const json::value* when = object.if_contains("when")) rule.when = *when;
  if (const json::value* value = object.if_contains("value")) rule.value = *value;
  using Place = std::pair<const char*, Rule::Kind>;
  for (const auto& [member, kind] : {Place{"list", Rule::Kind::list},
                                     {"drop", Rule::Kind::drop},
                                     {"set", Rule::Kind::set},
                                     {"at", Rule::Kind::values},
                                     {"text", Rule::Kind::text}}) {
    if (!object.contains(member)) continue;
    rule.kind = kind;
    if (auto done = read_place(written, member, rule); !done) return done;
  }
  return spells ? check_values_end(rule) : Result<>{};
}

}  // namespace

std::string spelling_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (!value.is_double()) return json::serialize(value);
  const std::string text = fmt::format("{}", value.get_double());
  return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

bool is_spelled(const json::value& value, std::string_view text) {
  if (value.is_string()) return equals_ignoring_case(value.get_string(), text);
  if (value.is_structured() || value.is_null()) return false;
  return spelling_of(value) == text;
}

Result<Dialects::Rule> parse_rule(const json::value& written) {
  if (!written.is_object()) return refuse("must be a map");
  for (const auto& [key, value] : written.get_object())
    if (std::ranges::find(members, std::string_view(key)) == members.end())
      return refuse(fmt::format("\"{}\" is no part of a rule", std::string_view(key)));
  Rule rule;
  if (const json::value* any_case = find(written, "any-case")) {
    if (!any_case->is_bool()) return refuse("any-case must be true or false");
    rule.any_case = any_case->get_bool();
  }
  for (const auto& read : {read_values, read_native, read_factor, read_kind, read_condition})
    if (auto done = read(written, rule); !done) return std::unexpected(done.error());
  return rule;
}

}  // namespace wireway::resource
