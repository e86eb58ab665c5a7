#pragma once
/// The first thing that happens to a request: who asks, and may he. Nothing else of the server sees
/// a request that was not admitted.
///
/// Source: Kubernetes "Authenticating", "Authorization Overview" (verbs, subresources), user
///         impersonation.
/// Thread: the server's. Owns: nothing; Access outlives it.
/// Errors: 401 for wrong or missing credentials, 403 in the words of the real server.

#include <optional>

#include "control/access/access.h"
#include "control/api/route.h"

namespace wireway::control {

class Gate {
 public:
  /// `access` null admits everybody as the local user: for tests of what lies behind.
  explicit Gate(const Access* access) : access_(access) {}

  /// Who sends the request, after impersonation.
  ApiResult<Identity> identify(const link::HttpRequest& request) const;
  /// Whether he may do what it asks for.
  ApiResult<> allow(const Identity& who, const link::HttpRequest& request,
                    const std::optional<ObjectPath>& path) const;
  /// A further right that a request turns out to need.
  ApiResult<> require(const Identity& who, const Attributes& asked) const;
  /// Nobody grants what he has not: checks a Role, ClusterRole or binding before it is written.
  ApiResult<> check_grant(const Identity& who, const ResourceName& type,
                          const json::value& object) const;
  const Access* access() const { return access_; }

 private:
  ApiResult<Identity> impersonated(const link::HttpRequest& request, Identity who) const;
  const Access* access_;
};

/// What a request asks for.
Attributes attributes_of(const link::HttpRequest& request, const std::optional<ObjectPath>& path);

}  // namespace wireway::control
