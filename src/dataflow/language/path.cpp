#include "dataflow/language/path.h"

#include <algorithm>

#include <fmt/format.h>

#include "dataflow/language/expression.h"

namespace wireway::dataflow {
namespace {

std::unexpected<Error> at_column(std::size_t index, std::string_view message) {
  return fail(Errc::invalid, fmt::format("column {}: {}", index + 1, message));
}

struct Segment {
  std::string text;
  bool quoted = false;
  std::size_t end = 0;  ///< index of the `.` behind it, or the text's size
};

/// A segment that starts with a quote runs to the next one, if a `.` or the end follows there.
Result<Segment> read_segment(std::string_view text, std::size_t begin) {
  const char quote = begin < text.size() ? text[begin] : '\0';
  if (quote == '"' || quote == '\'') {
    const std::size_t close = text.find(quote, begin + 1);
    const bool whole =
        close != std::string_view::npos && (close + 1 == text.size() || text[close + 1] == '.');
    if (whole)
      return Segment{std::string(text.substr(begin + 1, close - begin - 1)), true, close + 1};
    if (quote == '"')
      return at_column(begin, "this quoted segment must end with \" before a `.` or the end");
  }
  const std::size_t end = std::min(text.find('.', begin), text.size());
  return Segment{std::string(text.substr(begin, end - begin)), false, end};
}

Result<> add_segments(Path& path, std::string_view text, std::size_t begin) {
  for (;;) {
    auto segment = read_segment(text, begin);
    if (!segment) return std::unexpected(segment.error());
    if (segment->text.empty()) return at_column(begin, "a segment of the path is empty");
    if (segment->text == "*" && !segment->quoted) {
      if (path.has_wildcard()) return at_column(begin, "a path may hold only one `*`");
      path.wildcard = path.segments.size();
    }
    path.segments.push_back(std::move(segment->text));
    if (segment->end == text.size()) return {};
    begin = segment->end + 1;
  }
}

/// If `text` continues with `word` as a whole segment, the index behind its `.` (or the text's
/// size).
std::optional<std::size_t> after_word(std::string_view text, std::size_t begin,
                                      std::string_view word) {
  if (!text.substr(begin).starts_with(word)) return std::nullopt;
  const std::size_t end = begin + word.size();
  if (end == text.size()) return end;
  return text[end] == '.' ? std::optional(end + 1) : std::nullopt;
}

Result<Path> parse_metadata(std::string_view text, std::size_t begin) {
  Path path;
  if (const auto end = after_word(text, begin, "topic"); end == text.size()) {
    path.root = Root::topic;
    return path;
  }
  if (after_word(text, begin, "system_property.content_type") == text.size()) {
    path.root = Root::content_type;
    return path;
  }
  auto key = after_word(text, begin, "user_property");
  if (!key) key = after_word(text, begin, "user_properties");
  if (key && *key < text.size()) {
    path.root = Root::user_property;
    auto segment = read_segment(text, *key);
    if (!segment) return std::unexpected(segment.error());
    // A key with dots needs no quotes: nothing may follow it.
    path.segments.push_back(segment->quoted && segment->end == text.size()
                                ? std::move(segment->text)
                                : std::string(text.substr(*key)));
    return path;
  }
  if (after_word(text, begin, "header"))
    return at_column(begin, "$metadata.header is for Kafka sources, which this version lacks");
  return at_column(begin,
                   "after $metadata. comes topic, user_property.<key> or "
                   "system_property.content_type");
}

Result<Path> parse_context(std::string_view text) {
  Path path;
  path.root = Root::context;
  std::size_t begin = std::string_view("$context").size();
  if (text.size() > begin && text[begin] == '(') {
    const std::size_t close = text.find(')', begin);
    if (close == std::string_view::npos) return at_column(begin, "this ( has no matching )");
    path.alias = text.substr(begin + 1, close - begin - 1);
    if (path.alias.empty()) return at_column(begin, "$context() needs the dataset's key or alias");
    begin = close + 1;
  }
  if (begin >= text.size() || text[begin] != '.')
    return at_column(begin, "$context(alias) must be followed by `.` and a field");
  if (auto added = add_segments(path, text, begin + 1); !added)
    return std::unexpected(added.error());
  return path;
}

Result<Path> parse_path(std::string_view text) {
  if (text.empty()) return at_column(0, "the path is empty");
  if (const auto begin = after_word(text, 0, "$metadata")) return parse_metadata(text, *begin);
  if (text.starts_with("$context")) return parse_context(text);
  Path path;
  std::size_t begin = 0;
  if (const auto end = after_word(text, 0, "$source")) {
    begin = *end;
    if (begin >= text.size())
      return at_column(begin, "$source must be followed by `.` and a field");
  } else if (text.front() == '$') {
    return at_column(0,
                     "a path that begins with $ is $source, $context(alias) or $metadata; "
                     "quote a field whose name begins with $");
  }
  if (auto added = add_segments(path, text, begin); !added) return std::unexpected(added.error());
  return path;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Removes ` ?? literal` from the end of `text`.
Result<std::optional<json::value>> take_fallback(std::string_view& text) {
  const std::size_t mark = text.rfind("??");
  if (mark == std::string_view::npos) return std::nullopt;
  const std::string_view literal = trimmed(text.substr(mark + 2));
  json::value value;
  if (literal != "null") {
    auto compiled = Expression::compile(literal, 0);
    if (!compiled)
      return at_column(mark, "?? must be followed by a number, text, true, false or null");
    Scratch scratch;
    auto result = compiled->evaluate({}, scratch);
    auto converted = result ? to_json_value(*result) : std::unexpected(result.error());
    if (!converted) return at_column(mark, converted.error().message);
    value = std::move(*converted);
  }
  text = trimmed(text.substr(0, mark));
  return value;
}

/// Removes ` ? $last` from the end of `text`.
bool take_last_known(std::string_view& text) {
  static constexpr std::string_view word = "$last";
  const std::string_view whole = trimmed(text);
  if (whole.size() <= word.size()) return false;
  if (!equals_ignoring_case(whole.substr(whole.size() - word.size()), word)) return false;
  const std::string_view before = trimmed(whole.substr(0, whole.size() - word.size()));
  if (!before.ends_with('?')) return false;
  text = trimmed(before.substr(0, before.size() - 1));
  return true;
}

}  // namespace

Result<Input> parse_input(std::string_view text) {
  Input input;
  auto fallback = take_fallback(text);
  if (!fallback) return std::unexpected(fallback.error());
  input.fallback = std::move(*fallback);
  input.last_known = take_last_known(text);
  input.text = text;
  auto path = parse_path(text);
  if (!path) return std::unexpected(path.error());
  input.path = std::move(*path);
  if (input.path.has_wildcard() && (input.last_known || input.fallback))
    return at_column(0, "`*` cannot be combined with `? $last` or `??`");
  return input;
}

Result<Path> parse_output(std::string_view text) {
  auto path = parse_path(text);
  if (path && path->root == Root::context)
    return at_column(0, "an output is written to the message, not to $context");
  return path;
}

const json::value* walk(const json::object& root, const std::vector<std::string>& segments) {
  const json::object* at = &root;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const json::value* found = at->if_contains(segments[i]);
    if (found == nullptr || i + 1 == segments.size()) return found;
    at = found->if_object();
    if (at == nullptr) return nullptr;
  }
  return nullptr;
}

}  // namespace wireway::dataflow
