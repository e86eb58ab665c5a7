#pragma once
/// What one message offers to the rules: its payload, its metadata, the matched records of datasets
/// and the last known values. Rules read it by Input.
///
/// Owns: nothing; the payload and the message outlive it.

#include <map>
#include <string>
#include <vector>

#include "dataflow/language/path.h"
#include "flow/message.h"

namespace wireway::dataflow {

/// Last known values by input path (`? $last`): in memory, per dataflow, lost on restart.
using LastKnown = std::map<std::string, json::value, std::less<>>;

struct Record {
  const json::object* payload = nullptr;
  const flow::Message* message = nullptr;
  /// Matched dataset records by alias; nullptr = no record matched.
  std::map<std::string, const json::object*, std::less<>> contexts;
  const LastKnown* last_known = nullptr;

  /// The object below which `path` looks; nullptr if there is none.
  const json::object* root_of(const Path& path) const;
  /// True if `path` reads a dataset of which no record matched.
  bool lacks_context(const Path& path) const;
};

/// Holds values that exist in no JSON document (metadata) while one rule runs.
using Temporaries = std::vector<json::value>;

/// The value of `input`, nullptr if missing. `temporaries` must have room for one more element
/// without moving (the caller reserves).
const json::value* read(const Record& record, const Input& input, Temporaries& temporaries);

}  // namespace wireway::dataflow
