#pragma once
/// Reads a journal from its oldest needed record to its end.
///
/// Errors: a tail that a power cut has torn is told in one log line and left behind; everything
///         else that is not as it was written is an Error with file, offset and remedy. No record
///         is reported that is not whole, and none out of order.

#include <functional>
#include <string>
#include <vector>

#include "broker/journal/segment.h"
#include "net/log_file.h"

namespace wireway::broker::journal {

using OnRecord = std::move_only_function<Result<>(ByteView record)>;

struct Segment {
  std::uint64_t first = 0;
  std::uint64_t bytes = 0;  ///< header and frames
  bool encrypted = false;
};

struct Replayed {
  std::uint64_t position = 0;  ///< records that were ever appended
  std::uint64_t base = 0;
  std::uint64_t checkpoint_bytes = 0;
  std::vector<Segment> segments;      ///< needed, oldest first
  std::vector<std::string> obsolete;  ///< older than base, left by a crash
  /// The last frame of the last segment: the only one whose sync nobody knows to have succeeded.
  Bytes last_body;
  std::uint32_t last_records = 0;
};

/// `folder` names the journal in messages.
Result<Replayed> replay(net::LogFolder& logs, const std::string& folder, ByteView key,
                        OnRecord& on_record);

}  // namespace wireway::broker::journal
