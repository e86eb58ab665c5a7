#pragma once
/// The simulated world: several services in one process on virtual time, with a network, a disk and
/// randomness that are made from one seed. The same seed replays the same run, event by event.
///
/// A test builds a SimWorld, asks for an Env per simulated host, constructs real services on them,
/// and turns the world with run_for() / run_until(). Time jumps from event to event; nothing
/// sleeps.
///
/// Faults: latency, loss of connections, partitions and slow readers by NetworkFaults; more by
///         calling partition(), heal(), reset_connections() and power_cut() from the test; of the
///         disk by set_disk().

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/env.h"

namespace wireway::net {

/// Of each connection in the simulated network.
struct NetworkFaults {
  Duration latency_min = std::chrono::microseconds{50};
  Duration latency_max = std::chrono::microseconds{500};
  /// Chance in a million, per delivery, that the connection breaks instead.
  std::uint32_t break_per_million = 0;
  /// Deliveries are cut into pieces of 1..n bytes at random; 0 = whole.
  std::size_t fragment_bytes_max = 0;
};

/// Of the logs and scratch files (net/log_file.h, net/scratch_file.h) on one machine's disk. Whole
/// files never fail.
struct DiskFaults {
  Duration sync_min = std::chrono::microseconds{100};
  Duration sync_max = std::chrono::milliseconds{1};
  /// For all of them together; beyond it: "No space left on device".
  std::uint64_t capacity_bytes = std::uint64_t{1} << 62;
  /// "Input/output error": the n-th from now on (0 = none), or by chance.
  std::uint64_t failing_write = 0;
  std::uint64_t failing_sync = 0;
  std::uint64_t failing_read = 0;  ///< of scratch files
  std::uint32_t write_error_per_million = 0;
  std::uint32_t sync_error_per_million = 0;
  std::uint32_t read_error_per_million = 0;
  std::uint32_t garbled_read_per_million = 0;  ///< of scratch files: one byte is another
};

class SimWorld {
 public:
  explicit SimWorld(std::uint64_t seed, NetworkFaults faults = {});
  ~SimWorld();

  /// The loop of that name, made on first use: "broker" and "broker/1" are two shards of one
  /// machine, with one address, one set of ports and one disk. A listener is reachable by its
  /// machine's name whatever address it binds; streams connect by host name ("broker:1883").
  Env env(const std::string& host);

  /// Runs all events up to now + span of virtual time.
  void run_for(Duration span);
  /// Runs until `condition` holds after an event; false if `limit` of virtual time passes first.
  bool run_until(std::move_only_function<bool()> condition, Duration limit);

  MonoTime now() const;
  /// A hash of every arrival so far, its time and its bytes: equal runs have equal fingerprints.
  std::uint64_t fingerprint() const;
  /// Between two hosts: packets are held until heal().
  void partition(const std::string& a, const std::string& b);
  void heal(const std::string& a, const std::string& b);
  /// Every open connection of the host breaks at once.
  void reset_connections(const std::string& host);

  /// Sets the host's wall clock forward (or back) by so much; its monotonic clock goes on as ever.
  void step_wall(const std::string& host, Duration by);

  void set_disk(const std::string& host, const DiskFaults& faults);
  /// The host's logs are what a power cut leaves of them: all that was synced, and of the rest any
  /// part, with sectors of garbage. Its connections break. What was opened before does nothing any
  /// more, and no Done of it runs: destroy the services of the host and build them anew.
  void power_cut(const std::string& host);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wireway::net
