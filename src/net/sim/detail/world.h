#pragma once
/// The inside of a SimWorld: one queue of events on virtual time, simulated machines with their
/// files and listeners, loops that live on them, and the links between streams.
///
/// Order:  every event has a time and a sequence number; all chances come from one generator.
///         Nothing depends on addresses of objects or on hash order, so a seed replays the same
///         run.

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "net/random.h"
#include "net/sim/detail/sim_files.h"
#include "net/sim/sim_world.h"
#include "net/timer_queue.h"

namespace wireway::net::detail {

class SimListener;
class SimLoop;
class SimStream;

/// One network identity: "broker" is the machine of the loops "broker", "broker/1", "broker/2".
struct Machine {
  std::string name;
  std::unique_ptr<SimFiles> files;
  std::map<std::uint16_t, std::vector<SimListener*>> listeners;
  std::uint16_t next_port = 49152;
  Duration wall_step{0};  ///< how far its wall clock is off
};

/// What travels on a link, in order.
struct Packet {
  enum class Kind { opened, bytes, fin, reset };
  Kind kind = Kind::bytes;
  Bytes bytes = {};
};

/// One end of a link. The stream is null while it is detached, after it was destroyed and after
/// close.
struct LinkEnd {
  std::string machine;
  SimStream* stream = nullptr;
  bool detached = false;    ///< between two loops: what arrives waits in `unread`
  bool discarding = false;  ///< closed in order: what arrives is thrown away
  bool fin_received = false;
  Bytes unread;                     ///< arrived and not yet delivered
  std::size_t in_flight_bytes = 0;  ///< sent to this end and not yet arrived
  MonoTime last_arrival;            ///< later packets do not overtake
  std::deque<Packet> held;          ///< by a partition
};

using LinkId = std::uint64_t;
using Link = std::array<LinkEnd, 2>;

class World {
 public:
  /// As a kernel's socket buffers: beyond it the writer keeps its bytes.
  static constexpr std::size_t window_bytes = 256 * 1024;
  /// A handler gets no more at once, as from a socket.
  static constexpr std::ptrdiff_t read_bytes_max = 64 * 1024;

  World(std::uint64_t seed, NetworkFaults faults);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  SimLoop& loop(const std::string& name);
  Machine& machine(const std::string& name);
  Machine* find_machine(const std::string& name);

  /// Runs the next event if it is due by `end`; false if there is none.
  bool step(MonoTime end);
  TimerId at(MonoTime due, Task task) { return events.add(due, std::move(task)); }
  Duration latency();

  LinkId connect(const std::string& from, const std::string& to);
  LinkEnd* end_of(LinkId id, int side);
  /// Bytes that `side` may send now.
  std::size_t window(LinkId id, int side);
  void send_bytes(LinkId id, int side, ByteView bytes);
  void send(LinkId id, int side, Packet packet);
  /// The other end may go on: `side` has taken bytes.
  void announce_window(LinkId id, int side);
  /// The stream at `side` is no more; in order (FIN) or not.
  void leave(LinkId id, int side);

  void partition(const std::string& a, const std::string& b);
  void heal(const std::string& a, const std::string& b);
  bool partitioned(const std::string& a, const std::string& b) const;
  void reset_connections(const std::string& machine);

  MonoTime now;
  MonoTime end_of_run;
  std::uint64_t seed;
  SeededRandom random;
  NetworkFaults faults;
  std::uint64_t fingerprint = 0xCBF29CE484222325U;  ///< FNV-1a of every arrival

 private:
  std::uint64_t seed_of(const std::string& name) const;
  void arrive(LinkId id, int side, Packet packet);
  void receive(LinkId id, int side, Packet packet);
  void break_link(LinkId id);
  void mix(std::uint64_t value);

  std::map<std::string, std::unique_ptr<Machine>> machines_;
  std::map<std::string, std::unique_ptr<SimLoop>> loops_;
  std::map<LinkId, Link> links_;
  LinkId next_link_ = 1;
  std::set<std::pair<std::string, std::string>> partitions_;

 public:
  TimerQueue events;  ///< last: its tasks may own streams
};

}  // namespace wireway::net::detail
