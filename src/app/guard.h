#pragma once
/// The guard of the API in a process: its keys in the folder of keys, and the tokens by which the
/// services of this machine are known to it.
///
/// Holds:  <data>/keys/service-account.key (signs; an older key kept beside it as
///         service-account-<any>.key is still accepted), secrets.key (seals Secrets in the
///         database), <data>/tokens/<account>; files 0600
/// Thread: the Loop's.
/// Errors: a key that cannot be read names its file and the remedy; a token that cannot be written
///         is logged and tried again.

#include <memory>
#include <string>

#include "base/result.h"
#include "control/access/access.h"
#include "control/store/seal.h"
#include "net/env.h"

namespace wireway::app {

/// Makes the key at the first start.
Result<std::unique_ptr<control::Access>> open_guard(net::Env& env, const std::string& key_folder);

/// Makes the key at the first start.
Result<control::Sealer> open_sealer(net::Env& env, const std::string& key_folder);

/// Tokens of the services' own accounts, in files that they read anew, renewed long before their
/// end.
class ServiceTokens {
 public:
  static constexpr Duration life = std::chrono::hours{24};
  static constexpr Duration renew_interval = std::chrono::hours{4};
  static constexpr Duration retry_interval = std::chrono::seconds{30};

  ServiceTokens(net::Env& env, const control::Access& access, std::string folder);
  /// Errors: Errc::io if they cannot be written.
  Result<> start();
  /// Of `account`: "wireway-broker".
  std::string file(const std::string& account) const { return folder_ + "/" + account; }

 private:
  Result<> write();
  void renew(Duration delay);

  net::Env& env_;
  const control::Access& access_;
  std::string folder_;
  net::Timer timer_;
};

}  // namespace wireway::app
