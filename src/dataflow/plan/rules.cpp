#include "dataflow/plan/rules.h"

#include <fmt/format.h>

#include "dataflow/plan/dialect.h"

namespace wireway::dataflow {
namespace {

enum class Wildcards { allowed, refused };

/// One rule of the manifest while it is taken apart.
class RuleReader {
 public:
  RuleReader(const json::object& rule, std::string field, Problems& problems)
      : rule_(rule), field_(std::move(field)), problems_(problems) {}

  void report(std::string_view member, std::string message) {
    const std::string_view dot = member.empty() ? "" : ".";
    problems_.push_back({fmt::format("{}{}{}", field_, dot, member), std::move(message)});
  }

  std::vector<Input> inputs(Wildcards wildcards) {
    std::vector<Input> out;
    const json::value* list = rule_.if_contains("inputs");
    const json::array* inputs = list ? list->if_array() : nullptr;
    if (inputs == nullptr) {
      report("inputs", "is required: a list of paths such as [temperature]");
      return out;
    }
    for (std::size_t i = 0; i < inputs->size(); ++i) {
      const std::string member = fmt::format("inputs[{}]", i);
      if (!(*inputs)[i].is_string()) {
        report(member, "must be a path, as text");
        continue;
      }
      auto input = parse_input((*inputs)[i].get_string());
      if (!input)
        report(member, input.error().message);
      else if (wildcards == Wildcards::refused && input->path.has_wildcard())
        report(member, "`*` works in map rules only; name each field");
      else
        out.push_back(std::move(*input));
    }
    return out;
  }

  std::optional<Expression> expression(std::size_t inputs) {
    const json::value* text = rule_.if_contains("expression");
    if (text == nullptr || text->is_null()) return std::nullopt;
    if (!text->is_string()) {
      report("expression", "must be text; quote it");
      return std::nullopt;
    }
    if (text->get_string().empty()) return std::nullopt;
    auto compiled = Expression::compile(text->get_string(), inputs);
    if (compiled) return std::move(*compiled);
    report("expression", fmt::format("{} in `{}`", compiled.error().message,
                                     std::string_view(text->get_string()).substr(0, 200)));
    return std::nullopt;
  }

  std::string text(std::string_view member) const {
    const json::value* value = rule_.if_contains(member);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
  }

  bool has(std::string_view member) const { return rule_.contains(member); }

 private:
  const json::object& rule_;
  std::string field_;
  Problems& problems_;
};

MapRule read_map(RuleReader reader, std::string name) {
  MapRule rule;
  rule.name = std::move(name);
  rule.inputs = reader.inputs(Wildcards::allowed);
  rule.expression = reader.expression(rule.inputs.size());
  if (!reader.has("output")) reader.report("output", "is required; \"\" removes the inputs");
  const std::string output = reader.text("output");
  if (output.empty()) {
    if (reader.has("expression") && rule.expression)
      reader.report("expression", "a rule that removes its inputs takes no expression");
    return rule;
  }
  auto path = parse_output(output);
  if (!path) {
    reader.report("output", path.error().message);
    return rule;
  }
  if (path->has_wildcard() && !rule.has_wildcard())
    reader.report("output", "has a `*`, but no input has one");
  if (!rule.expression && !reader.has("expression") && rule.inputs.size() != 1)
    reader.report("expression",
                  fmt::format("is required: the rule has {} inputs", rule.inputs.size()));
  rule.output = std::move(*path);
  return rule;
}

FilterRule read_filter(RuleReader reader, std::string name) {
  FilterRule rule;
  rule.name = std::move(name);
  rule.inputs = reader.inputs(Wildcards::refused);
  auto expression = reader.expression(rule.inputs.size());
  if (expression)
    rule.expression = std::move(*expression);
  else if (reader.text("expression").empty())
    reader.report("expression", "is required: a comparison such as `$1 > 100`");
  return rule;
}

Dataset read_dataset(RuleReader reader, std::string name) {
  Dataset dataset;
  dataset.name = std::move(name);
  const std::string key = reader.text("key");
  if (key.empty()) reader.report("key", "is required: a key of the state store");
  const std::size_t as = key.rfind(" as ");
  dataset.key = key.substr(0, as);
  dataset.alias = as == std::string::npos ? key : key.substr(as + 4);
  if (reader.has("inputs")) dataset.inputs = reader.inputs(Wildcards::refused);
  dataset.expression = reader.expression(dataset.inputs.size());
  for (const Input& input : dataset.inputs)
    if (input.path.root == Root::context && !input.path.alias.empty() &&
        input.path.alias != dataset.alias)
      reader.report("inputs", fmt::format("$context({}) is another dataset", input.path.alias));
  for (Input& input : dataset.inputs)
    if (input.path.root == Root::context) input.path.alias.clear();
  return dataset;
}

template <class Rule, class Read>
std::vector<Rule> read_list(const json::object& settings, const std::string& field,
                            std::string_view member, Read read) {
  std::vector<Rule> out;
  const json::array list = read_rules(settings.if_contains(member));
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string name = fmt::format("{}[{}]", member, i);
    out.push_back(read(list[i].get_object(), fmt::format("{}.{}", field, name), name));
  }
  return out;
}

/// Every `$context(alias)` of filter and map must name a dataset.
void check_contexts(const std::vector<Input>& inputs, const TransformRules& rules,
                    const std::string& field, Problems& problems) {
  for (const Input& input : inputs) {
    if (input.path.root != Root::context) continue;
    const auto known = [&](const Dataset& dataset) { return dataset.alias == input.path.alias; };
    if (std::ranges::any_of(rules.datasets, known)) continue;
    problems.push_back({field, fmt::format("`{}` names no dataset; add it to `datasets` or use "
                                           "its alias",
                                           input.text)});
  }
}

}  // namespace

TransformRules compile_rules(const json::object& settings, const std::string& field,
                             Problems& problems) {
  TransformRules rules;
  rules.datasets = read_list<Dataset>(
      settings, field, "datasets", [&](const json::object& rule, std::string at, std::string name) {
        return read_dataset(RuleReader(rule, std::move(at), problems), std::move(name));
      });
  rules.filters = read_list<FilterRule>(
      settings, field, "filter", [&](const json::object& rule, std::string at, std::string name) {
        return read_filter(RuleReader(rule, std::move(at), problems), std::move(name));
      });
  rules.maps = read_list<MapRule>(
      settings, field, "map", [&](const json::object& rule, std::string at, std::string name) {
        return read_map(RuleReader(rule, std::move(at), problems), std::move(name));
      });
  for (const FilterRule& rule : rules.filters)
    check_contexts(rule.inputs, rules, fmt::format("{}.{}", field, rule.name), problems);
  for (const MapRule& rule : rules.maps)
    check_contexts(rule.inputs, rules, fmt::format("{}.{}", field, rule.name), problems);
  return rules;
}

}  // namespace wireway::dataflow
