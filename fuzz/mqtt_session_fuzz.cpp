// The session core under random packets, losses and waits of four clients on two shards: it never
// breaks a belief of its own, writes only whole packets that a client of that version may receive,
// and never has more QoS 1 and 2 messages unacknowledged than the client allows.

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>

#include "base/assert.h"
#include "conformance/peer.h"

namespace {

using namespace wireway;
using conformance::LocalMesh;
using conformance::Peer;
using conformance::Words;
namespace mqtt = wire::mqtt;

constexpr std::array<const char*, 6> topics = {"a", "a/b", "$x/y", "c", "a/b/c", ""};
constexpr std::array<const char*, 8> filters = {"a",   "#",    "a/#",        "+",
                                                "a/+", "$x/#", "$share/g/a", "$share/h/#"};

/// Takes the input as a list of small choices.
class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : data_(data, size) {}
  bool empty() const { return data_.empty(); }
  unsigned below(unsigned bound) {
    if (data_.empty()) return 0;
    const unsigned value = data_[0];
    data_ = data_.subspan(1);
    return value % bound;
  }
  ByteView bytes(std::size_t count) {
    const ByteView taken = data_.first(std::min(count, data_.size()));
    data_ = data_.subspan(taken.size());
    return taken;
  }

 private:
  ByteView data_;
};

/// One of the four clients, over all its connections.
struct Actor {
  std::string identifier;
  std::unique_ptr<Peer> peer;
  unsigned receive_maximum = 65535;
  std::set<std::string> unacknowledged{};
};

class World {
 public:
  explicit World(Choices choices) : choices_(choices), mesh_(2, settings()) {
    for (const char* name : {"p", "q", "r", "s"})
      actors_.push_back({.identifier = name, .peer = {}});
  }
  ~World() {
    for (Actor& actor : actors_) drop(actor);
  }

  void run() {
    while (!choices_.empty()) {
      Actor& actor = actors_[choices_.below(4)];
      step(actor);
      for (Actor& one : actors_) read(one);
    }
  }

 private:
  static broker::Settings settings() {
    broker::Settings settings;
    settings.receive_maximum = 4;
    settings.queued_bytes_max = 64 * 1024;
    settings.queue_messages_max = 20;
    settings.drop_oldest = true;
    return settings;
  }

  void drop(Actor& actor) {
    if (actor.peer) actor.peer->leave(now_);
    actor.peer.reset();
  }

  void say(Actor& actor, const char* verb, std::vector<std::pair<std::string, std::string>> pairs) {
    Words words{.verb = verb, .pairs = std::move(pairs), .rest = ""};
    const auto bytes = conformance::scripted_packet(words, actor.peer->version());
    actor.peer->say(*bytes, now_);
  }

  void connect(Actor& actor) {
    const unsigned flags = choices_.below(64);
    drop(actor);
    actor.peer = std::make_unique<Peer>(mesh_);
    actor.peer->set_version((flags & 1) != 0 ? mqtt::Version::v5 : mqtt::Version::v311);
    actor.receive_maximum = (flags & 3) == 3 ? 2 : 65535;
    actor.unacknowledged.clear();
    std::vector<std::pair<std::string, std::string>> pairs = {
        {"id", actor.identifier},
        {"clean", (flags & 4) != 0 ? "1" : "0"},
        {"keep_alive", (flags & 8) != 0 ? "5" : "0"},
        {"session_expiry", (flags & 16) != 0 ? "20" : "4294967295"},
        {"receive_maximum", std::to_string(actor.receive_maximum)}};
    if ((flags & 32) != 0) {
      pairs.emplace_back("will_topic", "a/b");
      pairs.emplace_back("will_qos", "1");
      pairs.emplace_back("will_delay", "3");
    }
    say(actor, "connect", pairs);
  }

  void publish(Actor& actor) {
    const unsigned qos = choices_.below(3);
    std::vector<std::pair<std::string, std::string>> pairs = {
        {"topic", topics[choices_.below(topics.size())]},
        {"qos", std::to_string(qos)},
        {"payload", choices_.below(4) == 0 ? "" : "x"}};
    if (qos > 0) pairs.emplace_back("id", std::to_string(1 + choices_.below(8)));
    const unsigned flags = choices_.below(8);
    if ((flags & 1) != 0) pairs.emplace_back("retain", "");
    if ((flags & 2) != 0) pairs.emplace_back("expiry", "4");
    if ((flags & 4) != 0) pairs.emplace_back("alias", std::to_string(choices_.below(3)));
    say(actor, "publish", pairs);
  }

  void subscribe(Actor& actor) {
    std::vector<std::pair<std::string, std::string>> pairs = {
        {"id", "9"},
        {"filter", filters[choices_.below(filters.size())]},
        {"qos", std::to_string(choices_.below(3))},
        {"handling", std::to_string(choices_.below(3))}};
    if (choices_.below(4) == 0) pairs.emplace_back("as_published", "");
    if (choices_.below(4) == 0) pairs.emplace_back("subid", "7");
    say(actor, "subscribe", pairs);
  }

  void acknowledge(Actor& actor) {
    static constexpr std::array<const char*, 4> verbs = {"puback", "pubrec", "pubrel", "pubcomp"};
    std::vector<std::pair<std::string, std::string>> pairs = {
        {"id", std::to_string(1 + choices_.below(8))}};
    const char* verb = verbs[choices_.below(verbs.size())];
    if (choices_.below(8) == 0) pairs.emplace_back("reason", "quota_exceeded");
    actor.unacknowledged.erase(pairs[0].second);
    say(actor, verb, pairs);
  }

  void step(Actor& actor) {
    const unsigned action = choices_.below(10);
    if (!actor.peer || actor.peer->closed() || action == 0) return connect(actor);
    switch (action) {
      case 1:
      case 2: return publish(actor);
      case 3: return subscribe(actor);
      case 4:
      case 5: return acknowledge(actor);
      case 6:
        return say(actor, "unsubscribe", {{"filter", filters[choices_.below(filters.size())]}});
      case 7: return drop(actor);
      case 8: return wait();
      default: return actor.peer->say(choices_.bytes(choices_.below(16)), now_);
    }
  }

  void wait() {
    now_ = now_ + std::chrono::seconds{1 + choices_.below(10)};
    mesh_.tick(now_);
    for (Actor& actor : actors_)
      if (actor.peer && actor.peer->closed()) actor.peer->leave(now_);
  }

  void read(Actor& actor) {
    if (!actor.peer) return;
    while (const auto packet = actor.peer->next()) {
      WIREWAY_ASSERT(packet->at("").find(' ') == std::string::npos, "a server sends valid packets");
      if (packet->at("") != "publish" || !packet->contains("id")) continue;
      WIREWAY_ASSERT(packet->at("qos") != "0", "an identifier means QoS 1 or 2");
      const bool fresh = actor.unacknowledged.insert(packet->at("id")).second;
      WIREWAY_ASSERT(fresh, "an identifier in use is not used again within a connection");
    }
    WIREWAY_ASSERT(actor.unacknowledged.size() <= actor.receive_maximum,
                   "the client's receive maximum holds");
  }

  Choices choices_;
  LocalMesh mesh_;
  std::vector<Actor> actors_;
  MonoTime now_{std::chrono::hours{1}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World(Choices(data, size)).run();
  return 0;
}
