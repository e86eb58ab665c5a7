#pragma once
/// What a command has changed, as one record that stands for itself: the journal keeps it, and
/// Store::restore() brings it back, in the order in which it was written.
///
/// Format: one byte of version (1), one byte of flags (1 value, 2 expiry, 4 fencing token, 8 asked
///         to be kept), key, then value, version, expiry (nanoseconds since 1970, 8 bytes) and
///         fencing token as the flags say. Texts and clocks have a length of 4 bytes in front; all
///         numbers are little endian.
/// Errors: decode refuses what encode cannot have made

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "broker/state_store/hlc.h"

namespace wireway::broker::state_store {

struct Change {
  /// Empty: no key, only the time of the store's clock, with which a checkpoint begins.
  std::string key;
  std::optional<std::string> value;  ///< none: the key is gone
  Hlc version;
  std::optional<WallTime> expires_at;
  std::optional<Hlc> fencing_token;
  bool keep_asked = false;  ///< the SET carried `aio-persistence: true`

  friend bool operator==(const Change&, const Change&) = default;
};

void append(const Change& change, Bytes& out);
Result<Change> decode_change(ByteView record);

}  // namespace wireway::broker::state_store
