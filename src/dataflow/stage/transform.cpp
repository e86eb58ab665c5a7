#include "dataflow/stage/transform.h"

#include <fmt/format.h>

#include "base/json_text.h"

namespace wireway::dataflow {
namespace {

Judgement poisoned(const Error& error) { return {Verdict::poisoned, error.message}; }

/// A rule's formula over its inputs; nullopt if the result is not true or false.
Result<bool> holds(const Expression& expression, const std::vector<Input>& inputs,
                   const Record& record, Scratch& scratch) {
  Temporaries temporaries;
  temporaries.reserve(inputs.size());
  std::vector<const json::value*> values;
  values.reserve(inputs.size());
  for (const Input& input : inputs) values.push_back(read(record, input, temporaries));
  auto result = expression.evaluate(values, scratch);
  if (!result) return std::unexpected(std::move(result.error()));
  if (const bool* flag = result->get<bool>()) return *flag;
  return fail(Errc::invalid,
              fmt::format("the expression gives {}, not true or false", type_phrase(*result)));
}

}  // namespace

Transform::Transform(TransformRules rules)
    : rules_(std::move(rules)), mapping_(std::move(rules_.maps)) {
  const auto collect = [this](const std::vector<Input>& inputs) {
    for (const Input& input : inputs)
      if (input.last_known) remembered_.push_back(input);
  };
  for (const FilterRule& rule : rules_.filters) collect(rule.inputs);
  for (const MapRule& rule : mapping_.rules()) collect(rule.inputs);
  for (Input& input : remembered_) {
    input.last_known = false;
    input.fallback.reset();
  }
}

Judgement Transform::apply(flow::Message& message) {
  const bool untouched =
      rules_.filters.empty() && mapping_.rules().empty() && rules_.datasets.empty();
  if (untouched) return {};
  const auto payload = parse_json_exact(as_text(message.payload));
  if (!payload)
    return {Verdict::poisoned, fmt::format("the payload is not JSON: {}", payload.error().message)};
  const json::object* object = payload->if_object();
  if (object == nullptr) return {Verdict::poisoned, "the payload is JSON, but not an object"};
  return run(*object, message);
}

Judgement Transform::run(const json::object& payload, flow::Message& message) {
  remember(payload, message);
  Record record{&payload, &message, {}, &last_known_};
  if (auto done = enrich(record); !done) return poisoned(done.error());
  const auto pass = passes(record);
  if (!pass) return poisoned(pass.error());
  if (!*pass) return {Verdict::filtered, {}};
  if (mapping_.rules().empty()) return {};
  const auto mapped = mapping_.apply(record, message, scratch_);
  if (!mapped) return poisoned(mapped.error());
  std::string text;
  text.reserve(message.payload.size());
  append_json(text, *mapped);
  message.payload.assign(text.begin(), text.end());
  return {};
}

void Transform::remember(const json::object& payload, const flow::Message& message) {
  const Record record{&payload, &message, {}, nullptr};
  for (const Input& input : remembered_) {
    Temporaries temporaries;
    temporaries.reserve(1);
    if (const json::value* value = read(record, input, temporaries))
      last_known_.insert_or_assign(input.text, *value);
  }
}

Result<> Transform::enrich(Record& record) {
  for (const Dataset& dataset : rules_.datasets) {
    record.contexts[dataset.alias] = nullptr;
    const auto records = datasets_.find(dataset.alias);
    if (records == datasets_.end()) continue;
    for (const json::value& candidate : records->second) {
      // `$context.x` in the dataset's own inputs has no alias.
      record.contexts[""] = &candidate.get_object();
      if (dataset.expression) {
        const auto match = holds(*dataset.expression, dataset.inputs, record, scratch_);
        if (!match) return wrap(dataset.name, match.error());
        if (!*match) continue;
      }
      record.contexts[dataset.alias] = &candidate.get_object();
      break;
    }
    record.contexts.erase("");
  }
  return {};
}

Result<bool> Transform::passes(const Record& record) {
  if (rules_.filters.empty()) return true;
  for (const FilterRule& rule : rules_.filters) {
    const bool skipped = std::ranges::any_of(
        rule.inputs, [&](const Input& input) { return record.lacks_context(input.path); });
    if (skipped) continue;
    const auto hit = holds(rule.expression, rule.inputs, record, scratch_);
    if (!hit) return wrap(rule.name, hit.error());
    if (*hit) return rules_.polarity == Polarity::true_passes;
  }
  return rules_.polarity == Polarity::true_drops;
}

Result<> Transform::set_dataset(std::string_view alias, std::string_view ndjson) {
  std::vector<json::value> records;
  std::size_t line = 0;
  while (!ndjson.empty()) {
    const std::size_t end = std::min(ndjson.find('\n'), ndjson.size());
    const std::string_view text = ndjson.substr(0, end);
    ndjson.remove_prefix(std::min(end + 1, ndjson.size()));
    ++line;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto record = parse_json_exact(text);
    if (!record) return wrap(fmt::format("dataset {}, line {}", alias, line), record.error());
    if (!record->is_object())
      return fail(Errc::invalid,
                  fmt::format("dataset {}, line {}: not a JSON object", alias, line));
    records.push_back(std::move(*record));
  }
  datasets_.insert_or_assign(std::string(alias), std::move(records));
  return {};
}

}  // namespace wireway::dataflow
