// Plays the dialogues of mqtt/*.txt against the session core: every case on one shard and on three,
// without persistence and with, in each version whose statements it names.

#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "conformance/local_mesh.h"
#include "conformance/packets.h"
#include "conformance/peer.h"
#include "simulation/memory_journal.h"

namespace wireway::conformance {
namespace {

/// What the case demands of the broker's settings.
broker::Settings settings_of(const Case& script, bool persistent) {
  broker::Settings settings;
  settings.persistence.enabled = persistent;
  for (const Step& step : script.steps) {
    if (step.kind != Step::Kind::broker) continue;
    const auto set = [&step](const std::string& key, auto& slot) {
      using Slot = std::remove_cvref_t<decltype(slot)>;
      if (step.words.has(key)) slot = Slot(step.words.number(key));
    };
    set("receive_maximum", settings.receive_maximum);
    set("alias_maximum", settings.topic_alias_maximum);
    set("keep_alive_maximum", settings.keep_alive_s_max);
    set("packet_maximum", settings.packet_bytes_max);
    set("queue_bytes", settings.queued_bytes_max);
    set("session_expiry_maximum", settings.session_expiry_s_max);
    set("message_expiry_maximum", settings.message_expiry_s_max);
  }
  return settings;
}

/// How a client of that version sees what the words of version 5 say: 3.1.1 knows one reason to
/// refuse a filter and none in UNSUBACK.
std::optional<std::string> seen_by(Version version, const Words& words, const std::string& key,
                                   const std::string& value) {
  if (version == Version::v5 || key != "reasons") return value;
  if (words.verb == "unsuback") return std::nullopt;
  std::string seen = value;
  for (std::size_t at = 0; at < seen.size(); at += 3)
    if (seen[at] >= '8') seen.replace(at, 2, "80");
  return seen;
}

/// How a case is played.
struct Setting {
  std::size_t shards = 1;
  Version version = Version::v5;
  bool persistent = false;
};

/// Plays one case.
class Stage {
 public:
  Stage(const Case& script, const Setting& setting)
      : script_(script),
        version_(setting.version),
        mesh_(setting.shards, settings_of(script, setting.persistent)) {
    if (setting.persistent) record();
  }
  ~Stage() {
    for (auto& [name, peer] : peers_) peer.leave(now_);
  }

  void play() {
    for (const Step& step : script_.steps) {
      play(step);
      if (::testing::Test::HasFailure()) return;
    }
  }

