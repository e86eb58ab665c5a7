#pragma once
/// The one list of everything that exists, in the order of the data's way. A new source,
/// destination or service is added here and nowhere else.

#include <map>
#include <string>
#include <vector>

#include "flow/door.h"

namespace wireway::app {

/// A subcommand that the supervisor may run.
struct ServiceEntry {
  std::string name;
  std::string what;
};

const std::vector<ServiceEntry>& services();

/// Destinations by DataflowEndpoint.spec.endpointType.
std::map<std::string, flow::SinkFactory> destinations();

}  // namespace wireway::app
