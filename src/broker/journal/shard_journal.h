#pragma once
/// The journal as one shard sees it: its records gather in a group until the turn ends and go to
/// the process's one log (journal_hub.h); what is durable comes back.
///
/// Thread: the shard's loop

#include <functional>
#include <optional>

#include "broker/journal/journal.h"

namespace wireway::broker {

/// What one turn of one shard has recorded: records with their length (4 bytes, little endian)
/// before each.
struct JournalGroup {
  std::size_t shard = 0;
  Bytes records;
  Journal::Position last = 0;
};

/// Calls `take(ByteView record)` for each.
template <class Take>
void each_record(ByteView records, Take&& take) {
  while (records.size() >= 4) {
    const std::size_t size = std::size_t(records[0]) | std::size_t(records[1]) << 8 |
                             std::size_t(records[2]) << 16 | std::size_t(records[3]) << 24;
    take(records.subspan(4, size));
    records = records.subspan(4 + size);
  }
}

inline void append_record(ByteView record, Bytes& out) {
  for (unsigned shift = 0; shift < 32; shift += 8)
    out.push_back(std::uint8_t(record.size() >> shift));
  out.insert(out.end(), record.begin(), record.end());
}

class ShardJournal final : public Journal {
 public:
  /// `wake` asks for the end of this turn to be noticed: take_group() is called then.
  ShardJournal(std::size_t shard, std::move_only_function<void()> wake)
      : shard_(shard), wake_(std::move(wake)) {}

  void set_handler(JournalHandler&) override {}
  Position append(ByteView record) override {
    if (records_.empty()) wake_();
    append_record(record, records_);
    return ++appended_;
  }
  Position appended() const override { return appended_; }
  Position durable() const override { return durable_; }
  bool failed() const override { return failed_; }
  bool wants_checkpoint() const override { return false; }  // the hub's
  void begin_checkpoint() override {}
  void end_checkpoint() override {}
  JournalFigures figures() const override { return {}; }

  std::optional<JournalGroup> take_group() {
    if (records_.empty()) return std::nullopt;
    return JournalGroup{shard_, std::exchange(records_, {}), appended_};
  }
  void set_durable(Position position) { durable_ = position; }
  void set_failed(bool failed) { failed_ = failed; }

 private:
  std::size_t shard_;
  std::move_only_function<void()> wake_;
  Bytes records_;
  // What was read back counts as one record, and is durable.
  Position appended_ = 1;
  Position durable_ = 1;
  bool failed_ = false;
};

}  // namespace wireway::broker
