#include "app/bench/connection_run.h"

#include <fmt/format.h>

#include "app/bench/process_figures.h"

namespace wireway::app::bench {
namespace {

constexpr std::uint64_t spare_files = 64;

}  // namespace

void ConnectRun::begin() {
  const MqttBenchOptions& options = ground_.settings.options;
  for (std::uint32_t i = 0; i < options.connections; ++i) {
    peers_.emplace_back();
    leaving_.push_back(i);
  }
  renew();
  after(options.warm_up_s, [this] {
    made_before_ = made_;
    costs_.begin();
    after(ground_.settings.options.seconds, [this] {
      costs_.end();
      if (made_ == made_before_) return fail("no connection was made in the measured span");
      costs_.report(report_, "connect", made_ - made_before_);
      finish();
    });
  });
}

void ConnectRun::on_ready(Peer& peer) {
  ++made_;
  peer.leave();
  if (leaving_.empty()) ground_.loop.defer([this] { renew(); });
  leaving_.push_back(peer.index());
}

void ConnectRun::renew() {
  for (const std::uint32_t index : std::exchange(leaving_, {})) {
    if (over()) return;
    const auto name = static_cast<std::uint32_t>(++names_);
    PeerPlan plan{.client_identifier = client_name(ground_.settings, "c", name), .index = index};
    peers_[index] = std::make_unique<Peer>(ground_, std::move(plan), *this);
    peers_[index]->open();
  }
}

std::vector<PeerPlan> IdleRun::plans(std::uint32_t first, std::uint32_t count) const {
  const MqttBenchOptions& options = ground_.settings.options;
  std::vector<PeerPlan> out;
  for (std::uint32_t i = first; i < first + count; ++i) {
    out.push_back({.client_identifier = client_name(ground_.settings, "idle", i), .index = i});
    for (std::uint32_t k = 0; k < options.filters; ++k)
      out.back().filters.push_back(fmt::format("{}/{:06}/{}", options.topic, i, k));
  }
  return out;
}

void IdleRun::begin() {
  const std::uint64_t files = raise_open_files();
  const std::uint32_t wanted = ground_.settings.options.connections;
  if (files < std::uint64_t{wanted} + first_connections + spare_files)
    return fail(fmt::format("{} connections need more open files than {}: raise `ulimit -n`",
                            wanted, files));
  open(plans(0, first_connections), [this] {
    settled([this] {
      resident_before_ = resident_bytes(ground_.settings.options.pid).value_or(0);
      open(plans(first_connections, ground_.settings.options.connections),
           [this] { settled([this] { measure(); }); });
    });
  });
}

void IdleRun::settled(net::Task then) {
  resting_ = true;
  after(settle_s, [this, next = std::move(then)]() mutable {
    resting_ = false;
    next();
  });
}

void IdleRun::measure() {
  const MqttBenchOptions& options = ground_.settings.options;
  const std::uint64_t resident = resident_bytes(options.pid).value_or(0);
  report_.add("connections", options.connections);
  if (resident != 0) {
    const double grown = static_cast<double>(resident) - static_cast<double>(resident_before_);
    report_.add("broker_bytes_per_connection", grown / options.connections);
    report_.add("broker_resident_megabytes", static_cast<double>(resident) / 1e6);
  }
  finish();
}

}  // namespace wireway::app::bench
