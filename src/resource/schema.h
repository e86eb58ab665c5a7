#pragma once
/// Structural OpenAPI schemas of CustomResourceDefinitions: validation, defaulting and pruning of
/// manifests, as the Kubernetes API server does it. Shared by the API server and by folders of
/// manifests.
///
/// Source: apiextensions.k8s.io/v1 JSONSchemaProps. Differs on purpose in one thing: enum values
///         match without regard to case and are rewritten to the schema's spelling (broker.md 1.2).
/// Thread: immutable after parse; any.
/// Limits: causes_max causes a manifest.

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace wireway::resource {

/// One thing wrong with a manifest, in the words of metav1.StatusCause.
struct SchemaCause {
  /// "FieldValueInvalid", "FieldValueRequired", "FieldValueNotSupported", ...
  std::string reason;
  std::string field;    ///< "spec.ports[0].port"
  std::string message;  ///< 'Invalid value: "string": spec.ports[0].port must be of type integer'
};

class Schema {
 public:
  static constexpr std::size_t causes_max = 32;

  /// Of an `openAPIV3Schema`. Errors: Errc::invalid naming the path of the unusable part.
  static Result<Schema> parse(const json::value& open_api_v3_schema);

  /// Fills defaults and normalises enum spelling, in place. `respelled` gets a sentence about
  /// values that were written in another case: the first such place, and how many more.
  void apply_defaults(json::value& object, std::vector<std::string>* respelled = nullptr) const;
  std::vector<SchemaCause> validate(const json::value& object) const;
  /// Removes unknown fields in place and returns their paths ("spec.foo", "spec.ports[0].bar").
  std::vector<std::string> prune(json::value& object) const;

  /// The parsed form, for the walks of this folder (detail/schema_node.h).
  struct Node;

 private:
  explicit Schema(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const Node> root_;
};

/// The CustomResourceDefinitions of `crds/`, embedded in the binary, in file-name order.
const std::vector<json::value>& embedded_crds();

}  // namespace wireway::resource
