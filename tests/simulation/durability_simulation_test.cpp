// The session core with a journal, under everything that can go wrong in random order: connections
// that break with packets under way, a disk that answers late, crashes between any two groups of
// the journal, checkpoints meanwhile. What must hold at the end: no acknowledged message is lost,
// none of QoS 2 comes twice, and each publisher's messages come in order.
//
// WIREWAY_SEEDS sets how many runs, WIREWAY_SEED the first one.

#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "broker/buffer/disk_buffer.h"
#include "conformance/local_mesh.h"
#include "net/sim/sim_world.h"
#include "simulation/memory_journal.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/frame.h"

namespace wireway {
namespace {

namespace mqtt = wire::mqtt;
using conformance::LocalMesh;
using mqtt::PacketType;
using mqtt::Qos;
using simulation::OneLog;

int from_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

/// A correct MQTT client with a persistent session; what it knows survives its connections.
class Device final : public broker::Wire {
 public:
  Device(std::string identifier, std::mt19937& dice)
      : identifier_(std::move(identifier)), dice_(dice) {}

  // As a Wire: what the broker writes waits until the device reads it.
  void send(ByteView bytes) override { inbox_.insert(inbox_.end(), bytes.begin(), bytes.end()); }
  std::size_t pending_bytes() const override { return inbox_.size(); }
  void close() override { closing_ = true; }
  void forget_client() override { client_ = nullptr; }

  bool online() const { return client_ != nullptr; }
  void connect(LocalMesh& mesh, MonoTime now) {
    if (online()) return;
    inbox_.clear();
    closing_ = acknowledged_ = false;
    mqtt::Connect connect;
    connect.clean_start = false;
    connect.client_identifier = identifier_;
    connect.properties.session_expiry_interval_s = mqtt::session_never_expires;
    connect.properties.receive_maximum = 5;
    shard_ = &mesh.shard_for(identifier_);
    client_ = shard_->connect(*this, std::move(connect), "", now);
  }
  void break_connection(MonoTime now) {
    if (client_ == nullptr) return;
    shard_->closed(*std::exchange(client_, nullptr), now);
    inbox_.clear();
  }
  /// The broker is gone, and everything that was under way.
  void lose_broker() {
    client_ = nullptr;
    inbox_.clear();
  }

  void subscribe(const std::string& filter, Qos qos) { filters_[filter] = qos; }
  bool subscribed() const { return subscribed_; }

  /// The next message is handed in; it is sent until it is acknowledged.
  void publish(Qos qos, MonoTime now) {
    if (outgoing_.size() >= 8) return;
    Outgoing one;
    one.qos = qos;
    one.number = ++last_number_[qos];
    one.identifier = next_identifier_++ % 1000 + 1;
    outgoing_.push_back(one);
    if (online() && acknowledged_) say(outgoing_.back(), false, now);
  }
  bool idle() const { return outgoing_.empty(); }
  /// The highest number of each QoS that was acknowledged, and all of them.
  std::map<Qos, std::set<int>> acknowledged;

  /// Takes one packet that the broker has sent.
  void read_one(MonoTime now) {
    if (client_ == nullptr || inbox_.empty()) return;
    mqtt::FrameHeader header;
    ASSERT_FALSE(mqtt::read_frame_header(inbox_, mqtt::packet_bytes_limit, header));
    const std::size_t whole = header.header_bytes + header.body_bytes;
    const Bytes packet(inbox_.begin(), inbox_.begin() + std::ptrdiff_t(whole));
    inbox_.erase(inbox_.begin(), inbox_.begin() + std::ptrdiff_t(whole));
    take(packet[0], ByteView(packet).subspan(header.header_bytes), now);
  }
  bool has_input() const { return !inbox_.empty(); }

  /// "publisher:qos" -> numbers as they came, QoS 2 without what its identifier shows as sent
  /// again.
  std::map<std::string, std::vector<int>> received;

 private:
  struct Outgoing {
    Qos qos = Qos::at_least_once;
    int number = 0;
    std::uint16_t identifier = 0;
    bool released = false;  ///< PUBREC has come
  };

