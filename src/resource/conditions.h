#pragma once
/// What is said of an object in `status.conditions`, the same for every kind: Ready, Reconciling
/// and Degraded, each with a reason for programs, a sentence for people and what to do about it.
///
/// Ready:       it does what the configuration that runs says
/// Reconciling: it is being brought there right now; nothing has failed
/// Degraded:    a part is not as wished, above all: a newer configuration is not applied
///
/// Users read about them in docs/reference/conditions.md. Pure values and functions.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/time.h"

namespace wireway::resource {

/// One condition (Kubernetes API conventions).
struct Condition {
  std::string type = "Ready";
  bool status = false;
  std::string reason = {};   ///< one PascalCase word: "ConfigurationRejected"
  std::string message = {};  ///< one sentence: thing, place, remedy
  std::int64_t observed_generation = 0;
  /// What the reader should do; where empty, what `action_for` the reason says.
  std::string action = {};
  friend bool operator==(const Condition&, const Condition&) = default;
};

/// All that a service says of one object at a time. An observed_generation of 0 is the object's.
struct Conditions {
  Condition ready;
  Condition reconciling{.type = "Reconciling", .reason = "Settled"};
  Condition degraded{.type = "Degraded", .reason = "AsWished"};
  friend bool operator==(const Conditions&, const Conditions&) = default;
};

/// From Ready alone: Reconciling while the reason is one of beginning (Starting, Connecting).
Conditions conditions_of(Condition ready);

/// Degraded because the newest generation is refused while an older one runs: "generation 7 is not
/// applied: <why>; still running generation 6".
Condition not_applied(std::int64_t wished, std::int64_t running, std::string_view why);

struct Attempts {
  std::uint64_t failed = 0;
  WallTime next = {};
  Duration pause{0};        ///< before the next
  bool is_longest = false;  ///< pauses do not grow any more: that is said once, not each time
};
/// Reconciling while something that failed is tried again.
Condition trying_again(const Attempts& attempts);

/// What to do about a reason that several services use; empty if there is nothing to do.
std::string_view action_for(std::string_view reason);

/// The condition of this type in an object's status, or nullptr.
const json::value* condition_of(const json::value& object, std::string_view type);

/// `{"conditions":[...]}` with lastTransitionTime kept from `previous` (an object's status or null)
/// where type and status are unchanged, and the conditions of other types that `previous` has.
json::object status_with(const Condition& condition, const json::value* previous, WallTime now);
json::object status_with(const Conditions& conditions, const json::value* previous, WallTime now);

}  // namespace wireway::resource
