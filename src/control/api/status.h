#pragma once
/// What the API server answers when it does not do what was asked: metav1.Status, in the words of
/// the Kubernetes API server, so that kubectl prints what its users know.

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "resource/schema.h"

namespace wireway::control {

/// A refusal. `details` and `code` go into the Status; `reason` is the word that clients decide by.
struct ApiError {
  unsigned code = 500;
  std::string reason;
  std::string message;
  json::object details;
};

template <class T = void>
using ApiResult = std::expected<T, ApiError>;

/// Which resource a refusal is about: "assets" of "deviceregistry.microsoft.com".
struct ResourceName {
  std::string group;
  std::string plural;
  std::string kind;
  /// "assets.deviceregistry.microsoft.com"; "secrets" for the core group.
  std::string qualified() const { return group.empty() ? plural : plural + "." + group; }
  std::string qualified_kind() const { return group.empty() ? kind : kind + "." + group; }
};

ApiError bad_request(std::string message);
ApiError not_found(const ResourceName& resource, std::string_view name);
/// The path names nothing that this server serves.
ApiError unknown_path();
ApiError already_exists(const ResourceName& resource, std::string_view name);
ApiError conflict(const ResourceName& resource, std::string_view name, std::string_view why);
/// Somebody else has written meanwhile.
ApiError modified_meanwhile(const ResourceName& resource, std::string_view name);
ApiError invalid(const ResourceName& resource, std::string_view name,
                 const std::vector<resource::SchemaCause>& causes);
ApiError forbidden(const ResourceName& resource, std::string_view name, std::string_view why);
ApiError method_not_allowed();
ApiError unsupported_media_type(std::string_view accepted);
ApiError not_acceptable(std::string_view accepted);
ApiError expired(std::string message);
ApiError too_many_requests(std::string message);
ApiError too_large(std::size_t limit);
/// A failure of the store: 507 if there is no space, else 500.
ApiError storage_failed(const Error& error);

json::object to_status(const ApiError& error);
/// The Status of a successful deletion.
json::object deleted_status(const ResourceName& resource, std::string_view name,
                            std::string_view uid);

}  // namespace wireway::control