  void say(const Bytes& packet, MonoTime now) {
    const std::size_t header = packet[1] < 128 ? 2 : 3;
    if (client_ != nullptr) client_->on_packet(packet[0], ByteView(packet).subspan(header), now);
  }
  void say(PacketType type, std::uint16_t identifier, MonoTime now) {
    Bytes out;
    mqtt::append(mqtt::PublishReply{type, identifier, mqtt::ReasonCode::success, {}},
                 mqtt::Version::v5, out);
    say(out, now);
  }
  void say(const Outgoing& one, bool again, MonoTime now) {
    if (one.released) return say(PacketType::pubrel, one.identifier, now);
    const std::string topic = fmt::format("t/{}/{}", identifier_, int(one.qos));
    const std::string payload = fmt::format("{}", one.number);
    mqtt::Publish publish;
    publish.topic = topic;
    publish.payload = as_bytes(payload);
    publish.qos = one.qos;
    publish.packet_identifier = one.identifier;
    publish.duplicate = again && identifier_ != "p2";  // as some clients do not set it
    Bytes out;
    mqtt::append_publish(publish, mqtt::Version::v5, out);
    say(out, now);
  }

  void take(std::uint8_t first, ByteView body, MonoTime now) {
    Bytes scratch;
    const auto packet = mqtt::decode(first, body, mqtt::Version::v5, scratch);
    ASSERT_TRUE(packet.has_value());
    if (const auto* connack = std::get_if<mqtt::Connack>(&*packet)) {
      ASSERT_EQ(connack->reason, mqtt::ReasonCode::success);
      on_connack(connack->session_present, now);
    } else if (const auto* publish = std::get_if<mqtt::Publish>(&*packet)) {
      on_publish(*publish, now);
    } else if (const auto* reply = std::get_if<mqtt::PublishReply>(&*packet)) {
      on_reply(*reply, now);
    } else if (std::get_if<mqtt::SubscribeReply>(&*packet) != nullptr) {
      subscribed_ = true;
    }
  }
  void on_connack(bool present, MonoTime now) {
    acknowledged_ = true;
    if (!present) {
      // Only a session that was never confirmed may be gone.
      ASSERT_FALSE(subscribed_) << identifier_ << " has lost its session";
      incoming_.clear();
    }
    if (!filters_.empty() && !subscribed_) {
      mqtt::Subscribe subscribe;
      subscribe.packet_identifier = 2000;
      for (const auto& [filter, qos] : filters_) {
        subscribe.entries.emplace_back().filter = filter;
        subscribe.entries.back().qos = qos;
      }
      Bytes out;
      mqtt::append(subscribe, mqtt::Version::v5, out);
      say(out, now);
    }
    for (const Outgoing& one : std::vector(outgoing_)) say(one, true, now);
  }
  void on_publish(const mqtt::Publish& publish, MonoTime now) {
    const std::string from(publish.topic.substr(2));
    const int number = std::atoi(to_text(publish.payload).c_str());
    const std::uint16_t identifier = publish.packet_identifier;
    if (publish.qos == Qos::exactly_once) {
      if (incoming_.insert(identifier).second) received[from].push_back(number);
      say(PacketType::pubrec, identifier, now);
      return;
    }
    received[from].push_back(number);
    if (publish.qos == Qos::at_least_once) say(PacketType::puback, identifier, now);
  }
  void on_reply(const mqtt::PublishReply& reply, MonoTime now) {
    if (reply.type == PacketType::pubrel) {
      incoming_.erase(reply.packet_identifier);
      say(PacketType::pubcomp, reply.packet_identifier, now);
      return;
    }
    const auto at = std::ranges::find(outgoing_, reply.packet_identifier, &Outgoing::identifier);
    if (at == outgoing_.end()) return;
    if (reply.type == PacketType::pubrec && !mqtt::is_error(reply.reason)) {
      acknowledged[at->qos].insert(at->number);
      at->released = true;
      say(PacketType::pubrel, reply.packet_identifier, now);
      return;
    }
    if (mqtt::is_error(reply.reason) && reply.type != PacketType::pubcomp) {
      ASSERT_EQ(reply.reason, mqtt::ReasonCode::quota_exceeded);
      outgoing_.erase(at);  // refused, not acknowledged
      return;
    }
    acknowledged[at->qos].insert(at->number);
    outgoing_.erase(at);
  }

