// Goal: on any sequence of commands the store agrees with a model of a few lines; a listener that
// applies its notices has what GET gives; versions only grow; and the records lead to the same
// store.
// Method: random commands over few keys and values, so that they meet; a seed tells each run.

#include <random>

#include <gtest/gtest.h>

#include "broker/state_store/store.h"

namespace wireway::broker::state_store {
namespace {

struct Modelled {
  std::string value;
  std::optional<MonoTime> deadline;
  std::optional<std::uint64_t> token_ms;
};

/// What the protocol's page says, without its wire: absent after its deadline, fence before
/// condition.
class Model {
 public:
  std::string set(const Command& command, std::optional<std::uint64_t> token, MonoTime now) {
    drop_due(command.key, now);
    const auto at = keys_.find(std::string(command.key));
    const bool exists = at != keys_.end();
    if (exists && at->second.token_ms) {
      if (!token) return error_reply(errors::fencing_token_required);
      if (*token < *at->second.token_ms) return error_reply(errors::fencing_token_older);
    }
    if (exists && command.condition == Condition::if_absent) return ":-1\r\n";
    if (exists && command.condition == Condition::if_absent_or_equal &&
        at->second.value != command.value)
      return ":-1\r\n";
    Modelled& entry = keys_[std::string(command.key)];
    entry.value = std::string(command.value);
    entry.deadline.reset();
    if (command.expiry_ms) entry.deadline = now + std::chrono::milliseconds{*command.expiry_ms};
    if (token) entry.token_ms = token;
    return "+OK\r\n";
  }
  std::string del(const Command& command, std::optional<std::uint64_t> token, MonoTime now) {
    drop_due(command.key, now);
    const auto at = keys_.find(std::string(command.key));
    if (at == keys_.end()) return ":0\r\n";
    if (at->second.token_ms) {
      if (!token) return error_reply(errors::fencing_token_required);
      if (*token < *at->second.token_ms) return error_reply(errors::fencing_token_older);
    }
    if (command.verb == Verb::vdel && at->second.value != command.value) return ":-1\r\n";
    keys_.erase(at);
    return ":1\r\n";
  }
  std::string get(std::string_view key, MonoTime now) {
    drop_due(key, now);
    const auto at = keys_.find(std::string(key));
    return at == keys_.end() ? nothing_reply() : blob_reply(at->second.value);
  }

 private:
  void drop_due(std::string_view key, MonoTime now) {
    const auto at = keys_.find(std::string(key));
    if (at != keys_.end() && at->second.deadline && *at->second.deadline <= now) keys_.erase(at);
  }
  std::map<std::string, Modelled> keys_;
};

class Trial {
 public:
  explicit Trial(std::uint64_t seed) : random_(seed) {}

  void step() {
    const Duration time = std::chrono::milliseconds{pick(4)};
    now_ = {now_.mono + time, now_.wall + time};
    if (pick(10) == 0) note(store_.expire(now_));
    const std::string payload = command();
    const auto token_ms = pick(3) == 0 ? std::optional<std::uint64_t>(1 + pick(5)) : std::nullopt;
    const auto token = token_ms ? std::optional(std::to_string(*token_ms) + ":0:t") : std::nullopt;
    const std::string timestamp = std::to_string(1'000'000 + pick(50'000)) + ":0:c";
    const Outcome out = store_.execute({payload, timestamp, token, true, false, asker_}, now_);
    const Command parsed = *parse_command(payload);
    std::string expected;
    if (parsed.verb == Verb::set) expected = model_.set(parsed, token_ms, now_.mono);
    if (parsed.verb == Verb::get) expected = model_.get(parsed.key, now_.mono);
    if (writes(parsed.verb) && parsed.verb != Verb::set)
      expected = model_.del(parsed, token_ms, now_.mono);
    ASSERT_EQ(out.reply, expected) << payload;
    note(out);
  }
  void listen() {
    for (const std::string& key : keys_) {
      const std::string_view words[] = {"KEYNOTIFY", key};
      ASSERT_EQ(store_.execute({array_of(words), {}, {}, true, false, asker_}, now_).reply,
                "+OK\r\n");
    }
  }
  void check_end() {
    note(store_.expire(now_));
    Store again{1 << 20};
    for (const Change& record : records_) {
      Bytes bytes;
      append(record, bytes);
      again.restore(*decode_change(bytes), now_);
    }
    for (const std::string& key : keys_) {
      const std::string_view words[] = {"GET", key};
      const std::string payload = array_of(words);
      const Request get{payload, {}, {}, true, false, asker_};
      const Outcome out = store_.execute(get, now_);
      EXPECT_EQ(out.reply, told_.contains(key) ? blob_reply(told_[key]) : nothing_reply());
      const Outcome restored = again.execute(get, now_);
      EXPECT_EQ(restored.reply, out.reply);
      EXPECT_EQ(restored.version, out.version);
    }
    EXPECT_EQ(again.counters().keys, store_.counters().keys);
    EXPECT_EQ(again.next_expiry(), store_.next_expiry());
  }

 private:
  std::uint64_t pick(std::uint64_t count) { return random_() % count; }
  std::string command() {
    const std::string& key = keys_[pick(keys_.size())];
    const std::string value(1, static_cast<char>('a' + pick(3)));
    std::vector<std::string_view> words;
    const std::string expiry = std::to_string(1 + pick(20));
    switch (pick(4)) {
      case 0: words = {"GET", key}; break;
      case 1: words = {"DEL", key}; break;
      case 2: words = {"VDEL", key, value}; break;
      default:
        words = {"SET", key, value};
        if (const auto which = pick(3); which > 0) words.emplace_back(which == 1 ? "NX" : "NEX");
        if (pick(2) == 0) words.insert(words.end(), {"PX", expiry});
    }
    return array_of(words);
  }
  void note(const Outcome& out) {
    for (const Notice& notice : out.notices) {
      ASSERT_GT(notice.version, last_told_) << "notices come in the order of their versions";
      last_told_ = notice.version;
      const auto words = parse_request(notice.payload);
      ASSERT_TRUE(words);
      if ((*words)[1] == "SET")
        told_[notice.key] = std::string((*words)[3]);
      else
        ASSERT_EQ(told_.erase(notice.key), 1U) << "what is deleted was there";
    }
    records_.insert(records_.end(), out.changes.begin(), out.changes.end());
  }

  std::mt19937_64 random_;
  Store store_{1 << 20};
  Model model_;
  Now now_{{}, {std::chrono::milliseconds{1'000'000}}};
  Listener asker_{"c", 1, false};
  std::vector<std::string> keys_{"k", "l", "m"};
  std::map<std::string, std::string> told_;
  std::vector<Change> records_;
  Hlc last_told_;
};

TEST(StoreProperty, agrees_with_the_model_its_notices_and_its_records) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Trial trial{seed};
    trial.listen();
    for (int step = 0; step < 300 && !::testing::Test::HasFatalFailure(); ++step) trial.step();
    trial.check_end();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace wireway::broker::state_store
