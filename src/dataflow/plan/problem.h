#pragma once
/// What is wrong with a manifest: the field and what to do. A plan is made of a manifest without
/// problems; all problems are found in one pass, so that a user mends them at once.

#include <string>
#include <vector>

namespace wireway::dataflow {

struct Problem {
  std::string field;    ///< "spec.operations[1].builtInTransformationSettings.map[2].expression"
  std::string message;  ///< what is wrong and what to do
  bool not_served = false;  ///< valid, but this version does not do it
};

using Problems = std::vector<Problem>;

/// One sentence for a status message: the first problems, and how many more there are.
std::string describe(const Problems& problems);
/// The condition's reason: "NotServedYet" if nothing is invalid, else "ConfigurationInvalid".
std::string reason_of(const Problems& problems);

}  // namespace wireway::dataflow
