// Plays the dialogues of mqtt/*.txt against the session core: every case on one shard and on three.

#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "conformance/local_mesh.h"
#include "conformance/packets.h"
#include "conformance/peer.h"

namespace wireway::conformance {
namespace {

/// Plays one case.
class Stage {
 public:
  Stage(const Case& script, std::size_t shards) : script_(script), mesh_(shards) {}
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
  std::string place(const Step& step) const {
    return fmt::format("{}:{}", script_.file, step.line);
  }

  Peer& peer(const std::string& name) { return peers_.try_emplace(name, mesh_).first->second; }

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
    if (step.words.get("v") == "4") to.set_version(Version::v311);
    const auto bytes = scripted_packet(step.words, to.version());
    ASSERT_TRUE(bytes) << place(step) << ": no such packet: " << step.words.verb;
    to.say(*bytes, now_);
  }

  void expect(const Step& step) {
    const auto packet = peer(step.who).next();
    ASSERT_TRUE(packet) << place(step) << ": nothing came, expected " << step.words.verb;
    EXPECT_EQ(packet->at(""), step.words.verb) << place(step) << ": came " << to_string(*packet);
    for (const auto& [key, value] : step.words.pairs) {
      const bool absent = key.ends_with('!');
      const auto found = packet->find(absent ? key.substr(0, key.size() - 1) : key);
      if (absent) {
        EXPECT_EQ(found, packet->end()) << place(step) << ": came " << to_string(*packet);
      } else {
        EXPECT_TRUE(found != packet->end() && found->second == value)
            << place(step) << ": expected " << key << "=" << value << ", came "
            << to_string(*packet);
      }
    }
  }

  const Case& script_;
  LocalMesh mesh_;
  std::map<std::string, Peer> peers_;
  MonoTime now_{std::chrono::hours{1}};
};

class Conformance : public ::testing::Test {
 public:
  Conformance(const Case& script, std::size_t shards) : script_(script), shards_(shards) {}
  void TestBody() override { Stage(script_, shards_).play(); }

 private:
  const Case& script_;
  std::size_t shards_;
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

void register_cases() {
  for (const Case& one : all_cases()) {
    for (const std::size_t shards : {1, 3}) {
      const std::string suite = fmt::format("{} on {} shards", one.file, shards);
      ::testing::RegisterTest(
          suite.c_str(), one.name.c_str(), nullptr, nullptr, one.file.c_str(), one.line,
          [&one, shards]() -> Conformance* {
            return std::make_unique<Conformance>(one, shards).release();  // GoogleTest owns it
          });
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
