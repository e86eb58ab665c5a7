#pragma once
/// A journal whose disk obeys the test: groups become durable when it says so, and a crash keeps
/// any number of those that were on their way.

#include <vector>

#include "broker/journal/journal.h"

namespace wireway::simulation {

class MemoryJournal final : public broker::Journal {
 public:
  /// What was on disk after a crash, and from where on a checkpoint makes the rest unnecessary.
  struct Disk {
    std::vector<std::vector<Bytes>> groups;
    std::size_t records = 0;
  };

  MemoryJournal() = default;
  explicit MemoryJournal(Disk disk) : disk_(std::move(disk)), appended_(disk_.records) {}

  void set_handler(broker::JournalHandler&) override {}
  Position append(ByteView record) override {
    open_.emplace_back(record.begin(), record.end());
    return ++appended_;
  }
  Position appended() const override { return appended_; }
  Position durable() const override { return disk_.records; }
  bool failed() const override { return failed_; }
  bool wants_checkpoint() const override { return false; }
  /// Until its end is durable no other one may begin.
  bool checkpointing() const { return checkpointing_; }
  void begin_checkpoint() override {
    checkpointing_ = true;
    end_group();
    before_checkpoint_ = disk_.groups.size() + pending_.size();
  }
  void end_checkpoint() override {
    end_group();
    end_of_checkpoint_ = disk_.groups.size() + pending_.size();
  }
  broker::JournalFigures figures() const override { return {}; }

  void fail(bool failed) { failed_ = failed; }
  /// The turn is over.
  void end_group() {
    if (!open_.empty()) pending_.push_back(std::exchange(open_, {}));
  }
  std::size_t pending() const { return pending_.size(); }
  void sync_one() {
    if (pending_.empty()) return;
    disk_.records += pending_.front().size();
    disk_.groups.push_back(std::move(pending_.front()));
    pending_.erase(pending_.begin());
    if (end_of_checkpoint_ == 0 || disk_.groups.size() < end_of_checkpoint_) return;
    disk_.groups.erase(disk_.groups.begin(),
                       disk_.groups.begin() + std::ptrdiff_t(before_checkpoint_));
    end_of_checkpoint_ = before_checkpoint_ = 0;
    checkpointing_ = false;
  }
  /// The process ends; of the groups under way the first `kept` have reached the disk.
  Disk crash(std::size_t kept) {
    for (std::size_t i = 0; i < kept; ++i) sync_one();
    return disk_;
  }

 private:
  Disk disk_;
  std::vector<Bytes> open_;
  std::vector<std::vector<Bytes>> pending_;
  Position appended_ = 0;
  std::size_t before_checkpoint_ = 0;
  std::size_t end_of_checkpoint_ = 0;
  bool checkpointing_ = false;
  bool failed_ = false;
};

}  // namespace wireway::simulation
