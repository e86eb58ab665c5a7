#pragma once
/// A shard's pen: what must survive goes from here into the journal, and here it is known what is
/// there already.
///
/// Way:    Shard and Session call it while they work; Journal::append(); on_durable() comes back to
///         the shard, which releases what has waited (commit_line.h, Session::pump)
/// Source: broker.md 7.2
/// Thread: the shard's
/// Limits: none of its own; while the journal has failed the shard accepts nothing that would be
///         recorded

#include <vector>

#include "broker/journal/journal.h"
#include "broker/records.h"

namespace wireway::broker {

class Session;

class Recorder {
 public:
  /// `numbers` and `of`: this shard gives its sessions the numbers k * 64 + shard, so that two
  /// shards never give the same.
  Recorder(Journal& journal, std::size_t shard) : journal_(journal), shard_(shard) {}

  Journal& journal() { return journal_; }
  bool failed() const { return journal_.failed(); }
  /// What was recorded last has this position.
  Journal::Position appended() const { return journal_.appended(); }
  bool is_durable(Journal::Position position) const { return position <= journal_.durable(); }

  std::uint64_t new_number() { return (++last_number_ << 6) | shard_; }
  /// A number that was read back: new ones are above it, whichever shard gave it.
  void saw_number(std::uint64_t number) { last_number_ = std::max(last_number_, number >> 6); }

  /// Offset of the wall clock from the monotonic one.
  void set_wall(WallTime start) { wall_start_ = start; }
  std::optional<WallTime> wall_of(MonoTime time) const {
    if (time == never) return std::nullopt;
    return wall_start_ + time.since_start;
  }
  MonoTime mono_of(const std::optional<WallTime>& time) const {
    return time ? MonoTime{*time - wall_start_} : never;
  }
  records::MessageData data_of(const MessageView& view) const {
    return {view, wall_of(view.expires_at)};
  }

  template <class Record>
  void write(const Record& record) {
    bytes_.clear();
    records::encode(record, bytes_);
    if (message_.receivers.empty())
      journal_.append(bytes_);
    else
      behind_message_.push_back(bytes_);
  }

  /// Of the message that is passing: a receiver that keeps its queue. The record is written by
  /// end_message(), at next_position().
  void receiver(std::uint64_t number, std::uint64_t sequence, const Shape& shape);
  /// Whether receivers are members that a shared subscription has chosen.
  void set_by_group(bool by_group) { by_group_ = by_group; }
  Journal::Position next_position() const { return journal_.appended() + 1; }
  void end_message(const MessageView& view);

  /// The session's next QoS 2 message is not durable yet: it is pumped when more is.
  void wait(Session& session);
  void forget(Session& session);
  std::vector<Session*> take_waiting() { return std::exchange(waiting_, {}); }

 private:
  Journal& journal_;
  std::size_t shard_;
  std::uint64_t last_number_ = 0;
  WallTime wall_start_;
  records::MessageQueued message_;  ///< reused: its receivers are gathered here
  bool by_group_ = false;
  std::vector<Bytes> behind_message_;  ///< what came while it was gathered
  std::vector<Session*> waiting_;
  Bytes bytes_;
};

}  // namespace wireway::broker
