#include "control/api/json_path.h"

#include <charconv>

#include <fmt/format.h>

namespace wireway::control {

class JsonPath::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<Step>> parse() {
    if (text_.starts_with('$')) at_ = 1;
    while (at_ < text_.size()) {
      Result<> done = text_[at_] == '.' ? field() : text_[at_] == '[' ? bracket() : unexpected();
      if (!done) return std::unexpected(done.error());
    }
    return std::move(steps_);
  }

 private:
  Result<> refuse(std::string_view what) const {
    return fail(Errc::invalid, fmt::format("JSONPath \"{}\": {} at {}", text_, what, at_));
  }
  Result<> unexpected() const { return refuse("expected . or ["); }

  /// A name up to the next separator; a backslash keeps the character behind it.
  std::string name(std::string_view ends) {
    std::string out;
    for (; at_ < text_.size() && ends.find(text_[at_]) == std::string_view::npos; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_];
    }
    return out;
  }

  Result<> field() {
    ++at_;
    if (at_ == text_.size() || text_[at_] == '[') return {};
    const std::string key = name(".[");
    if (key.empty()) return refuse("recursion and empty names are not supported");
    Step step;
    if (key == "*")
      step.kind = Step::Kind::each;
    else
      step.names = {key};
    steps_.push_back(std::move(step));
    return {};
  }

  /// The text between brackets; quotes may hold brackets.
  Result<std::string> inside() {
    std::string out;
    char quote = 0;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quote == 0 && c == ']') {
        ++at_;
        return out;
      }
      if (quote == c)
        quote = 0;
      else if (quote == 0 && (c == '\'' || c == '"'))
        quote = c;
      out += c;
    }
    return fail(Errc::invalid, fmt::format("JSONPath \"{}\": unterminated bracket", text_));
  }

  Result<> bracket() {
    auto content = inside();
    if (!content) return std::unexpected(content.error());
    Step step;
    if (*content == "*") {
      step.kind = Step::Kind::each;
    } else if (content->starts_with("?(") && content->ends_with(')')) {
      if (!filter(content->substr(2, content->size() - 3), step)) return refuse("bad filter");
    } else if (content->starts_with('\'') || content->starts_with('"')) {
      if (!quoted_names(*content, step)) return refuse("bad name");
    } else {
      step.kind = Step::Kind::index;
      const auto [end, error] =
          std::from_chars(content->data(), content->data() + content->size(), step.index);
      if (error != std::errc{} || end != content->data() + content->size())
        return refuse("bad index");
    }
    steps_.push_back(std::move(step));
    return {};
  }

  static bool quoted_names(std::string_view content, Step& step) {
    while (!content.empty()) {
      const char quote = content.front();
      if (quote != '\'' && quote != '"') return false;
      const auto end = content.find(quote, 1);
      if (end == std::string_view::npos) return false;
      step.names.emplace_back(content.substr(1, end - 1));
      content.remove_prefix(end + 1);
      const auto next = content.find_first_not_of(", ");
      if (next == std::string_view::npos) return true;
      content.remove_prefix(next);
    }
    return !step.names.empty();
  }

  static std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
  }

  static bool filter(std::string_view text, Step& step) {
    step.kind = Step::Kind::filter;
    std::string_view left = text;
    for (const std::string_view comparison : {"==", "!=", "<=", ">=", "<", ">"}) {
      const auto place = text.find(comparison);
      if (place == std::string_view::npos) continue;
      step.comparison = comparison;
      left = text.substr(0, place);
      std::string right(trimmed(text.substr(place + comparison.size())));
      if (right.size() >= 2 && right.front() == '\'' && right.back() == '\'')
        right = json::serialize(json::value(right.substr(1, right.size() - 2)));
      auto operand = parse_json(right);
      if (!operand) return false;
      step.operand = std::move(*operand);
      break;
    }
    left = trimmed(left);
    if (!left.starts_with('@')) return false;
    auto path = Parser(left.substr(1)).parse();
    if (!path) return false;
    for (Step& part : *path) {
      if (part.kind != Step::Kind::names || part.names.size() != 1) return false;
      step.names.push_back(std::move(part.names.front()));
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Step> steps_;
};

Result<JsonPath> JsonPath::parse(std::string_view text) {
  auto steps = Parser(text).parse();
  if (!steps) return std::unexpected(steps.error());
  JsonPath path;
  path.steps_ = std::move(*steps);
  return path;
}

bool JsonPath::passes(const Step& step, const json::value& item) {
  const json::value* value = &item;
  for (const std::string& name : step.names) {
    value = wireway::find(*value, name);
    if (value == nullptr) return false;
  }
  if (step.comparison.empty()) return true;
  if (step.comparison == "==") return *value == step.operand;
  if (step.comparison == "!=") return *value != step.operand;
  if (!value->is_number() || !step.operand.is_number()) return false;
  const double left = value->to_number<double>();
  const double right = step.operand.to_number<double>();
  if (step.comparison == "<") return left < right;
  if (step.comparison == "<=") return left <= right;
  if (step.comparison == ">") return left > right;
  return left >= right;
}

void JsonPath::walk(const Step& step, const json::value& from,
                    std::vector<const json::value*>& to) {
  if (step.kind == Step::Kind::names) {
    for (const std::string& name : step.names)
      if (const json::value* value = wireway::find(from, name)) to.push_back(value);
    return;
  }
  if (from.is_object() && step.kind == Step::Kind::each) {
    for (const auto& member : from.get_object()) to.push_back(&member.value());
    return;
  }
  if (!from.is_array()) return;
  const json::array& items = from.get_array();
  if (step.kind == Step::Kind::index) {
    const auto size = static_cast<std::int64_t>(items.size());
    const std::int64_t index = step.index < 0 ? size + step.index : step.index;
    if (index >= 0 && index < size) to.push_back(&items[static_cast<std::size_t>(index)]);
    return;
  }
  for (const json::value& item : items)
    if (step.kind == Step::Kind::each || passes(step, item)) to.push_back(&item);
}

std::vector<const json::value*> JsonPath::find(const json::value& root) const {
  std::vector<const json::value*> found{&root};
  for (const Step& step : steps_) {
    std::vector<const json::value*> next;
    for (const json::value* value : found) walk(step, *value, next);
    found = std::move(next);
  }
  return found;
}

}  // namespace wireway::control
