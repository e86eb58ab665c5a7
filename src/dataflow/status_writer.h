#pragma once
/// Writes Ready conditions, and only those that say something new.

#include <map>
#include <string>
#include <utility>

#include "flow/door.h"
#include "net/env.h"
#include "resource/resources.h"

namespace wireway::dataflow {

class StatusWriter {
 public:
  StatusWriter(net::Env& env, resource::Resources& resources) : env_(env), resources_(resources) {}

  /// `object` as the cache has it: its generation is what the condition is about.
  void write(const resource::Kind& kind, const json::value& object, const flow::Health& ready);
  void forget(const resource::Kind& kind, const resource::ObjectKey& key);

 private:
  struct Written {
    flow::Health ready;
    std::int64_t generation = 0;
    friend bool operator==(const Written&, const Written&) = default;
  };
  using Place = std::pair<std::string, resource::ObjectKey>;

  net::Env& env_;
  resource::Resources& resources_;
  std::map<Place, Written> written_;
};

}  // namespace wireway::dataflow
