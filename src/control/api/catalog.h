#pragma once
/// What the API server serves: the core kinds and every CustomResourceDefinition, each with its
/// served versions, schema and printer columns. Discovery, OpenAPI and validation all read it.
///
/// Thread: the server's. Owns: the types, together with the watches of each.
/// Errors: a definition that cannot be used is refused with causes and changes nothing.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/json_path.h"
#include "control/api/scale.h"
#include "control/api/status.h"
#include "resource/dialect.h"
#include "resource/schema.h"

namespace wireway::control {

struct PrinterColumn {
  std::string name;
  std::string type;  ///< "string", "integer", "date", ...
  std::string format;
  std::string description;
  std::int64_t priority = 0;  ///< above 0 only with `-o wide`
  JsonPath path;
};

struct ServedVersion {
  std::string name;
  bool served = true;
  bool storage = false;
  bool has_status = false;  ///< the status subresource
  std::optional<ScalePaths> scale;
  std::string deprecation_warning;
  /// openAPIV3Schema; one for all versions that have the same. Null = anything goes.
  std::shared_ptr<const json::value> open_api = std::make_shared<json::value>();
  std::optional<resource::Schema> schema;  ///< shared likewise
  std::vector<PrinterColumn> columns;
};

/// How a type behaves beyond what its schema says.
enum class Behaviour { custom, core, read_only_view };

struct ResourceType {
  ResourceName name;
  std::string list_kind;
  std::string singular;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  bool namespaced = true;
  Behaviour behaviour = Behaviour::custom;
  std::string stored_as;                ///< resource of the store: another type's for a view
  std::vector<ServedVersion> versions;  ///< the preferred one first
  std::vector<std::string> selectable_fields;
  resource::Dialects dialects;  ///< how older names and versions become the stored form

  const ServedVersion* version(std::string_view name) const;
  const ServedVersion& storage_version() const;
  /// Whose schema an object written in `asked` is checked by, once it is in the stored form.
  const ServedVersion& checked_as(const ServedVersion& asked) const;
  std::string api_version(const ServedVersion& version) const;
  std::vector<std::string> verbs() const;
};

/// Shared, because a watch may outlive the definition that it began with.
using ResourceTypeRef = std::shared_ptr<const ResourceType>;

class Catalog {
 public:
  /// Holds the core kinds from the start.
  Catalog();

  /// The type at /apis/<group>/<version>/<plural>; null if none serves that version.
  ResourceTypeRef find(std::string_view group, std::string_view version,
                       std::string_view plural) const;
  ResourceTypeRef find_stored(const std::string& qualified) const;
  /// By qualified name.
  const std::map<std::string, ResourceTypeRef>& types() const { return types_; }
  /// Group -> served versions, the preferred one first; groups of previews last.
  std::vector<std::pair<std::string, std::vector<std::string>>> groups() const;

  /// Adds or replaces the type of a CustomResourceDefinition.
  ApiResult<> define(const json::value& crd);
  void erase(const std::string& qualified);
  /// Rises with every change; part of the hashes in /openapi/v3.
  std::uint64_t generation() const { return generation_; }

 private:
  std::map<std::string, ResourceTypeRef> types_;
  std::uint64_t generation_ = 0;
};

/// "v1" before "v1beta2" before "v1beta1" before "foo".
bool version_before(std::string_view a, std::string_view b);

/// The core kinds in the shape of CustomResourceDefinitions.
const std::vector<json::value>& core_definitions();

}  // namespace wireway::control
