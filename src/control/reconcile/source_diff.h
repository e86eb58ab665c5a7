#pragma once
/// What a person changed in an object that a source owns, and who stands against a source's apply.

#include <string>
#include <vector>

#include "base/json.h"
#include "resource/kind_table.h"

namespace wireway::control {

/// Fields that differ, for people: `spec.datasets[name=default].topic`; status and the API's own
/// bookkeeping left out. Both in the stored form.
std::vector<std::string> changed_fields(const json::value& before, const json::value& after);

/// An object as an API server answers it, in the stored form: the version that it was asked in
/// does not matter any more.
json::value stored_form(const resource::KindTable& kinds, json::value object);

/// One cause of a conflict of server-side apply.
struct FieldConflict {
  std::string manager;
  std::string path;
};

/// Of the sentence in which an API server (ours or a kube-apiserver) refuses an apply; none if it
/// is a conflict of another sort.
std::vector<FieldConflict> conflicts_of(std::string_view sentence);

/// "spec.a, spec.b and 3 more".
std::string joined_paths(const std::vector<std::string>& paths, std::size_t shown = 3);

}  // namespace wireway::control
