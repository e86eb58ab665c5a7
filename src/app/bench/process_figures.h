#pragma once
/// What the kernel knows of a running process: processor time and resident memory.
///
/// Source: /proc/<pid>/task/*/schedstat (nanoseconds), else utime + stime of /proc/<pid>/stat;
///         /proc/<pid>/statm
/// Errors: nullopt if the process is gone or may not be looked at.

#include <cstdint>
#include <optional>

#include <sys/types.h>

namespace wireway::app::bench {

/// Seconds on a processor since the process began, of all its threads that still run.
std::optional<double> processor_seconds(pid_t pid);
/// Seconds on a processor of the calling process.
double own_processor_seconds();
std::optional<std::uint64_t> resident_bytes(pid_t pid);

/// Lets this process open as many files as it may. Gives how many that is.
std::uint64_t raise_open_files();

}  // namespace wireway::app::bench
