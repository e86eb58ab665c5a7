#pragma once
/// This process and its children as Prometheus text: memory, processor time, open files, restarts.

#include <cstdint>
#include <map>
#include <string>

#include "net/file.h"

namespace wireway::app {

/// What one child process is known by.
struct ChildFigures {
  int pid = 0;  ///< 0 = it does not run now
  std::int64_t restarts = 0;
};

/// Reads /proc; what cannot be read is left out.
std::string process_metrics(net::Files& files, const std::map<std::string, ChildFigures>& children);

}  // namespace wireway::app
