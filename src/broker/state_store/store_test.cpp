// Goal: each row of the protocol's tables (commands, replies, errors, fencing, notifications,
// expiry), byte for byte.
// Method: requests and times in, replies, notices and records compared.

#include "broker/state_store/store.h"

#include <gtest/gtest.h>

namespace wireway::broker::state_store {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t start_ms = 1'696'374'425'000;

std::string request(std::initializer_list<std::string_view> words) {
  return array_of(std::vector<std::string_view>(words));
}

class StoreTest : public ::testing::Test {
 protected:
  Outcome run(std::initializer_list<std::string_view> words) {
    const std::string payload = request(words);
    Request asked{payload, timestamp, fencing_token, authorized, false, asker};
    return store.execute(asked, now);
  }
  std::string reply(std::initializer_list<std::string_view> words) { return run(words).reply; }
  std::string version(std::initializer_list<std::string_view> words) {
    const auto out = run(words).version;
    return out ? to_text(*out) : "none";
  }
  void pass(Duration time) { now = {now.mono + time, now.wall + time}; }
  static std::string stamp(std::uint64_t ms, int counter = 0) {
    return std::to_string(ms) + ":" + std::to_string(counter) + ":Client1";
  }

  Store store{1024 * 1024};
  Now now{{}, {std::chrono::milliseconds{start_ms}}};
  std::optional<std::string> timestamp = stamp(start_ms);
  std::optional<std::string> fencing_token;
  bool authorized = true;
  Listener asker{"c1", 1, false};
};

TEST_F(StoreTest, answers_the_worked_example) {
  const Outcome out = run({"SET", "LockName", "c1", "NEX", "PX", "10000"});
  EXPECT_EQ(out.reply, "+OK\r\n");
  EXPECT_EQ(to_text(*out.version), "001696374425000:00001:StateStore");
}

TEST_F(StoreTest, answers_set_and_get) {
  EXPECT_EQ(reply({"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(version({"GET", "k"}), "none") << "clients read a version as: it exists";
  EXPECT_EQ(version({"SET", "k", "abcd"}), "001696374425000:00001:StateStore");
  EXPECT_EQ(reply({"GET", "k"}), "$4\r\nabcd\r\n");
  EXPECT_EQ(version({"GET", "k"}), "001696374425000:00001:StateStore");
  EXPECT_EQ(reply({"SET", "k", ""}), "+OK\r\n");
  EXPECT_EQ(reply({"GET", "k"}), "$0\r\n\r\n");
  pass(5ms);
  EXPECT_EQ(version({"SET", "k", "x"}), "001696374425005:00000:StateStore");
  timestamp = stamp(start_ms + 60'000, 7);
  EXPECT_EQ(version({"SET", "k", "x"}), "001696374485000:00008:StateStore");
  timestamp = stamp(1);
  EXPECT_EQ(version({"SET", "k", "x"}), "001696374485000:00009:StateStore") << "the past is fine";
}

TEST_F(StoreTest, answers_conditions) {
  EXPECT_EQ(reply({"SET", "k", "a", "NX"}), "+OK\r\n");
  const std::string set_at = version({"GET", "k"});
  EXPECT_EQ(reply({"SET", "k", "a", "NX"}), ":-1\r\n");
  EXPECT_EQ(version({"SET", "k", "b", "NX"}), set_at) << "a refusal carries the current version";
  EXPECT_EQ(reply({"SET", "k", "b", "NEX"}), ":-1\r\n");
  EXPECT_EQ(version({"SET", "k", "b", "NEX"}), set_at);
  EXPECT_EQ(version({"GET", "k"}), set_at);
  EXPECT_EQ(reply({"SET", "k", "a", "NEX"}), "+OK\r\n");
  EXPECT_NE(version({"GET", "k"}), set_at) << "a renewal has a newer version";
  EXPECT_EQ(reply({"SET", "new", "a", "NEX"}), "+OK\r\n");
}

TEST_F(StoreTest, answers_del_and_vdel) {
  EXPECT_EQ(reply({"DEL", "k"}), ":0\r\n");
  EXPECT_EQ(version({"DEL", "k"}), "none");
  EXPECT_EQ(reply({"VDEL", "k", "v"}), ":0\r\n");
  const std::string set_at = version({"SET", "k", "v"});
  EXPECT_EQ(reply({"VDEL", "k", "other"}), ":-1\r\n");
  EXPECT_EQ(version({"VDEL", "k", "other"}), set_at);
  const Outcome gone = run({"VDEL", "k", "v"});
  EXPECT_EQ(gone.reply, ":1\r\n");
  EXPECT_EQ(to_text(*gone.version), set_at) << "the version of the deleted value";
  EXPECT_EQ(reply({"GET", "k"}), "$-1\r\n");
  run({"SET", "k", "v"});
  EXPECT_EQ(reply({"DEL", "k"}), ":1\r\n");
}

TEST_F(StoreTest, answers_timestamps_that_are_missing_malformed_or_ahead) {
  timestamp = std::nullopt;
  EXPECT_EQ(reply({"SET", "k", "v"}), "-ERR missing timestamp\r\n");
  EXPECT_EQ(reply({"DEL", "k"}), ":0\r\n") << "only SET needs one";
  EXPECT_EQ(reply({"GET", "k"}), "$-1\r\n");
  timestamp = "yesterday";
  EXPECT_EQ(reply({"SET", "k", "v"}), "-ERR malformed timestamp\r\n");
  timestamp = stamp(start_ms + 60'001);
  EXPECT_EQ(reply({"SET", "k", "v"}),
            "-ERR the request timestamp is too far in the future; ensure that the client and "
            "broker system clocks are synchronized\r\n");
  timestamp = stamp(start_ms);
  fencing_token = "1:2";
  EXPECT_EQ(reply({"SET", "k", "v"}), "-ERR malformed timestamp\r\n");
  fencing_token = stamp(start_ms + 60'001);
  EXPECT_EQ(reply({"SET", "k", "v"}),
            "-ERR the request fencing token timestamp is too far in the future; ensure that the "
            "client and broker system clocks are synchronized\r\n");
  EXPECT_EQ(reply({"GET", "k"}), "$-1\r\n") << "nothing was set";
}

TEST_F(StoreTest, protects_a_fenced_key) {
  const std::string required = "-ERR a fencing token is required for this request\r\n";
  const std::string older =
      "-ERR the request fencing token is a lower version than the fencing token protecting the "
      "resource\r\n";
  run({"SET", "k", "free"});
  fencing_token = stamp(500, 5);
  EXPECT_EQ(reply({"SET", "k", "v"}), "+OK\r\n") << "the first token fences the key";
  fencing_token = std::nullopt;
  EXPECT_EQ(reply({"SET", "k", "x"}), required);
  EXPECT_EQ(reply({"SET", "k", "x", "NX"}), required) << "the fence comes before the condition";
  EXPECT_EQ(reply({"DEL", "k"}), required);
  EXPECT_EQ(reply({"VDEL", "k", "v"}), required);
  EXPECT_EQ(reply({"GET", "k"}), "$1\r\nv\r\n");
  EXPECT_EQ(reply({"KEYNOTIFY", "k"}), "+OK\r\n");
  fencing_token = stamp(500, 4);
  EXPECT_EQ(reply({"SET", "k", "x"}), older);
  EXPECT_EQ(reply({"VDEL", "k", "v"}), older);
  fencing_token = stamp(500, 5);
  EXPECT_EQ(reply({"SET", "k", "same"}), "+OK\r\n");
  fencing_token = stamp(501);
  EXPECT_EQ(reply({"SET", "k", "other", "NX"}), ":-1\r\n");
  fencing_token = stamp(500, 5);
  EXPECT_EQ(reply({"SET", "k", "again"}), "+OK\r\n") << "a refused SET leaves the fence";
  fencing_token = stamp(502);
  EXPECT_EQ(reply({"SET", "k", "newer"}), "+OK\r\n");
  fencing_token = stamp(501);
  EXPECT_EQ(reply({"DEL", "k"}), older);
  fencing_token = stamp(502);
  EXPECT_EQ(reply({"DEL", "k"}), ":1\r\n");
  fencing_token = std::nullopt;
  EXPECT_EQ(reply({"SET", "k", "v"}), "+OK\r\n") << "the fence goes with the key";
}

TEST_F(StoreTest, refuses_what_is_not_granted) {
  run({"SET", "k", "v"});
  authorized = false;
  for (const auto& words : {std::initializer_list<std::string_view>{"SET", "k", "v"},
                            {"GET", "k"},
                            {"DEL", "k"},
                            {"VDEL", "k", "v"},
                            {"KEYNOTIFY", "k"},
                            {"KEYNOTIFY", "k", "STOP"}})
    EXPECT_EQ(reply(words), "-ERR not authorized\r\n");
  authorized = true;
  EXPECT_EQ(reply({"GET", "k"}), "$1\r\nv\r\n");
}

TEST_F(StoreTest, tells_of_set_del_vdel_and_expiry_in_order) {
  EXPECT_EQ(reply({"KEYNOTIFY", "SOMEKEY", "STOP"}), ":0\r\n");
  EXPECT_EQ(reply({"KEYNOTIFY", "SOMEKEY"}), "+OK\r\n");
  EXPECT_EQ(reply({"KEYNOTIFY", "SOMEKEY"}), "+OK\r\n") << "once more is once";
  const Outcome set = run({"SET", "SOMEKEY", "abc"});
  ASSERT_EQ(set.notices.size(), 1U) << "who makes the change is told too";
  EXPECT_EQ(set.notices[0].payload,
            "*4\r\n$6\r\nNOTIFY\r\n$3\r\nSET\r\n$5\r\nVALUE\r\n$3\r\nabc\r\n");
  EXPECT_EQ(set.notices[0].version, set.version);
  EXPECT_EQ(set.notices[0].key, "SOMEKEY");
  EXPECT_EQ(set.notices[0].to, asker);
  EXPECT_TRUE(run({"SET", "SOMEKEY", "abc", "NX"}).notices.empty());
  EXPECT_TRUE(run({"SET", "OTHER", "abc"}).notices.empty());
  const Outcome del = run({"DEL", "SOMEKEY"});
  ASSERT_EQ(del.notices.size(), 1U);
  EXPECT_EQ(del.notices[0].payload, "*2\r\n$6\r\nNOTIFY\r\n$6\r\nDELETE\r\n");
  EXPECT_GT(del.notices[0].version, *del.version) << "the time of the deletion";
  EXPECT_TRUE(run({"DEL", "SOMEKEY"}).notices.empty());
  run({"SET", "SOMEKEY", "abc", "PX", "10"});
  pass(10ms);
  const Outcome due = store.expire(now);
  ASSERT_EQ(due.notices.size(), 1U);
  EXPECT_EQ(due.notices[0].payload, "*2\r\n$6\r\nNOTIFY\r\n$6\r\nDELETE\r\n");
  EXPECT_EQ(reply({"KEYNOTIFY", "SOMEKEY", "STOP"}), "+OK\r\n");
  EXPECT_TRUE(run({"SET", "SOMEKEY", "abc"}).notices.empty());
  EXPECT_EQ(reply({"KEYNOTIFY", "SOMEKEY", "STOP"}), ":0\r\n");
}

TEST_F(StoreTest, tells_each_connection_that_has_asked_until_it_ends) {
  run({"KEYNOTIFY", "k"});
  run({"KEYNOTIFY", "l"});
  asker = {"c2", 7, true};
  run({"KEYNOTIFY", "k"});
  EXPECT_EQ(run({"SET", "k", "v"}).notices.size(), 2U);
  store.forget("c1", 2);
  EXPECT_EQ(run({"SET", "k", "v"}).notices.size(), 2U) << "that was another connection";
  store.forget("c1", 1);
  const Outcome out = run({"SET", "k", "v"});
  ASSERT_EQ(out.notices.size(), 1U);
  EXPECT_EQ(out.notices[0].to, asker);
  EXPECT_TRUE(run({"SET", "l", "v"}).notices.empty());
  asker = {"c2", 8, false};
  run({"KEYNOTIFY", "m"});
  EXPECT_TRUE(run({"SET", "k", "v"}).notices.empty()) << "a new connection starts with nothing";
  store.forget("c2", 7);
  EXPECT_EQ(run({"SET", "m", "v"}).notices.size(), 1U) << "late news of the old one change nothing";
  store.forget("c2", 8);
  EXPECT_EQ(store.counters().registrations, 0U);
}

TEST_F(StoreTest, lets_a_key_go_when_its_time_has_come) {
  run({"SET", "k", "v", "PX", "1000"});
  EXPECT_EQ(store.next_expiry(), now.mono + 1s);
  pass(999ms);
  EXPECT_TRUE(store.expire(now).changes.empty());
  EXPECT_EQ(reply({"GET", "k"}), "$1\r\nv\r\n");
  pass(1ms);
  const Outcome out = run({"GET", "k"});
  EXPECT_EQ(out.reply, "$-1\r\n") << "absent at once, whether expire() has come by or not";
  ASSERT_EQ(out.changes.size(), 1U);
  EXPECT_FALSE(out.changes[0].value);
  EXPECT_FALSE(store.next_expiry());
  run({"SET", "k", "v", "PX", "1000"});
  run({"SET", "k", "w"});
  EXPECT_FALSE(store.next_expiry()) << "a SET without PX clears it";
  run({"SET", "k", "v", "PX", "9223372036854775807"});
  pass(std::chrono::hours{24 * 365 * 90});
  EXPECT_EQ(reply({"GET", "k"}), "$1\r\nv\r\n");
}

TEST_F(StoreTest, ends_no_lease_because_the_wall_clock_steps) {
  run({"SET", "lock", "me", "PX", "10000"});
  now.wall = now.wall + 1h;
  EXPECT_EQ(reply({"GET", "lock"}), "$2\r\nme\r\n");
  now.wall = now.wall + -2h;
  timestamp = stamp(1);
  const Hlc before = *run({"GET", "lock"}).version;
  EXPECT_GT(*run({"SET", "lock", "me", "NEX"}).version, before) << "versions only grow";
}

TEST_F(StoreTest, goes_on_when_the_wall_clock_was_a_year_ahead_for_a_while) {
  const auto year = 365 * 24h;
  now.wall = now.wall + year;
  timestamp = stamp(start_ms + 365ULL * 24 * 3'600'000);
  const Hlc lease = *run({"SET", "lock", "me"}).version;
  const std::string token = to_text(lease);
  fencing_token = token;
  EXPECT_EQ(reply({"SET", "guarded", "1"}), "+OK\r\n");
  now.wall = now.wall + -year;
  EXPECT_EQ(reply({"SET", "guarded", "2"}), "+OK\r\n") << "who has the lock still has it";
  timestamp = stamp(start_ms);
  EXPECT_EQ(reply({"SET", "guarded", "3"}), "+OK\r\n") << "with a clock that is right by now, too";
  const Hlc next = *run({"SET", "lock", "other"}).version;
  EXPECT_GT(next, lease) << "the next one's token is higher";
  fencing_token = to_text(next);
  EXPECT_EQ(reply({"SET", "guarded", "4"}), "+OK\r\n");
  fencing_token = token;
  EXPECT_TRUE(
      reply({"SET", "guarded", "5"}).starts_with("-ERR the request fencing token is a lower"));
  fencing_token = stamp(start_ms + 366ULL * 24 * 3'600'000);
  EXPECT_TRUE(reply({"SET", "guarded", "6"}).contains("too far in the future"))
      << "nobody can take the clock further";
  timestamp = stamp(start_ms + 366ULL * 24 * 3'600'000);
  EXPECT_TRUE(reply({"SET", "k", "7"}).contains("too far in the future"));
}

TEST_F(StoreTest, expires_a_batch_at_a_time) {
  for (std::size_t at = 0; at < Store::expire_batch + 5; ++at)
    run({"SET", "k" + std::to_string(at), "v", "PX", "1"});
  pass(1ms);
  EXPECT_EQ(store.expire(now).changes.size(), Store::expire_batch);
  EXPECT_LE(*store.next_expiry(), now.mono);
  EXPECT_EQ(store.expire(now).changes.size(), 5U);
  EXPECT_EQ(store.counters().bytes, 0U);
}

TEST_F(StoreTest, refuses_what_exceeds_the_quota_and_keeps_what_is_there) {
  const std::string quota = "-ERR the quota has been exceeded\r\n";
  store.set_quota(1000 + 2 * Store::overhead_bytes);
  EXPECT_EQ(reply({"SET", "a", std::string(900, 'x')}), "+OK\r\n");
  EXPECT_EQ(reply({"SET", "b", std::string(100, 'x')}), quota);
  EXPECT_EQ(reply({"SET", "a", std::string(1800, 'x')}), quota);
  EXPECT_EQ(reply({"GET", "a"}), blob_reply(std::string(900, 'x')));
  EXPECT_EQ(reply({"SET", "b", std::string(98, 'x')}), "+OK\r\n");
  EXPECT_EQ(reply({"KEYNOTIFY", "a"}), quota);
  store.set_quota(1);
  EXPECT_EQ(reply({"SET", "a", std::string(10, 'x')}), "+OK\r\n") << "less is always welcome";
  store.set_quota(1000);
  EXPECT_EQ(reply({"KEYNOTIFY", "a"}), "+OK\r\n");
  run({"DEL", "a"});
  run({"DEL", "b"});
  run({"KEYNOTIFY", "a", "STOP"});
  EXPECT_EQ(store.counters().bytes, 0U);
  EXPECT_EQ(reply({"KEYNOTIFY", std::string(Store::notified_key_bytes_max + 1, 'x')}), quota);
}

TEST_F(StoreTest, records_changes_and_comes_back_from_them) {
  std::vector<Change> records;
  const auto note = [&records](Outcome out) {
    for (Change& change : out.changes) records.push_back(std::move(change));
  };
  note(run({"SET", "a", "1", "PX", "60000"}));
  note(run({"SET", "b", "2"}));
  fencing_token = stamp(400);
  note(run({"SET", "c", "3"}));
  fencing_token = std::nullopt;
  note(run({"SET", "d", "4", "PX", "1000"}));
  note(run({"DEL", "b"}));
  note(run({"GET", "a"}));
  EXPECT_EQ(records.size(), 5U) << "what changes nothing leaves no record";

  Store other{1024};
  Now later{{std::chrono::hours{50}}, now.wall + 10s};
  for (const Change& change : records) other.restore(change, later);
  EXPECT_EQ(other.next_expiry(), later.mono) << "d has run out meanwhile";
  EXPECT_EQ(other.expire(later).changes.size(), 1U);
  EXPECT_EQ(other.next_expiry(), later.mono + 50s);
  store = std::move(other);
  now = later;
  EXPECT_EQ(reply({"GET", "a"}), "$1\r\n1\r\n");
  EXPECT_EQ(reply({"GET", "b"}), "$-1\r\n");
  EXPECT_EQ(reply({"SET", "c", "x"}), "-ERR a fencing token is required for this request\r\n");
}

TEST_F(StoreTest, gives_all_that_lives_in_pages) {
  for (int at = 0; at < 100; ++at) run({"SET", "key" + std::to_string(at), "v", "PX", "500000"});
  run({"DEL", "key7"});
  Store other{1024 * 1024};
  std::string after;
  std::size_t pages = 0;
  for (auto page = store.page("", 2000, now); !page.empty(); page = store.page(after, 2000, now)) {
    after = page.back().key;
    for (Change& change : page) other.restore(std::move(change), now);
    ++pages;
  }
  EXPECT_GT(pages, 5U);
  EXPECT_EQ(other.counters().keys, 99U);
  EXPECT_EQ(other.counters().bytes, store.counters().bytes);
  EXPECT_EQ(other.next_expiry(), store.next_expiry());
  const Hlc before = *run({"SET", "x", "v"}).version;
  EXPECT_EQ(
      *other.execute({request({"SET", "x", "v"}), timestamp, {}, true, false, asker}, now).version,
      before)
      << "the clock comes back too, deletions included";
}

TEST_F(StoreTest, counts_attempts) {
  run({"SET", "a", "1"});
  run({"SET", "a", "2"});
  timestamp = std::nullopt;
  run({"SET", "b", "1"});
  run({"GET", "a"});
  run({"DEL", "zzz"});
  run({"KEYNOTIFY", "a"});
  run({"DEL", "a"});
  const StoreCounters counted = store.counters();
  EXPECT_EQ(counted.insertions, 2U);
  EXPECT_EQ(counted.modifications, 1U);
  EXPECT_EQ(counted.retrievals, 1U);
  EXPECT_EQ(counted.deletions, 2U);
  EXPECT_EQ(counted.keynotify_requests, 1U);
  EXPECT_EQ(counted.notifications_sent, 1U);
  EXPECT_EQ(counted.keys, 0U);
}

}  // namespace
}  // namespace wireway::broker::state_store
