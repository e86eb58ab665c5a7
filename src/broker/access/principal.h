#pragma once
/// Who a connected client is: what authentication found out and authorization goes by.
///
/// Source: broker.md 4.2 to 4.6; CRD BrokerAuthentication

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/time.h"

namespace wireway::broker {

using Attributes = std::map<std::string, std::string>;

struct Principal {
  std::string client_identifier = {};
  /// Verified, or only claimed (ServiceAccountToken does not check it); empty = none.
  std::string username = {};
  Attributes attributes = {};
  std::optional<WallTime> expires_at = {};  ///< when the credentials end
  std::string method = {};                  ///< of the BrokerAuthentication: "X509"; empty = none
  std::string enhanced_method = {};         ///< the Authentication Method of CONNECT; empty = none
  std::uint64_t voucher = 0;  ///< what it was accepted by; see Authenticator::vouchers()
};

}  // namespace wireway::broker
