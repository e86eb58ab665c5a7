#include "control/api/selector.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace wireway::control {
namespace {

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// Parts between commas that are not inside parentheses.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> out;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      if (const auto part = trimmed(text.substr(begin, i - begin)); !part.empty())
        out.push_back(part);
      begin = i + 1;
    }
  }
  return out;
}

bool is_label_key(std::string_view key) {
  return !key.empty() && key.size() <= 317 &&
         key.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "-_./") == std::string_view::npos;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<Selector> Selector::parse(std::string_view labels, std::string_view fields,
                                 const std::vector<std::string>& fields_allowed) {
  Selector selector;
  if (auto done = parse_labels(labels, selector.labels_); !done)
    return std::unexpected(done.error());
  if (auto done = parse_fields(fields, fields_allowed, selector.fields_); !done)
    return std::unexpected(done.error());
  return selector;
}

Result<> Selector::parse_labels(std::string_view text, std::vector<LabelRule>& out) {
  const auto refuse = [&](std::string_view part) {
    return fail(Errc::invalid, fmt::format("unable to parse requirement: found '{}' in label "
                                           "selector \"{}\"",
                                           part, text));
  };
  for (const std::string_view part : split(text)) {
    LabelRule rule;
    const auto open = part.find('(');
    if (open != std::string_view::npos) {  // key in (a,b)
      if (!part.ends_with(')')) return refuse(part);
      const std::string_view head = trimmed(part.substr(0, open));
      const auto space = head.rfind(' ');
      if (space == std::string_view::npos) return refuse(part);
      const std::string_view word = head.substr(space + 1);
      if (word != "in" && word != "notin") return refuse(part);
      rule.op = word == "in" ? LabelRule::Operator::in : LabelRule::Operator::not_in;
      rule.key = trimmed(head.substr(0, space));
      for (const auto value : split(part.substr(open + 1, part.size() - open - 2)))
        rule.values.emplace_back(value);
    } else if (const auto sign = part.find_first_of("=!<>"); sign == std::string_view::npos) {
      rule.key = part;
    } else if (sign == 0 && part[0] == '!') {
      rule.op = LabelRule::Operator::absent;
      rule.key = trimmed(part.substr(1));
    } else {
      rule.key = trimmed(part.substr(0, sign));
      const bool two = part.substr(sign).starts_with("==") || part.substr(sign).starts_with("!=");
      if (part[sign] == '!' && !two) return refuse(part);
      rule.op = part[sign] == '='   ? LabelRule::Operator::in
                : part[sign] == '!' ? LabelRule::Operator::not_in
                : part[sign] == '<' ? LabelRule::Operator::less
                                    : LabelRule::Operator::greater;
      rule.values.emplace_back(trimmed(part.substr(sign + (two ? 2 : 1))));
    }
    if (!is_label_key(rule.key)) return refuse(part);
    out.push_back(std::move(rule));
  }
  return {};
}

Result<> Selector::parse_fields(std::string_view text, const std::vector<std::string>& allowed,
                                std::vector<FieldRule>& out) {
  for (const std::string_view part : split(text)) {
    const auto sign = part.find_first_of("=!");
    if (sign == std::string_view::npos)
      return fail(Errc::invalid,
                  fmt::format("invalid selector: '{}'; can't understand '{}'", text, part));
    FieldRule rule;
    rule.equal = part[sign] == '=';
    const bool two = part.substr(sign).starts_with("==") || part.substr(sign).starts_with("!=");
    const std::string path(trimmed(part.substr(0, sign)));
    if (std::ranges::find(allowed, path) == allowed.end())
      return fail(Errc::invalid, fmt::format("field label not supported: {}", path));
    for (std::size_t begin = 0; begin <= path.size();) {
      const auto end = std::min(path.find('.', begin), path.size());
      rule.path.push_back(path.substr(begin, end - begin));
      begin = end + 1;
    }
    rule.value = trimmed(part.substr(sign + (two ? 2 : 1)));
    out.push_back(std::move(rule));
  }
  return {};
}

bool Selector::holds(const LabelRule& rule, const json::value* labels) {
  const json::value* value = labels == nullptr ? nullptr : find(*labels, rule.key);
  const bool present = value != nullptr && value->is_string();
  const std::string_view text = present ? std::string_view(value->get_string()) : "";
  const bool listed = present && std::ranges::find(rule.values, text) != rule.values.end();
  switch (rule.op) {
    case LabelRule::Operator::in: return listed;
    case LabelRule::Operator::not_in: return !listed;
    case LabelRule::Operator::exists: return present;
    case LabelRule::Operator::absent: return !present;
    case LabelRule::Operator::greater:
    case LabelRule::Operator::less: {
      const auto left = number(text);
      const auto right = number(rule.values.front());
      if (!left || !right) return false;
      return rule.op == LabelRule::Operator::less ? *left < *right : *left > *right;
    }
  }
  return false;
}

bool Selector::matches(const json::value& object) const {
  const json::value* labels = find(object, "metadata", "labels");
  for (const LabelRule& rule : labels_)
    if (!holds(rule, labels)) return false;
  for (const FieldRule& rule : fields_) {
    const json::value* value = &object;
    for (const std::string& name : rule.path)
      if (value != nullptr) value = find(*value, name);
    const std::string text = value == nullptr     ? ""
                             : value->is_string() ? std::string(value->get_string())
                                                  : json::serialize(*value);
    if ((text == rule.value) != rule.equal) return false;
  }
  return true;
}

std::string exact_name(std::string_view fields) {
  for (const std::string_view part : split(fields)) {
    const auto sign = part.find('=');
    if (sign == std::string_view::npos || trimmed(part.substr(0, sign)) != "metadata.name")
      continue;
    const bool two = part.substr(sign).starts_with("==");
    return std::string(trimmed(part.substr(sign + (two ? 2 : 1))));
  }
  return "";
}

}  // namespace wireway::control
