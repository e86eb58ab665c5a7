#pragma once
/// Retained messages: what it costs to store them, how much memory they take, how fast a new
/// subscriber gets them all. Removes them at the end.

#include "app/bench/publisher.h"
#include "app/bench/run.h"

namespace wireway::app::bench {

class RetainedRun final : public Run {
 public:
  using Run::Run;

  void on_publish(Peer& peer, const Received& received) override;
  void on_done(Peer& peer) override;

 private:
  void begin() override;
  std::uint64_t progress() const override { return acknowledged_ + count_; }
  void on_patience_lost() override;

  void send_all(bool empty, net::Task then);
  void pump();
  void stored();
  void replay();
  void replayed();
  void remove();

  std::unique_ptr<Publisher> publisher_;
  net::Task then_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t acknowledged_now_ = 0;
  std::uint64_t resident_before_ = 0;
  std::vector<bool> seen_;
  std::uint64_t count_ = 0;
  std::uint64_t without_flag_ = 0;
  bool replaying_ = false;
};

}  // namespace wireway::app::bench
