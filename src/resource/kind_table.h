#pragma once
/// What kinds there are for a manifest: the embedded definitions of `crds/` and the core kinds that
/// our services read or sources of manifests may hold. Checks a manifest as the API server would,
/// for who works without one.
///
/// Thread: immutable after construction; any.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "resource/dialect.h"
#include "resource/schema.h"

namespace wireway::resource {

/// How one kind is addressed: the owned form of a Kind.
struct KindEntry {
  std::string group;
  std::string kind;
  std::string plural;
  std::string storage_version;  ///< the version that our services read
  bool namespaced = true;
  std::vector<std::string> versions;  ///< all that may be written
  std::optional<Schema> schema;       ///< none for core kinds
  Dialects dialects;
};

class KindTable {
 public:
  KindTable();

  /// nullptr if neither `crds/` nor the core has it.
  const KindEntry* find(const std::string& group, const std::string& kind) const;
  /// Every kind, for who looks through all of them.
  const std::map<std::pair<std::string, std::string>, KindEntry>& all() const { return entries_; }

  /// What is wrong with a manifest, one sentence each; none if it may be applied. Kinds that are
  /// not in the table are left to the API server.
  std::vector<std::string> problems(const json::value& manifest) const;
  /// Brings a manifest without problems into the form in which services read it: current names,
  /// defaults filled in, the storage version, and the written one in annotation
  /// `wireway.io/written-version`. `older` gets a sentence for each older spelling.
  json::value normalise(json::value manifest, std::vector<std::string>* older = nullptr) const;

 private:
  std::map<std::pair<std::string, std::string>, KindEntry> entries_;
};

/// {"connectivity.iotoperations.azure.com", "v1"} of an apiVersion; group "" for the core.
std::pair<std::string, std::string> split_api_version(std::string_view api_version);

}  // namespace wireway::resource
