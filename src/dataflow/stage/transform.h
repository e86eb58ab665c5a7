#pragma once
/// What a dataflow does to one message between source and sink: enrich, filter, map, always in this
/// order. Built by plan/ from a checked manifest.
///
/// Source:  spec dataflows 2.7 to 2.10
/// Thread:  one; it keeps the last known values of `? $last`
/// Errors:  a verdict, not a failure: `poisoned` names what is wrong with this message

#include <optional>
#include <string>
#include <vector>

#include "dataflow/stage/mapping.h"

namespace wireway::dataflow {

/// What becomes of a message for which a filter rule is true.
enum class Polarity : std::uint8_t { true_drops, true_passes };

struct FilterRule {
  std::vector<Input> inputs;
  Expression expression;
  std::string name;  ///< "filter[0]"
};

struct Dataset {
  std::string alias;  ///< how rules name it; the key itself without ` as `
  std::string key;    ///< of the state store
  std::vector<Input> inputs;
  std::optional<Expression> expression;
  std::string name;  ///< "datasets[0]"
};

struct TransformRules {
  std::vector<Dataset> datasets;
  std::vector<FilterRule> filters;
  Polarity polarity = Polarity::true_drops;
  std::vector<MapRule> maps;
  bool empty() const { return datasets.empty() && filters.empty() && maps.empty(); }
};

enum class Verdict : std::uint8_t { pass, filtered, poisoned };

struct Judgement {
  Verdict verdict = Verdict::pass;
  std::string why;  ///< of poisoned
};

class Transform {
 public:
  explicit Transform(TransformRules rules);

  /// Changes `message` in place when it passes. Without rules every payload passes untouched.
  Judgement apply(flow::Message& message);

  /// The records of a dataset, as its NDJSON text in the state store.
  Result<> set_dataset(std::string_view alias, std::string_view ndjson);

 private:
  Result<bool> passes(const Record& record);
  Result<> enrich(Record& record);
  void remember(const json::object& payload, const flow::Message& message);
  Judgement run(const json::object& payload, flow::Message& message);

  TransformRules rules_;
  Mapping mapping_;
  Scratch scratch_;
  std::vector<Input> remembered_;  ///< inputs with `? $last`
  LastKnown last_known_;
  std::map<std::string, std::vector<json::value>, std::less<>> datasets_;
};

}  // namespace wireway::dataflow
