#pragma once
/// One journal for all shards: each shard writes to a ShardJournal of its own, whose groups go to
/// the JournalHub on shard 0; that has the one log, so that one sync serves all.
///
/// Way:    Recorder -> ShardJournal::append() -> at the end of the turn a group to the hub ->
///         Journal::append() -> on_durable() -> the same way back -> Shard::on_durable()
/// Start:  open() reads everything back: each record goes to every shard, which keeps what is its
///         own; ready() once all have finished. No client is let in before.
/// Clock:  times of expiry are recorded by the wall clock and kept by the monotonic one. When the
///         wall clock is set, all is recorded anew, so that a restart does not take the step for
///         time that has passed.
/// Thread: ShardJournal on its shard's loop, JournalHub on shard 0's
/// Errors: trouble() is a sentence for the Broker's status; while the log fails, shards refuse what
///         would have to be recorded, and go on by themselves when it recovers

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ring.h"
#include "broker/journal/local_journal.h"
#include "broker/node.h"
#include "broker/settings.h"
#include "net/env.h"

namespace wireway::broker {

class JournalHub final : private JournalHandler {
 public:
  /// `folder` is the broker's own; its journal and key are below it.
  JournalHub(net::Env& env, NodeTable nodes, std::string folder);
  ~JournalHub() override;

  /// The first call decides at the start; later ones take effect while clients are there. Turned
  /// on: a checkpoint records all that lives, unless a journal of an earlier run stands in the
  /// folder. Turned off: what was held back leaves at once, and the journal is emptied. Another
  /// encryption, or other modes: a checkpoint writes everything anew. What cannot be done now is
  /// trouble(), and tried again. `changed` runs whenever ready() or trouble() have changed.
  void set_plan(const PersistenceSettings& plan, net::Task changed);
  /// Clients may come: there is nothing to read back, or it has been.
  bool ready() const {
    return state_ == State::off || state_ == State::recording || state_ == State::ending;
  }
  bool recording() const { return state_ == State::recording; }
  /// What is wrong, or empty.
  std::string trouble() const;
  JournalFigures figures() const { return journal_ ? journal_->figures() : JournalFigures{}; }

  /// From a shard, in the order of its turns.
  void take(const JournalGroup& group);
  /// The shard has written its part of the checkpoint, and its groups have come.
  void on_checkpointed();
  /// Once a second.
  void on_tick();

 private:
  static constexpr Duration clock_step_min = std::chrono::seconds{10};
  static constexpr Duration retry = std::chrono::seconds{5};

  /// ending: nothing is recorded any more, and the journal is being emptied.
  enum class State { undecided, off, reading, recording, ending, broken };
  struct Sent {
    Journal::Position here = 0;
    std::size_t shard = 0;
    Journal::Position there = 0;
  };

  void on_durable() override;
  void on_failed(const Error& reason) override;
  void on_recovered() override;
  void apply();
  void open(const PersistenceSettings& plan, bool live);
  void give_up(std::string why, bool live);
  Result<Bytes> key(bool make) const;
  void forward(bool whole_chunks_only);
  void finish_reading(bool live);
  void change(const PersistenceSettings& plan);
  void end();
  void ended();
  void try_later();
  void set_failed(bool failed);
  void begin_checkpoint();
  /// When the monotonic clock began, by the wall clock.
  Duration wall_start() const {
    return env_.loop.wall_now().since_epoch - env_.loop.now().since_start;
  }

  net::Env& env_;
  NodeTable nodes_;
  std::string folder_;
  State state_ = State::undecided;
  std::optional<PersistenceSettings> wanted_;
  PersistenceSettings plan_;  ///< in force
  net::Task changed_;
  std::string disk_trouble_;  ///< of the folder, the key and the journal itself
  std::string plan_trouble_;  ///< of what is wanted and not in force
  std::unique_ptr<LocalJournal> journal_;
  bool wants_rewrite_ = false;  ///< everything is to be written anew
  bool is_rewriting_ = false;   ///< and is
  bool has_forwarded_ = false;  ///< shards have something of what was read
  Bytes chunk_;                 ///< records that were read and not sent to the shards yet
  std::size_t records_read_ = 0;
  Ring<Sent> sent_;
  std::size_t checkpoint_left_ = 0;  ///< shards that still write
  Duration recorded_by_{0};          ///< wall_start() when the last checkpoint began, or the start
  net::Timer retry_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace wireway::broker
