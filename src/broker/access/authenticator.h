#pragma once
/// BrokerAuthentication: who may come in. Asks the methods in their order; the first that the
/// client's credentials concern decides, unless it cannot be asked.
///
/// Source: broker.md 4.2; CRD BrokerAuthentication
/// Thread: shard 0's loop. No answer comes once it is destroyed.

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/access/method.h"
#include "link/http_client.h"
#include "net/env.h"
#include "resource/resources.h"

namespace wireway::broker {

/// What the methods of a BrokerAuthentication need of their surroundings.
struct AuthenticatorWorld {
  net::Env& env;
  resource::Resources& resources;
  link::HttpClient* http = nullptr;  ///< none: Custom cannot be asked
  /// A living Secret or ConfigMap of the BrokerAuthentication's namespace, or nullptr.
  std::move_only_function<const json::value*(const resource::Kind& kind, const std::string& name)
                              const>
      find;
};

class Authenticator {
 public:
  /// Without methods: nobody may come in.
  explicit Authenticator(net::Loop& loop) : loop_(loop) {}
  /// Errors: Errc::invalid with the place; Errc::not_found for a Secret or ConfigMap that is not
  ///         there.
  static Result<std::unique_ptr<Authenticator>> from(const json::value& manifest,
                                                     const AuthenticatorWorld& world);

  void authenticate(Credentials credentials, Method::Answer answer);

  /// PEM: authorities of the certificates that clients are asked for; empty = not asked for.
  const std::string& client_authorities() const { return client_authorities_; }
  /// A client whose Principal::voucher is not among these has to prove again who it is.
  std::set<std::uint64_t> vouchers() const;
  /// All that it was made of: equal ones do the same.
  std::string fingerprint() const;
  /// "Custom, X509", for a status.
  std::string methods() const;

 private:
  struct Entry {
    std::string name;
    std::unique_ptr<Method> method;
    std::string settings;  ///< all that it was made of
  };
  struct Asking {
    Credentials credentials;
    Method::Answer answer;
    std::string unavailable = {};  ///< why methods before could not be asked
  };

  void ask_from(std::size_t index, Asking asking);

  net::Loop& loop_;
  std::vector<Entry> entries_;
  std::string client_authorities_;
};

}  // namespace wireway::broker
