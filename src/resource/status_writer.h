#pragma once
/// Writes conditions, and only those that say something new; what changes is logged, and an Event
/// tells of each beginning and end of Degraded.
///
/// Thread: the Loop's.
/// Cost:   the last written conditions of each object are kept until forget().

#include <map>
#include <string>
#include <utility>

#include "net/env.h"
#include "resource/conditions.h"
#include "resource/resources.h"

namespace wireway::resource {

class StatusWriter {
 public:
  /// `component` is who says it: "broker".
  StatusWriter(net::Env& env, Resources& resources, std::string component)
      : env_(env), resources_(resources), component_(std::move(component)) {}

  /// `object` as the cache has it. True if Ready or Degraded have another status or reason than
  /// what was said before.
  bool write(const Kind& kind, const json::value& object, Conditions said);
  void forget(const Kind& kind, const ObjectKey& key);

 private:
  using Place = std::pair<std::string, ObjectKey>;

  bool tell(const Kind& kind, const ObjectKey& key, const Conditions& said,
            const json::value& before);

  net::Env& env_;
  Resources& resources_;
  std::string component_;
  std::map<Place, json::value> written_;  ///< as a status
};

}  // namespace wireway::resource
