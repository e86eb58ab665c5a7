#pragma once
/// Questions about access that are asked by creating an object which is not kept: who am I, may I,
/// whose token is this; and tokens of ServiceAccounts.
///
/// Source: authentication.k8s.io/v1 (SelfSubjectReview, TokenReview, TokenRequest),
///         authorization.k8s.io/v1 (Self-, Local- and SubjectAccessReview,
///         SelfSubjectRulesReview), OpenID Connect Discovery 1.0.

#include <optional>
#include <string>
#include <string_view>

#include "control/api/gate.h"

namespace wireway::control {

/// The resource that a review's path creates: what RBAC is asked about.
std::optional<ObjectPath> review_path(std::string_view path);
/// True for the reviews that everybody who is known may ask about himself.
bool is_about_oneself(const ObjectPath& path);

/// The answer to POST of one of the paths. Errors: 400, 404.
ApiResult<json::object> answer_review(const Gate& gate, const Identity& who, const ObjectPath& path,
                                      const json::value& asked);

/// The answer to POST .../serviceaccounts/<name>/token.
ApiResult<json::object> answer_token_request(const Gate& gate, const ObjectPath& path,
                                             const json::value& asked);

/// /openid/v1/jwks and /.well-known/openid-configuration; nothing for other paths.
std::optional<json::object> open_id_document(const Gate& gate, std::string_view path);

}  // namespace wireway::control
