#pragma once
/// Room on a disk for what leaves memory for a while. Nobody else sees it, and it is gone when the
/// ScratchFile or the process is: the file has no name. Reading and writing happen beside the loop;
/// the answers come on the loop.
///
/// Thread:  the Loop's
/// Owns:    the file and (on the real system) one thread. The destructor waits for the call under
///          way; what was asked for and not begun does not happen, and no Done runs any more.
/// Order:   what was asked for happens, and is answered, in the order in which it was asked for.
/// Errors:  Errc::exhausted: no room on the disk. Errc::io: the system's reason. What a failed
///          write was to put there is not there; the rest of the file stands.
/// Limits:  none of its own; the caller knows what it has asked for

#include <cstdint>
#include <functional>

#include "base/bytes.h"
#include "base/result.h"

namespace wireway::net {

class ScratchFile {
 public:
  using Written = std::move_only_function<void(Result<>)>;
  using Read = std::move_only_function<void(Result<Bytes>)>;

  ScratchFile() = default;
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  virtual ~ScratchFile() = default;

  virtual void write(std::uint64_t offset, Bytes bytes, Written done) = 0;
  /// Of what was written there, all; less is an error.
  virtual void read(std::uint64_t offset, std::size_t bytes, Read done) = 0;
  /// Nobody needs this any more: the disk has the room back, where the file system can do that.
  virtual void discard(std::uint64_t offset, std::uint64_t bytes) = 0;
};

}  // namespace wireway::net