  std::string identifier_;
  std::mt19937& dice_;
  broker::Shard* shard_ = nullptr;
  broker::Client* client_ = nullptr;
  Bytes inbox_;
  bool closing_ = false;
  bool acknowledged_ = false;  ///< CONNACK has come on this connection
  bool subscribed_ = false;
  std::map<std::string, Qos> filters_;
  std::map<Qos, int> last_number_;
  std::vector<Outgoing> outgoing_;
  std::set<std::uint16_t> incoming_;
  std::uint16_t next_identifier_ = 0;
};

class World {
 public:
  /// Where crashes are rarer, checkpoints come to their end.
  World(std::uint32_t seed, std::size_t shards, bool buffered)
      : dice_(seed),
        count_(shards),
        is_buffered_(buffered),
        crashes_of_hundred_(seed % 2 == 0 ? 100 : 15),
        disks_(seed) {
    start({}, true);
    for (const char* name : {"p1", "p2", "p3"})
      publishers_.push_back(std::make_unique<Device>(name, dice_));
    for (const char* name : {"s1", "s2"}) {
      subscribers_.push_back(std::make_unique<Device>(name, dice_));
      subscribers_.back()->subscribe("t/+/1", Qos::at_least_once);
      subscribers_.back()->subscribe("t/+/2", Qos::exactly_once);
    }
    for (const auto& device : publishers_) all_.push_back(device.get());
    for (const auto& device : subscribers_) all_.push_back(device.get());
  }

  void run(int steps) {
    become_subscribed();
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) step();
    heal();
    check();
  }
  int crashes() const { return crashes_; }
  int checkpoints() const { return checkpoints_; }
  std::uint64_t transfers() const { return transfers_; }
  std::uint64_t failed_transfers() const { return failed_transfers_; }

 private:
  bool chance(unsigned in_a_hundred) { return dice_() % 100 < in_a_hundred; }
  template <class List>
  auto& any(List& list) {
    return *list[dice_() % list.size()];
  }

