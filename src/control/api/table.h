#pragma once
/// The server-side tables of `kubectl get`: columns and rows from a version's printer columns.

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/time.h"
#include "control/api/catalog.h"

namespace wireway::control {

/// What a row carries beside its cells (query `includeObject`).
enum class IncludeObject { none, metadata, object };

class TableMaker {
 public:
  TableMaker(const ResourceType& type, const ServedVersion& version, std::string table_version,
             IncludeObject include, WallTime now);

  json::array columns() const;
  /// `object` in the version that was asked for.
  json::object row(const json::value& object) const;
  json::object table(json::object list_metadata, json::array rows, bool with_columns) const;

 private:
  json::value cell(const PrinterColumn& column, const json::value& object) const;

  const ResourceType& type_;
  const ServedVersion& version_;
  std::string table_version_;
  IncludeObject include_;
  WallTime now_;
};

/// As kubectl writes ages: 45s, 3m20s, 5h, 2d, 1y40d.
std::string human_duration(Duration duration);

/// {"kind":"PartialObjectMetadata", "apiVersion":"meta.k8s.io/...", "metadata":{...}}
json::object partial_object(const json::value& object, std::string_view meta_version);

}  // namespace wireway::control
