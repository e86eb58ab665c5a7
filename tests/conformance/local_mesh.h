#pragma once
/// Several broker shards on one thread, without I/O: envelopes travel in the order in which they
/// were sent, and all of them before anyone reads what the shards wrote.

#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "broker/shard.h"

namespace wireway::conformance {

class LocalMesh {
 public:
  explicit LocalMesh(std::size_t count, const broker::Settings& settings = {}) {
    for (std::size_t i = 0; i < count; ++i)
      doors_.push_back(std::make_unique<Door>(*this, i, count));
    for (std::size_t i = 0; i < count; ++i)
      shards_.push_back(std::make_unique<broker::Shard>(i, *doors_[i], settings));
  }

  /// The shard on which this client or topic lives.
  broker::Shard& shard_for(std::string_view name) {
    return *shards_[broker::shard_of(name, shards_.size())];
  }
  /// Delivers what the shards sent each other, until they are quiet.
  void settle(MonoTime now) {
    do {
      deliver(now);
    } while (!mail_.empty() || (at_rest_ && at_rest_()));
  }
  /// `at_rest` is called when the shards are quiet: true = it has brought something new.
  void when_at_rest(std::move_only_function<bool()> at_rest) { at_rest_ = std::move(at_rest); }
  /// As a loop does with what its shard has recorded.
  void set_before_mail(std::move_only_function<void()> before_mail) {
    before_mail_ = std::move(before_mail);
  }
  std::size_t count() const { return shards_.size(); }
  /// 1, 2, 3: for clients that bring no identifier.
  std::size_t next_number() { return ++numbers_; }
  broker::Shard& shard(std::size_t index) { return *shards_[index]; }
  void tick(MonoTime now) {
    for (const auto& shard : shards_) shard->tick(now);
    settle(now);
  }

 private:
  class Door final : public broker::Mesh {
   public:
    Door(LocalMesh& mesh, std::size_t index, std::size_t count)
        : mesh_(mesh), index_(index), count_(count) {}
    std::size_t count() const override { return count_; }
    void send(std::size_t shard, broker::Envelope envelope) override {
      mesh_.mail_.push_back({index_, shard, std::move(envelope)});
    }
    void want_end_of_turn() override {}  // settle() ends every turn

   private:
    LocalMesh& mesh_;
    std::size_t index_;
    std::size_t count_;
  };
  struct Letter {
    std::size_t from;
    std::size_t to;
    broker::Envelope envelope;
  };

  void deliver(MonoTime now) {
    for (const auto& shard : shards_) shard->end_turn(now);
    while (!mail_.empty()) {
      if (before_mail_) before_mail_();
      Letter letter = std::move(mail_.front());
      mail_.pop_front();
      shards_[letter.to]->receive(letter.from, std::move(letter.envelope), now);
    }
    for (const auto& shard : shards_) shard->end_turn(now);
  }

  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<std::unique_ptr<broker::Shard>> shards_;
  std::deque<Letter> mail_;
  std::move_only_function<void()> before_mail_;
  std::size_t numbers_ = 0;
  std::move_only_function<bool()> at_rest_;
};

}  // namespace wireway::conformance
