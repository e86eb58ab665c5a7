#pragma once
/// A message on its way to one session.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/time.h"
#include "broker/journal/journal.h"
#include "broker/message.h"

namespace wireway::broker {

/// Subscription identifiers of one delivery: usually none or one.
class Identifiers {
 public:
  Identifiers() = default;
  explicit Identifiers(std::span<const std::uint32_t> values) {
    if (values.size() == 1) one_ = values[0];
    if (values.size() > 1)
      many_ = std::make_unique<std::vector<std::uint32_t>>(values.begin(), values.end());
  }
  std::span<const std::uint32_t> values() const {
    if (many_) return *many_;
    return {&one_, one_ == 0 ? 0U : 1U};
  }

 private:
  std::uint32_t one_ = 0;
  std::unique_ptr<std::vector<std::uint32_t>> many_;
};

/// A message that waits for one session, or is in flight to it.
struct Delivery {
  enum class Stage : std::uint8_t { waiting, await_puback, await_pubrec, await_pubcomp, done };

  MessagePtr message;  ///< none once PUBREC has come
  Identifiers identifiers;
  mqtt::Qos qos = mqtt::Qos::at_most_once;
  bool retain = false;
  Stage stage = Stage::done;
  bool sent = false;         ///< on this connection
  bool sent_before = false;  ///< on any: the next time with DUP
  /// Of QoS 1 and 2: rises by one with each delivery to the session; names its packet identifier.
  std::uint64_t sequence = 0;
  MonoTime since;                  ///< when it came to the session
  Journal::Position position = 0;  ///< of its record; 0 = it has none

  Shape shape() const { return {qos, retain, identifiers.values()}; }
  std::size_t size_bytes() const { return message ? message->size_bytes() : 0; }
};

}  // namespace wireway::broker
