#pragma once
/// The one log of several shards, whose disk obeys the test: groups become durable one by one when
/// it says so, each shard learns of it when it says so, and a crash keeps any number of the groups
/// that were on their way.

#include <algorithm>
#include <memory>
#include <vector>

#include "broker/journal/shard_journal.h"

namespace wireway::simulation {

class OneLog {
 public:
  using Groups = std::vector<broker::JournalGroup>;

  OneLog(std::size_t shards, Groups on_disk)
      : durable_(on_disk.size()), of_before_(on_disk.size()), groups_(std::move(on_disk)) {
    for (std::size_t i = 0; i < shards; ++i)
      journals_.push_back(std::make_unique<broker::ShardJournal>(i, [] {}));
  }

  broker::ShardJournal& journal(std::size_t shard) { return *journals_[shard]; }
  /// Before anybody gets mail that tells of it.
  void take_groups() {
    for (const auto& journal : journals_)
      if (auto group = journal->take_group()) groups_.push_back(std::move(*group));
  }

  std::size_t pending() const { return groups_.size() - durable_; }
  void sync_one() {
    if (pending() == 0) return;
    ++durable_;
    if (end_of_checkpoint_ == 0 || durable_ < end_of_checkpoint_) return;
    groups_.erase(groups_.begin(), groups_.begin() + std::ptrdiff_t(before_checkpoint_));
    durable_ -= before_checkpoint_;
    of_before_ -= std::min(of_before_, before_checkpoint_);
    end_of_checkpoint_ = 0;
    checkpointing_ = false;
  }
  /// The shard learns how far the disk has come; false if it knew.
  bool tell(std::size_t shard) {
    broker::ShardJournal& journal = *journals_[shard];
    for (std::size_t i = durable_; i > 0; --i) {
      const broker::JournalGroup& group = groups_[i - 1];
      if (group.shard != shard || i <= of_before_) continue;
      if (group.last <= journal.durable()) return false;
      journal.set_durable(group.last);
      return true;
    }
    return false;
  }

  /// Until its end is durable no other one may begin.
  bool checkpointing() const { return checkpointing_; }
  void begin_checkpoint() {
    checkpointing_ = true;
    take_groups();
    before_checkpoint_ = groups_.size();
  }
  void end_checkpoint() {
    take_groups();
    end_of_checkpoint_ = groups_.size();
  }

  /// The process ends; of the groups under way the first `kept` have reached the disk.
  Groups crash(std::size_t kept) {
    for (std::size_t i = 0; i < kept; ++i) sync_one();
    groups_.resize(durable_);
    return std::move(groups_);
  }

 private:
  std::size_t durable_;
  std::size_t of_before_;  ///< so many groups are of a process before
  Groups groups_;
  std::vector<std::unique_ptr<broker::ShardJournal>> journals_;
  std::size_t before_checkpoint_ = 0;
  std::size_t end_of_checkpoint_ = 0;
  bool checkpointing_ = false;
};

}  // namespace wireway::simulation
