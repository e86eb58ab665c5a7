#pragma once
/// What the connector says about endpoints and assets: conditions from facts. Pure functions.

#include <optional>
#include <string>

#include "resource/resources.h"
#include "source/opcua/model.h"
#include "source/opcua/server_session.h"

namespace wireway::source::opcua {

struct EndpointFacts {
  const EndpointModel* model = nullptr;  ///< nullptr = `fault` says why
  std::string fault;
  const SessionState* state = nullptr;  ///< nullptr = no attempt has ended yet
  std::size_t assets = 0;
  std::size_t points = 0;
};

resource::Condition endpoint_condition(const EndpointFacts& facts);

struct AssetFacts {
  const AssetModel* model = nullptr;
  std::optional<resource::Condition> endpoint;  ///< of its profile; nullopt = there is none
  const AssetReport* report = nullptr;          ///< nullptr = the server was not asked yet
  bool has_value = false;                       ///< since monitoring began
  bool waits_too_long = false;                  ///< no first value within patience
  std::optional<WallTime> idle_since;           ///< no new value for long
  std::string broker_trouble;                   ///< not empty = the broker is away
  std::uint64_t dropped = 0;
};

resource::Condition asset_condition(const AssetFacts& facts);

}  // namespace wireway::source::opcua
