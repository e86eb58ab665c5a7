#pragma once
/// The account of one dataflow: every message that was taken is somewhere, at any moment.
///
/// Rule: received = delivered + filtered + dead_lettered + in_flight. A message that is given back
///       to its source (`abandoned`) was not received: it comes again.

#include <cstdint>
#include <string>

#include "base/assert.h"
#include "flow/message.h"

namespace wireway::dataflow {

class Ledger {
 public:
  std::uint64_t received = 0;
  std::uint64_t delivered = 0;
  std::uint64_t filtered = 0;
  std::uint64_t dead_lettered = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t dropped_when_busy = 0;  ///< QoS 0 that was never taken
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::string last_error;

  void take(std::uint64_t bytes) {
    ++received;
    ++in_flight;
    bytes_in += bytes;
  }

  /// `bytes` went in and `bytes_sent` out.
  void settle(flow::Outcome outcome, std::uint64_t bytes, std::uint64_t bytes_sent) {
    WIREWAY_ASSERT(in_flight > 0, "only a message in flight is settled");
    --in_flight;
    switch (outcome) {
      case flow::Outcome::delivered:
        ++delivered;
        bytes_out += bytes_sent;
        break;
      case flow::Outcome::filtered: ++filtered; break;
      case flow::Outcome::dead_lettered: ++dead_lettered; break;
      case flow::Outcome::abandoned:
        --received;
        bytes_in -= bytes;
        break;
    }
    check();
  }

  void check() const {
    WIREWAY_ASSERT(received == delivered + filtered + dead_lettered + in_flight,
                   "the ledger of a dataflow closes");
  }
};

}  // namespace wireway::dataflow
