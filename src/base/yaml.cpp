#include "base/yaml.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace wireway {
namespace {

std::string place(const YAML::Mark& mark) {
  return fmt::format("line {}, column {}", mark.line + 1, mark.column + 1);
}

bool is_plain_integer(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool looks_like_float(std::string_view text) {
  return text.find_first_not_of("0123456789+-.eE") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos;
}

std::optional<json::value> number_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* end = text.data() + text.size();
  if (is_plain_integer(text)) {
    std::int64_t value = 0;
    if (std::from_chars(text.data(), end, value).ec == std::errc{}) return value;
    std::uint64_t large = 0;
    if (std::from_chars(text.data(), end, large).ec == std::errc{}) return large;
  }
  if (!looks_like_float(text)) return std::nullopt;
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// A plain scalar by YAML 1.2's core schema.
json::value plain_scalar(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (auto number = number_of(text)) return *number;
  return json::value(text);
}

class Converter {
 public:
  explicit Converter(std::vector<std::string>* repeated) : repeated_(repeated) {}

  Result<json::value> convert(const YAML::Node& node, std::size_t depth) {
    if (depth > yaml_depth_max)
      return fail(Errc::invalid, place(node.Mark()) + ": nested too deeply");
    if (++nodes_ > yaml_nodes_max)
      return fail(Errc::invalid, place(node.Mark()) + ": too many nodes (aliases expanded)");
    switch (node.Type()) {
      case YAML::NodeType::Map: return map(node, depth);
      case YAML::NodeType::Sequence: return sequence(node, depth);
      case YAML::NodeType::Scalar: return scalar(node);
      default: return json::value(nullptr);
    }
  }

 private:
  static Result<json::value> scalar(const YAML::Node& node) {
    const std::string& tag = node.Tag();
    if (tag == "?" || tag.empty()) return plain_scalar(node.Scalar());
    return json::value(node.Scalar());
  }

  Result<json::value> sequence(const YAML::Node& node, std::size_t depth) {
    json::array out;
    for (const auto& item : node) {
      auto value = convert(item, depth + 1);
      if (!value) return value;
      out.push_back(std::move(*value));
    }
    return out;
  }

  Result<json::value> map(const YAML::Node& node, std::size_t depth) {
    json::object out;
    for (const auto& member : node) {
      if (!member.first.IsScalar())
        return fail(Errc::invalid, place(member.first.Mark()) + ": a key must be a scalar");
      const std::string& key = member.first.Scalar();
      if (out.contains(key)) {
        if (repeated_ == nullptr)
          return fail(Errc::invalid,
                      fmt::format("{}: duplicate key \"{}\"", place(member.first.Mark()), key));
        repeated_->push_back(fmt::format("line {}: key \"{}\" already set in map",
                                         member.first.Mark().line + 1, key));
      }
      auto value = convert(member.second, depth + 1);
      if (!value) return value;
      out[key] = std::move(*value);
    }
    return out;
  }

  std::vector<std::string>* repeated_;  ///< null: a repeated key is an error
  std::size_t nodes_ = 0;
};

/// Notes where each document starts and ignores everything else.
class DocumentStarts final : public YAML::EventHandler {
 public:
  int last = -1;
  bool stuck = false;

  void OnDocumentStart(const YAML::Mark& mark) override {
    stuck = mark.pos == last;
    last = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

/// yaml-cpp 0.7 makes empty documents for ever out of a stray comma between documents.
bool makes_progress(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  while (parser.HandleNextDocument(starts))
    if (starts.stuck) return false;
  return true;
}

Result<std::vector<YamlDocument>> parse(std::string_view text, std::vector<std::string>* repeated) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<YamlDocument> out;
  // yaml-cpp reports by exceptions; they end here.
  try {
    if (!makes_progress(std::string(text)))
      return fail(Errc::invalid, "a stray ',' or other flow sign between documents");
    for (const YAML::Node& node : YAML::LoadAll(std::string(text))) {
      if (!node.IsDefined() || node.IsNull()) continue;
      Converter converter(repeated);
      auto value = converter.convert(node, 0);
      if (!value) return std::unexpected(value.error());
      out.push_back({std::move(*value), std::size_t(node.Mark().line) + 1});
    }
  } catch (const YAML::Exception& error) {
    return fail(Errc::invalid, fmt::format("{}: {}", place(error.mark), error.msg));
  }
  return out;
}

}  // namespace

Result<std::vector<YamlDocument>> parse_yaml(std::string_view text) { return parse(text, nullptr); }

Result<std::vector<YamlDocument>> parse_yaml(std::string_view text,
                                             std::vector<std::string>& repeated) {
  return parse(text, &repeated);
}

namespace {

bool needs_quotes(std::string_view text) {
  if (text.empty() || !plain_scalar(text).is_string()) return true;
  if (text.find_first_of("\n\t:#\"'\\{}[],&*!|>%@`") != std::string_view::npos) return true;
  return text.front() == ' ' || text.back() == ' ' || text.front() == '-' || text.front() == '?' ||
         text == "=" || text == "y" || text == "n" || text == "yes" || text == "no" ||
         text == "on" || text == "off";
}

std::string scalar_text(const json::value& value) {
  if (value.is_string() && !needs_quotes(value.get_string()))
    return std::string(value.get_string());
  return json::serialize(value);  // a JSON scalar is a YAML scalar
}

void append_yaml(std::string& out, const json::value& value, std::size_t indent, bool in_sequence) {
  const std::string pad(indent, ' ');
  bool first = true;
  const auto begin_line = [&] {
    if (!(first && in_sequence)) out += pad;
    first = false;
  };
  const auto append_child = [&](const json::value& child, std::size_t child_indent) {
    const bool nested = (child.is_object() && !child.get_object().empty()) ||
                        (child.is_array() && !child.get_array().empty());
    if (!nested) {
      out += " " + scalar_text(child) + "\n";
      return;
    }
    out += "\n";
    append_yaml(out, child, child_indent, false);
  };
  if (value.is_object()) {
    for (const auto& [key, child] : value.get_object()) {
      begin_line();
      out += scalar_text(json::value(key)) + ":";
      append_child(child, indent + (child.is_array() ? 0 : 2));
    }
    return;
  }
  for (const json::value& child : value.get_array()) {
    begin_line();
    out += "-";
    if (child.is_object() && !child.get_object().empty()) {
      out += " ";
      append_yaml(out, child, indent + 2, true);
    } else {
      append_child(child, indent + 2);
    }
  }
}

}  // namespace

std::string to_yaml(const json::value& value) {
  const bool nested = (value.is_object() && !value.get_object().empty()) ||
                      (value.is_array() && !value.get_array().empty());
  if (!nested) return scalar_text(value) + "\n";
  std::string out;
  append_yaml(out, value, 0, false);
  return out;
}

}  // namespace wireway