  void start(OneLog::Groups disk, bool is_first) {
    mesh_ = std::make_unique<LocalMesh>(count_, settings());
    add_buffers();
    log_ = std::make_unique<OneLog>(count_, disk);
    mesh_->set_before_mail([this] { log_->take_groups(); });
    for (std::size_t i = 0; i < count_; ++i) {
      mesh_->shard(i).set_wall(WallTime{std::chrono::hours{500'000}}, MonoTime{});
      mesh_->shard(i).record_to(log_->journal(i));
    }
    for (const broker::JournalGroup& group : disk)
      broker::each_record(group.records, [this](ByteView record) {
        for (std::size_t i = 0; i < count_; ++i) {
          const auto restored = mesh_->shard(i).restore(record, now_);
          ASSERT_TRUE(restored.has_value()) << restored.error().message;
        }
      });
    for (std::size_t i = 0; i < count_ && !is_first; ++i) mesh_->shard(i).finish_restore(now_);
    end_turn();
  }
  /// A few messages are too many for memory; none is refused, because what is refused and sent
  /// again comes late.
  broker::Settings settings() const {
    broker::Settings out;
    if (!is_buffered_) return out;
    out.queued_bytes_max = 100'000;
    out.buffer_bytes_max = 1024 * 1024;
    return out;
  }
  void add_buffers() {
    for (std::size_t i = 0; i < count_ && is_buffered_; ++i) {
      broker::Shard& shard = mesh_->shard(i);
      buffers_.push_back(std::make_unique<broker::buffer::DiskBuffer>(
          disks_.env(fmt::format("broker/{}", i)), "/buffer", shard.count(),
          [&shard] { shard.on_buffer_room(); },
          broker::buffer::BufferOptions{.run_bytes = 150 + dice_() % 400,
                                        .run_bytes_min = 50,
                                        .kept_bytes = 60,
                                        .in_flight_bytes_max = 2000,
                                        .relief_percent = 1}));
      shard.buffer_to(*buffers_.back());
      buffers_.back()->set_max(1024 * 1024);
      shard.set_settings(settings());
    }
  }
  void drop_buffers() {
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      const broker::Counters counters = mesh_->shard(i).counters();
      transfers_ += counters.buffer_transfers;
      failed_transfers_ += counters.buffer_transfers_failed;
    }
    mesh_.reset();
    buffers_.clear();
  }
  /// Some time passes for the disks, on which now and then something goes wrong.
  void turn_disks() {
    if (!is_buffered_) return;
    net::DiskFaults faults;
    if (chance(20)) faults.capacity_bytes = dice_() % 20'000;
    if (chance(20)) faults.write_error_per_million = 300'000;
    if (chance(20)) faults.read_error_per_million = 300'000;
    disks_.set_disk("broker", faults);
    disks_.run_for(std::chrono::microseconds{1 << dice_() % 22});
  }
  void end_turn() {
    mesh_->settle(now_);
    log_->take_groups();
  }
  void tell(std::size_t shard) {
    if (!log_->tell(shard)) return;
    mesh_->shard(shard).on_durable(now_);
    end_turn();
  }
  void sync_any() {
    if (chance(60))
      log_->sync_one();
    else
      tell(dice_() % count_);
  }
  void sync_all() {
    while (log_->pending() > 0) log_->sync_one();
    for (std::size_t at = 0; at < count_; ++at) tell(at);
  }

  void step() {
    now_ = now_ + std::chrono::milliseconds{1};
    Device& device = any(all_);
    const unsigned what = dice_() % 1000;
    if (what < 300) {
      Device& publisher = any(publishers_);
      publisher.publish(dice_() % 2 == 0 ? Qos::at_least_once : Qos::exactly_once, now_);
    } else if (what < 650) {
      device.read_one(now_);
    } else if (what < 850) {
      sync_any();
    } else if (what < 930) {
      device.connect(*mesh_, now_);
    } else if (what < 950) {
      device.break_connection(now_);
    } else if (what < 990) {
      checkpoint_step();
    } else if (what < 999 && chance(crashes_of_hundred_)) {
      crash();
    }
    if (chance(30)) turn_disks();
    end_turn();
  }

  void checkpoint_step() {
    if (!log_->checkpointing()) {
      log_->begin_checkpoint();
      checkpointing_.assign(count_, Checkpointing::asked);
      return;
    }
    const std::size_t at = dice_() % count_;
    if (checkpointing_[at] == Checkpointing::asked) {
      mesh_->shard(at).begin_checkpoint();
      checkpointing_[at] = Checkpointing::begun;
    } else if (checkpointing_[at] == Checkpointing::begun &&
               mesh_->shard(at).checkpoint_step(1 + dice_() % 2000, now_)) {
      checkpointing_[at] = Checkpointing::done;
      if (std::ranges::count(checkpointing_, Checkpointing::done) != std::ptrdiff_t(count_)) return;
      log_->end_checkpoint();
      ++checkpoints_;
    }
  }

  void crash() {
    ++crashes_;
    OneLog::Groups disk = log_->crash(dice_() % (log_->pending() + 1));
    for (Device* device : all_) device->lose_broker();
    drop_buffers();
    start(std::move(disk), false);
  }

  void become_subscribed() {
    for (int i = 0; i < 100; ++i) {
      for (const auto& subscriber : subscribers_) {
        subscriber->connect(*mesh_, now_);
        subscriber->read_one(now_);
      }
      end_turn();
      sync_all();
    }
    for (const auto& subscriber : subscribers_) ASSERT_TRUE(subscriber->subscribed());
  }

  /// Everybody comes back and everything is answered.
  void heal() {
    for (Device* device : all_) device->break_connection(now_);
    disks_.set_disk("broker", {});
    disks_.run_for(broker::buffer::DiskBuffer::retry_max);
    for (int quiet = 0, rounds = 0; quiet < 5 && rounds < 5000; ++rounds) {
      ++quiet;
      for (Device* device : all_) {
        device->connect(*mesh_, now_);
        while (device->has_input()) {
          device->read_one(now_);
          end_turn();
          quiet = 0;
        }
      }
      if (log_->pending() > 0) quiet = 0;
      sync_all();
      disks_.run_for(std::chrono::milliseconds{20});
      end_turn();
    }
    for (const auto& publisher : publishers_) EXPECT_TRUE(publisher->idle());
  }

  void check() {
    for (std::size_t i = 0; i < count_; ++i) {
      const broker::Counters counters = mesh_->shard(i).counters();
      EXPECT_EQ(counters.queued_messages, 0U);
      EXPECT_EQ(counters.queued_bytes, 0U);
      EXPECT_EQ(counters.buffered_messages, 0U);
      EXPECT_EQ(counters.buffered_bytes, 0U);
      EXPECT_EQ(counters.buffer_disk_bytes, 0U);
    }
    for (const auto& buffer : buffers_) EXPECT_EQ(buffer->trouble(), "");
    drop_buffers();
    for (std::size_t p = 0; p < publishers_.size(); ++p)
      for (const auto& [qos, numbers] : publishers_[p]->acknowledged)
        for (const auto& subscriber : subscribers_)
          check(fmt::format("p{}/{}", p + 1, int(qos)), qos, numbers, *subscriber);
  }
  void check(const std::string& from, Qos qos, const std::set<int>& acknowledged,
             const Device& subscriber) {
    const auto found = subscriber.received.find(from);
    const std::vector<int> came =
        found == subscriber.received.end() ? std::vector<int>() : found->second;
    std::set<int> known;
    int last = 0;
    for (const int number : came) {
      if (!known.insert(number).second) {
        if (qos == Qos::exactly_once) ADD_FAILURE() << from << ": " << number << " came twice";
        continue;
      }
      EXPECT_GT(number, last) << from << ": out of order";
      last = number;
    }
    for (const int number : acknowledged)
      EXPECT_TRUE(known.contains(number)) << from << ": " << number << " was lost";
  }

  std::mt19937 dice_;
  std::size_t count_;
  bool is_buffered_;
  unsigned crashes_of_hundred_;
  MonoTime now_{std::chrono::hours{1}};
  std::unique_ptr<OneLog> log_;
  net::SimWorld disks_;
  std::vector<std::unique_ptr<broker::buffer::DiskBuffer>> buffers_;  ///< outlive the shards
  std::unique_ptr<LocalMesh> mesh_;
  std::vector<std::unique_ptr<Device>> publishers_;
  std::vector<std::unique_ptr<Device>> subscribers_;
  std::vector<Device*> all_;
  enum class Checkpointing { asked, begun, done };
  std::vector<Checkpointing> checkpointing_;
  int crashes_ = 0;
  int checkpoints_ = 0;
  std::uint64_t transfers_ = 0;
  std::uint64_t failed_transfers_ = 0;
};

void run_seeds(std::size_t shards, bool buffered = false) {
  wireway::log::set_level(wireway::log::Level::off);
  const int first = from_environment("WIREWAY_SEED", 1);
  const int seeds = from_environment("WIREWAY_SEEDS", 300);
  int crashes = 0;
  int checkpoints = 0;
  std::uint64_t transfers = 0;
  std::uint64_t failed = 0;
  for (int seed = first; seed < first + seeds; ++seed) {
    SCOPED_TRACE(fmt::format("WIREWAY_SEED={} WIREWAY_SEEDS=1, {} shards", seed, shards));
    World world(std::uint32_t(seed), shards, buffered);
    world.run(1500);
    crashes += world.crashes();
    checkpoints += world.checkpoints();
    transfers += world.transfers();
    failed += world.failed_transfers();
    if (testing::Test::HasFailure()) return;
  }
  fmt::print("{} runs, {} crashes, {} checkpoints, {} transfers to and from disk, {} failed\n",
             seeds, crashes, checkpoints, transfers, failed);
  EXPECT_GT(crashes, seeds);
  EXPECT_GT(checkpoints, seeds / 10);
  EXPECT_TRUE(!buffered || transfers > std::uint64_t(seeds));
}

TEST(DurabilitySimulation, one_shard_loses_and_repeats_nothing) { run_seeds(1); }
TEST(DurabilitySimulation, three_shards_lose_and_repeat_nothing) { run_seeds(3); }
TEST(DurabilitySimulation, long_queues_on_disk_lose_and_repeat_nothing) { run_seeds(1, true); }
TEST(DurabilitySimulation, nor_do_they_on_three_shards) { run_seeds(3, true); }

}  // namespace
}  // namespace wireway
