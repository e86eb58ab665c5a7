#pragma once
/// The kinds that the server serves, by any of the names that people use: "asset", "assets",
/// "Asset", a short name, "assets.deviceregistry.microsoft.com", and with a version between,
/// "assets.v1beta1.deviceregistry.microsoft.com".
///
/// Source: aggregated discovery of the Kubernetes API (1.27 and later). Read once a command.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli/api.h"

namespace wireway::app::cli {

struct KindInfo {
  std::string group;
  std::string version;  ///< the server's preferred one, unless another was asked for
  std::string kind;
  std::string plural;
  std::string singular;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  std::vector<std::string> versions;
  std::vector<std::string> verbs;
  bool namespaced = true;

  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  /// "asset.deviceregistry.microsoft.com": how kubectl writes objects in its messages.
  std::string title() const;
  /// "assets.deviceregistry.microsoft.com"
  std::string qualified() const { return group.empty() ? plural : plural + "." + group; }
  bool can(std::string_view verb) const;
  /// Path of the collection, or of one object. `space` is left out for kinds without namespaces,
  /// and if it is empty: all namespaces.
  std::string path(const std::string& space, const std::string& name = "") const;
};

class Kinds {
 public:
  explicit Kinds(Api& api) : api_(api) {}

  /// All, in the server's order. Asks once.
  Answer<const std::vector<KindInfo>*> all();
  /// Errors: 404 with what is similar.
  Answer<KindInfo> find(std::string_view name);
  /// Of a manifest.
  Answer<KindInfo> find(const std::string& api_version, const std::string& kind);
  /// After a definition was added.
  void forget() { kinds_.reset(); }

 private:
  Answer<> read(const std::string& path, std::vector<KindInfo>& out);

  Api& api_;
  std::optional<std::vector<KindInfo>> kinds_;
};

}  // namespace wireway::app::cli
