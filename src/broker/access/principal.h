#pragma once
/// Who a connected client is: what authentication found out and authorization goes by.
///
/// Source: broker.md 4.2 to 4.6; CRD BrokerAuthentication

#include <map>
#include <optional>
#include <string>

#include "base/time.h"

namespace wireway::broker {

struct Principal {
  std::string client_identifier = {};
  /// Verified, or only claimed (ServiceAccountToken does not check it); empty = none.
  std::string username = {};
  std::map<std::string, std::string> attributes = {};
  std::optional<WallTime> expires_at = {};  ///< when the credentials end
  std::string method = {};                  ///< of the BrokerAuthentication: "X509"; empty = none
};

}  // namespace wireway::broker
