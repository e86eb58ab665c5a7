#pragma once
/// The kinds that services read and write, and how to take a manifest apart. A manifest is a
/// json::value in the Kubernetes shape: apiVersion, kind, metadata, spec, status.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace wireway::resource {

struct Kind {
  std::string_view group;    ///< "" for the core group
  std::string_view version;  ///< the version that our services read and write
  std::string_view kind;     ///< "BrokerListener"
  std::string_view plural;   ///< "brokerlisteners"
  bool namespaced = true;
  friend bool operator==(const Kind&, const Kind&) = default;
};

inline constexpr std::string_view broker_group = "mqttbroker.iotoperations.azure.com";
inline constexpr std::string_view registry_group = "deviceregistry.microsoft.com";
inline constexpr std::string_view connectivity_group = "connectivity.iotoperations.azure.com";

inline constexpr Kind broker{broker_group, "v1", "Broker", "brokers"};
inline constexpr Kind broker_listener{broker_group, "v1", "BrokerListener", "brokerlisteners"};
inline constexpr Kind broker_authentication{broker_group, "v1", "BrokerAuthentication",
                                            "brokerauthentications"};
inline constexpr Kind broker_authorization{broker_group, "v1", "BrokerAuthorization",
                                           "brokerauthorizations"};
inline constexpr Kind asset{registry_group, "v1", "Asset", "assets"};
inline constexpr Kind asset_endpoint_profile{registry_group, "v1", "AssetEndpointProfile",
                                             "assetendpointprofiles"};
inline constexpr Kind dataflow{connectivity_group, "v1", "Dataflow", "dataflows"};
inline constexpr Kind dataflow_endpoint{connectivity_group, "v1", "DataflowEndpoint",
                                        "dataflowendpoints"};
inline constexpr Kind dataflow_profile{connectivity_group, "v1", "DataflowProfile",
                                       "dataflowprofiles"};
inline constexpr Kind namespace_kind{"", "v1", "Namespace", "namespaces", false};
inline constexpr Kind secret{"", "v1", "Secret", "secrets"};
inline constexpr Kind config_map{"", "v1", "ConfigMap", "configmaps"};
inline constexpr Kind event{"", "v1", "Event", "events"};
inline constexpr Kind service_account{"", "v1", "ServiceAccount", "serviceaccounts"};
inline constexpr std::string_view access_group = "rbac.authorization.k8s.io";
inline constexpr Kind role{access_group, "v1", "Role", "roles"};
inline constexpr Kind role_binding{access_group, "v1", "RoleBinding", "rolebindings"};
inline constexpr Kind cluster_role{access_group, "v1", "ClusterRole", "clusterroles", false};
inline constexpr Kind cluster_role_binding{access_group, "v1", "ClusterRoleBinding",
                                           "clusterrolebindings", false};
inline constexpr Kind git_repository{"wireway.io", "v1", "GitRepository", "gitrepositories"};
inline constexpr Kind custom_resource_definition{
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false};

inline constexpr std::string_view default_namespace = "azure-iot-operations";

/// "connectivity.iotoperations.azure.com/v1", or "v1" for the core group.
std::string api_version(const Kind& kind);

struct ObjectKey {
  std::string space;  ///< namespace; "" for kinds without one
  std::string name;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
  /// "namespace/name" or "name".
  std::string to_string() const;
};

/// The Secret that gets the certificate of a listener's port with tls.mode Automatic: who makes it
/// and who serves it go by this name.
std::string automatic_secret(const json::value& port, std::string_view listener);

ObjectKey key_of(const json::value& object);
std::int64_t generation_of(const json::value& object);

}  // namespace wireway::resource
