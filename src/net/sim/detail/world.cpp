#include "net/sim/detail/world.h"

#include <algorithm>

#include "base/assert.h"
#include "net/sim/detail/sim_files.h"
#include "net/sim/detail/sim_loop.h"

namespace wireway::net::detail {
namespace {

std::pair<std::string, std::string> ordered(const std::string& a, const std::string& b) {
  return a < b ? std::pair(a, b) : std::pair(b, a);
}

}  // namespace

World::World(std::uint64_t seed_in, NetworkFaults faults_in)
    : seed(seed_in), random(seed_in), faults(faults_in) {}

World::~World() {
  // A destroyed task may own a stream or set a timer: go on until nothing is left.
  while (!events.empty()) {
    events.clear();
    for (const auto& [name, each] : loops_) each->drop_deferred();
  }
}

std::uint64_t World::seed_of(const std::string& name) const {
  std::uint64_t own = seed;
  for (const char c : name) own = own * 1099511628211U + static_cast<unsigned char>(c);
  return own;
}

SimLoop& World::loop(const std::string& name) {
  auto& place = loops_[name];
  if (!place) {
    // Its own numbers, by name: a further host does not change the chances of the others.
    place =
        std::make_unique<SimLoop>(*this, machine(name.substr(0, name.find('/'))), seed_of(name));
  }
  return *place;
}

Machine& World::machine(const std::string& name) {
  auto& place = machines_[name];
  if (!place) {
    place = std::make_unique<Machine>();
    place->name = name;
    place->files = std::make_unique<SimFiles>(seed_of(name));
  }
  return *place;
}

Machine* World::find_machine(const std::string& name) {
  const auto found = machines_.find(name);
  return found == machines_.end() ? nullptr : found->second.get();
}

bool World::step(MonoTime end) {
  const auto due = events.next_due();
  if (!due || *due > end) return false;
  now = std::max(now, *due);
  Task task = events.take_due(now, events.next_sequence());
  task();
  return true;
}

Duration World::latency() {
  const auto spread = static_cast<std::uint64_t>((faults.latency_max - faults.latency_min).count());
  return faults.latency_min + Duration{static_cast<std::int64_t>(random.below(spread + 1))};
}

LinkId World::connect(const std::string& from, const std::string& to) {
  const LinkId id = next_link_++;
  links_[id][0].machine = from;
  links_[id][1].machine = to;
  return id;
}

LinkEnd* World::end_of(LinkId id, int side) {
  const auto found = links_.find(id);
  return found == links_.end() ? nullptr : &found->second[static_cast<std::size_t>(side)];
}

std::size_t World::window(LinkId id, int side) {
  const LinkEnd* other = end_of(id, 1 - side);
  if (other == nullptr) return window_bytes;
  const std::size_t used = other->in_flight_bytes + other->unread.size();
  return used >= window_bytes ? 0 : window_bytes - used;
}

void World::send_bytes(LinkId id, int side, ByteView bytes) {
  if (LinkEnd* other = end_of(id, 1 - side)) other->in_flight_bytes += bytes.size();
  while (!bytes.empty()) {
    std::size_t length = bytes.size();
    if (faults.fragment_bytes_max > 0)
      length = std::min<std::size_t>(length, 1 + random.below(faults.fragment_bytes_max));
    const ByteView piece = bytes.first(length);
    send(id, side, Packet{Packet::Kind::bytes, Bytes(piece.begin(), piece.end())});
    bytes = bytes.subspan(length);
  }
}

void World::send(LinkId id, int side, Packet packet) {
  const int to = 1 - side;
  LinkEnd* other = end_of(id, to);
  if (other == nullptr) return;
  other->last_arrival = std::max(other->last_arrival, now + latency());
  at(other->last_arrival,
     [this, id, to, sent = std::move(packet)]() mutable { arrive(id, to, std::move(sent)); });
}

void World::arrive(LinkId id, int side, Packet packet) {
  LinkEnd* end = end_of(id, side);
  if (end == nullptr) return;
  if (!end->held.empty() || partitioned(end->machine, end_of(id, 1 - side)->machine)) {
    end->held.push_back(std::move(packet));
    return;
  }
  if (faults.break_per_million > 0 && random.below(1'000'000) < faults.break_per_million)
    return break_link(id);
  mix(static_cast<std::uint64_t>(now.since_start.count()));
  mix(id * 8 + static_cast<std::uint64_t>(side) * 4 + static_cast<std::uint64_t>(packet.kind));
  for (const std::uint8_t byte : packet.bytes) mix(byte);
  receive(id, side, std::move(packet));
}

void World::receive(LinkId id, int side, Packet packet) {
  LinkEnd& end = *end_of(id, side);
  SimStream* stream = end.stream;
  end.in_flight_bytes -= packet.bytes.size();
  if (stream == nullptr && !end.detached) {
    // As a kernel does: data for a socket that is gone is answered by a reset.
    if (packet.kind == Packet::Kind::bytes && !end.discarding)
      return send(id, side, Packet{Packet::Kind::reset});
    if (packet.kind == Packet::Kind::bytes) return announce_window(id, side);
    if (end_of(id, 1 - side)->stream == nullptr && !end_of(id, 1 - side)->detached)
      links_.erase(id);
    return;
  }
  switch (packet.kind) {
    case Packet::Kind::opened:
      if (stream != nullptr) stream->loop().turn([stream] { stream->opened(); });
      return;
    case Packet::Kind::reset:
      if (stream == nullptr)
        end.fin_received = true;
      else
        stream->loop().turn([stream] {
          stream->fail({Errc::unavailable, stream->peer() + ": connection reset by peer"});
        });
      return;
    case Packet::Kind::fin: end.fin_received = true; break;
    case Packet::Kind::bytes:
      end.unread.insert(end.unread.end(), packet.bytes.begin(), packet.bytes.end());
      break;
  }
  if (stream != nullptr) stream->loop().turn([stream] { stream->take_input(); });
}

void World::announce_window(LinkId id, int side) {
  const LinkEnd* other = end_of(id, 1 - side);
  if (other == nullptr || other->stream == nullptr) return;
  at(now + latency(), [this, id, to = 1 - side] {
    LinkEnd* end = end_of(id, to);
    if (end == nullptr || end->stream == nullptr) return;
    SimStream* stream = end->stream;
    stream->loop().turn([stream] { stream->window_opened(); });
  });
}

void World::leave(LinkId id, int side) {
  LinkEnd* end = end_of(id, side);
  if (end == nullptr) return;
  end->stream = nullptr;
  end->detached = false;
  end->unread.clear();
  send(id, side, Packet{Packet::Kind::fin});
}

void World::break_link(LinkId id) {
  for (int side = 0; side < 2; ++side) {
    LinkEnd* end = end_of(id, side);
    if (end == nullptr) return;
    SimStream* stream = end->stream;
    if (stream == nullptr) continue;
    stream->loop().turn([stream] {
      stream->fail({Errc::unavailable, stream->peer() + ": connection reset by peer"});
    });
  }
  links_.erase(id);
}

void World::partition(const std::string& a, const std::string& b) {
  partitions_.insert(ordered(a, b));
}

bool World::partitioned(const std::string& a, const std::string& b) const {
  return partitions_.contains(ordered(a, b));
}

void World::heal(const std::string& a, const std::string& b) {
  partitions_.erase(ordered(a, b));
  for (auto& [id, link] : links_) {
    if (ordered(link[0].machine, link[1].machine) != ordered(a, b)) continue;
    for (int side = 0; side < 2; ++side) {
      LinkEnd& end = link[static_cast<std::size_t>(side)];
      for (Packet& packet : std::exchange(end.held, {})) {
        end.last_arrival = std::max(end.last_arrival, now + latency());
        at(end.last_arrival, [this, id = id, side, sent = std::move(packet)]() mutable {
          arrive(id, side, std::move(sent));
        });
      }
    }
  }
}

void World::reset_connections(const std::string& machine) {
  std::vector<LinkId> found;
  for (const auto& [id, link] : links_)
    if (link[0].machine == machine || link[1].machine == machine) found.push_back(id);
  for (const LinkId id : found) break_link(id);
}

void World::mix(std::uint64_t value) { fingerprint = (fingerprint ^ value) * 1099511628211U; }

}  // namespace wireway::net::detail
