#pragma once
/// A Dataflow, read in any dialect, checked, and ready to be built: where messages come from, what
/// happens to them, where they go.
///
/// Source: spec dataflows 1.1, 2.7; docs/reference/dataflow-language.md

#include <string>
#include <vector>

#include "base/json.h"
#include "dataflow/plan/problem.h"
#include "dataflow/plan/rules.h"

namespace wireway::dataflow {

struct DataflowPlan {
  std::string name;
  std::string profile;
  bool enabled = true;
  bool request_disk_persistence = false;

  std::string source_endpoint;
  std::vector<std::string> topics;  ///< filters; empty: the topics of `asset`
  std::string asset;                ///< "name" or "namespace/name"

  json::object transformation;  ///< settings in the current dialect; empty without one
  std::string transformation_field;
  Polarity polarity = Polarity::true_drops;
  bool has_filter = false;
  std::string schema;  ///< schemaRef of the transformation

  std::string destination_endpoint;
  json::object destination;  ///< settings in the current dialect

  Problems problems;

  /// The compiled rules, anew for each run. Only of a plan without problems.
  TransformRules rules() const;
};

DataflowPlan plan_dataflow(const json::value& manifest);

/// What becomes of a message for which a filter rule is true: by the annotation wireway.io/filter,
/// else by the version in which the manifest was written (v1: dropped, v1beta1: passes).
Polarity polarity_of(const json::value& manifest);

/// The topics that an Asset publishes to.
std::vector<std::string> topics_of_asset(const json::value& asset);

/// True if what is published to `destination` comes back by one of `filters` on the same broker.
bool loops(const std::vector<std::string>& filters, std::string_view destination);

}  // namespace wireway::dataflow