 private:
  /// The shards have a log whose disk takes everything as soon as they are at rest.
  void record() {
    log_ = std::make_unique<simulation::OneLog>(mesh_.count(), simulation::OneLog::Groups{});
    for (std::size_t i = 0; i < mesh_.count(); ++i) {
      mesh_.shard(i).set_wall(WallTime{std::chrono::hours{500'000}}, now_);
      mesh_.shard(i).record_to(log_->journal(i));
    }
    mesh_.set_before_mail([this] { log_->take_groups(); });
    mesh_.when_at_rest([this] { return sync(); });
  }
  /// True if a shard learnt of it.
  bool sync() {
    log_->take_groups();
    while (log_->pending() > 0) log_->sync_one();
    bool told = false;
    for (std::size_t i = 0; i < mesh_.count(); ++i) {
      if (!log_->tell(i)) continue;
      mesh_.shard(i).on_durable(now_);
      told = true;
    }
    return told;
  }

  std::string place(const Step& step) const {
    return fmt::format("{}:{}", script_.file, step.line);
  }

  Peer& peer(const std::string& name) {
    const auto [found, is_new] = peers_.try_emplace(name, mesh_);
    if (is_new) found->second.set_version(version_);
    return found->second;
  }

  void play(const Step& step) {
    switch (step.kind) {
      case Step::Kind::send: return send(step);
      case Step::Kind::expect: return expect(step);
      case Step::Kind::silent: {
        const auto packet = peer(step.who).next();
        EXPECT_FALSE(packet) << place(step) << ": unexpected " << to_string(*packet);
        return;
      }
      case Step::Kind::closed:
        EXPECT_TRUE(peer(step.who).closed()) << place(step) << ": the connection is still open";
        return;
      case Step::Kind::open:
        EXPECT_FALSE(peer(step.who).closed()) << place(step) << ": the connection is closed";
        return;
      case Step::Kind::lost: return peer(step.who).leave(now_);
      case Step::Kind::wait: return wait(std::chrono::milliseconds{step.wait_ms});
      case Step::Kind::broker: return;  // settings_of() has read it
    }
  }

  void wait(Duration span) {
    now_ = now_ + span;
    mesh_.tick(now_);
    for (auto& [name, one] : peers_)
      if (one.closed()) one.leave(now_);
  }

  void send(const Step& step) {
    Peer& to = peer(step.who);
    if (step.words.has("v")) to.set_version(Version(step.words.number("v")));
    const auto bytes = scripted_packet(step.words, to.version());
    ASSERT_TRUE(bytes) << place(step) << ": no such packet: " << step.words.verb;
    to.say(*bytes, now_);
  }

  void expect(const Step& step) {
    Peer& from = peer(step.who);
    if (step.words.verb == "hex") return expect_bytes(step, from);
    const auto packet = from.next();
    const bool refusal = step.words.verb == "refusal";
    if ((refusal || step.words.verb == "disconnect") && from.version() == Version::v311) {
      EXPECT_FALSE(packet) << place(step) << ": 3.1.1 closes without a word, came "
                           << to_string(*packet);
      return;
    }
    ASSERT_TRUE(packet) << place(step) << ": nothing came, expected " << step.words.verb;
    EXPECT_EQ(packet->at(""), refusal ? "connack" : step.words.verb)
        << place(step) << ": came " << to_string(*packet);
    for (const auto& [key, value] : step.words.pairs) {
      const bool absent = key.ends_with('!');
      const auto found = packet->find(absent ? key.substr(0, key.size() - 1) : key);
      if (absent) {
        EXPECT_EQ(found, packet->end()) << place(step) << ": came " << to_string(*packet);
      } else if (const auto wanted = seen_by(from.version(), step.words, key, value)) {
        EXPECT_TRUE(found != packet->end() && found->second == *wanted)
            << place(step) << ": expected " << key << "=" << *wanted << ", came "
            << to_string(*packet);
      }
    }
  }

  void expect_bytes(const Step& step, Peer& from) {
    const auto wanted = scripted_packet(step.words, from.version());
    const Bytes came = from.next_bytes();
    EXPECT_EQ(hex_encode(came), hex_encode(*wanted)) << place(step);
  }

  const Case& script_;
  Version version_;
  MonoTime now_{std::chrono::hours{1}};
  std::unique_ptr<simulation::OneLog> log_;
  LocalMesh mesh_;
  std::map<std::string, Peer> peers_;
};

class Conformance : public ::testing::Test {
 public:
  Conformance(const Case& script, const Setting& setting) : script_(script), setting_(setting) {}
  void TestBody() override { Stage(script_, setting_).play(); }

 private:
  const Case& script_;
  Setting setting_;
};

/// Every case of every file, in order; ends the program if a file cannot be read as dialogues.
const std::vector<Case>& all_cases() {
  static const std::vector<Case> cases = [] {
    std::vector<Case> all;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(CONFORMANCE_FOLDER))
      files.push_back(entry.path());
    std::ranges::sort(files);
    for (const auto& file : files) {
      std::stringstream text;
      text << std::ifstream(file).rdbuf();
      auto parsed = parse_dialogues(file.filename(), text.str());
      if (!parsed) {
        fmt::print(stderr, "{}\n", parsed.error().message);
        std::exit(1);
      }
      std::ranges::move(*parsed, std::back_inserter(all));
    }
    return all;
  }();
  return cases;
}

void register_case(const Case& one, const Setting& setting) {
  const bool v5 = setting.version == Version::v5;
  const std::string suite = fmt::format("{} on {} shards by {}{}", one.file, setting.shards,
                                        v5 ? "5" : "3.1.1", setting.persistent ? ", kept" : "");
  std::string name = one.name;
  for (const std::string& statement : v5 ? one.of_v5 : one.of_v311) name += " " + statement;
  ::testing::RegisterTest(
      suite.c_str(), name.c_str(), nullptr, nullptr, one.file.c_str(), one.line,
      [&one, setting]() -> Conformance* {
        return std::make_unique<Conformance>(one, setting).release();  // GoogleTest owns it
      });
}

void register_cases() {
  for (const Case& one : all_cases()) {
    for (const std::size_t shards : {1, 3}) {
      for (const bool persistent : {false, true}) {
        if (!one.of_v5.empty() || one.of_v311.empty())
          register_case(one, {shards, Version::v5, persistent});
        if (!one.of_v311.empty()) register_case(one, {shards, Version::v311, persistent});
      }
    }
  }
}

}  // namespace
}  // namespace wireway::conformance

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  wireway::conformance::register_cases();
  return RUN_ALL_TESTS();
}
