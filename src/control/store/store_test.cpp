// Goal: what was committed is there after any end of the process; what was not is gone; and every
// way in which a disk can fail gives one clear line.

#include "control/store/store.h"

#include <filesystem>
#include <fstream>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace wireway::control {
namespace {

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "wireway-store-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/state.db";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Store> open(std::int64_t bytes_max = StoreOptions{}.database_bytes_max) {
    auto store = Store::open({.path = path_, .database_bytes_max = bytes_max});
    EXPECT_TRUE(store.has_value()) << (store ? "" : store.error().message);
    return store ? std::move(*store) : nullptr;
  }

  std::string folder_;
  std::string path_;
};

StoreKey key(std::string name, std::string space = "default") {
  return {"assets.example.com", std::move(space), std::move(name)};
}

Result<RevisionRef> put(Store& store, const StoreKey& at, std::int64_t previous, int value,
                        Change change = Change::updated) {
  json::object object{{"metadata", {{"name", at.name}}}, {"value", value}};
  return store.put({at, change, previous, WallTime{}, "me", "test"}, object);
}

std::int64_t must_put(Store& store, const StoreKey& at, std::int64_t previous, int value,
                      Change change = Change::updated) {
  auto written = put(store, at, previous, value, change);
  EXPECT_TRUE(written.has_value()) << (written ? "" : written.error().message);
  return written ? (*written)->number : 0;
}

TEST_F(StoreTest, gives_back_what_was_put_with_its_revision_inside) {
  auto store = open();
  const auto number = must_put(*store, key("a"), 0, 7);
  ASSERT_TRUE(store->commit());
  auto found = store->get(key("a"));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->number, number);
  EXPECT_EQ((*found)->body, R"({"metadata":{"name":"a","resourceVersion":"1"},"value":7})");
  EXPECT_EQ((*found)->author, "me");
  EXPECT_FALSE(store->get(key("b"))->has_value());
}

TEST_F(StoreTest, refuses_a_write_on_a_stale_revision) {
  auto store = open();
  const auto first = must_put(*store, key("a"), 0, 1);
  must_put(*store, key("a"), first, 2);
  auto stale = put(*store, key("a"), first, 3);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, Errc::conflict);
  EXPECT_EQ(put(*store, key("a"), 0, 3).error().code, Errc::conflict);
  EXPECT_EQ(put(*store, key("new"), 5, 3).error().code, Errc::conflict);
  EXPECT_TRUE(store->commit()) << "a conflict does not spoil the batch";
}

TEST_F(StoreTest, lists_in_order_of_namespace_and_name_page_by_page) {
  auto store = open();
  for (const char* name : {"c", "a", "b"}) must_put(*store, key(name, "two"), 0, 1);
  must_put(*store, key("z", "one"), 0, 1);
  auto first = store->list("assets.example.com", {.limit = 2});
  ASSERT_TRUE(first);
  ASSERT_EQ(first->items.size(), 2u);
  EXPECT_TRUE(first->more);
  EXPECT_EQ(first->items[0].key.name, "z");
  EXPECT_EQ(first->items[1].key.name, "a");
  auto rest =
      store->list("assets.example.com", {.after_space = "two", .after_name = "a", .limit = 2});
  ASSERT_EQ(rest->items.size(), 2u);
  EXPECT_FALSE(rest->more);
  EXPECT_EQ(rest->items[1].key.name, "c");
  EXPECT_EQ(store->list("assets.example.com", {.space = "one"})->items.size(), 1u);
  EXPECT_EQ(*store->count("assets.example.com", "two"), 3);
}

TEST_F(StoreTest, a_deleted_object_is_gone_but_its_history_stays) {
  auto store = open();
  const auto created = must_put(*store, key("a"), 0, 1, Change::created);
  const auto deleted = must_put(*store, key("a"), created, 1, Change::deleted);
  EXPECT_FALSE(store->get(key("a"))->has_value());
  EXPECT_TRUE(store->list("assets.example.com", {})->items.empty());
  const auto again = must_put(*store, key("a"), 0, 2, Change::created);
  EXPECT_GT(again, deleted);
  auto history = store->history(key("a"), 10);
  ASSERT_EQ(history->size(), 3u);
  EXPECT_EQ((*history)[1].change, Change::deleted);
  EXPECT_EQ((*history)[0].previous, 0);
}

TEST_F(StoreTest, tells_its_listener_only_after_the_commit_and_in_order) {
  auto store = open();
  std::vector<std::int64_t> heard;
  store->on_committed([&](const RevisionRef& revision) { heard.push_back(revision->number); });
  must_put(*store, key("a"), 0, 1);
  must_put(*store, key("b"), 0, 1);
  EXPECT_TRUE(heard.empty());
  ASSERT_TRUE(store->commit());
  EXPECT_EQ(heard, (std::vector<std::int64_t>{1, 2}));
}

TEST_F(StoreTest, keeps_everything_over_a_restart_and_never_reuses_a_revision) {
  auto store = open();
  const auto first = must_put(*store, key("a"), 0, 1);
  const auto last = must_put(*store, key("a"), first, 1, Change::deleted);
  ASSERT_TRUE(store->commit());
  store.reset();
  store = open();
  EXPECT_EQ(store->revision(), last);
  EXPECT_EQ(must_put(*store, key("b"), 0, 1), last + 1);
}

TEST_F(StoreTest, what_was_not_committed_is_gone_after_a_restart) {
  auto store = open();
  must_put(*store, key("a"), 0, 1);
  ASSERT_TRUE(store->commit());
  must_put(*store, key("b"), 0, 1);
  store.reset();
  store = open();
  EXPECT_TRUE(store->get(key("a"))->has_value());
  EXPECT_FALSE(store->get(key("b"))->has_value());
}

TEST_F(StoreTest, an_acknowledged_write_survives_kill_9) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {  // writes until it is killed; says each acknowledged value
    auto store = open();
    std::int64_t previous = 0;
    for (int value = 1;; ++value) {
      previous = must_put(*store, key("a"), previous, value);
      if (!store->commit()) _exit(1);
      if (write(pipe_ends[1], &value, sizeof value) != sizeof value) _exit(1);
    }
  }
  int acknowledged = 0;
  while (acknowledged < 25) ASSERT_EQ(read(pipe_ends[0], &acknowledged, sizeof acknowledged), 4);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(pipe_ends[1]);
  for (int value = 0; read(pipe_ends[0], &value, sizeof value) == 4;) acknowledged = value;
  close(pipe_ends[0]);
  auto store = open();
  auto found = store->get(key("a"));
  ASSERT_TRUE(found && *found);
  EXPECT_GE((*found)->number, acknowledged);
  EXPECT_LE((*found)->number, acknowledged + 1);
}

TEST_F(StoreTest, since_gives_later_revisions_of_the_resource_from_memory_and_from_the_table) {
  auto store = open();
  for (int i = 0; i < 5; ++i) must_put(*store, key("a" + std::to_string(i)), 0, i);
  json::object other{{"metadata", json::object()}};
  ASSERT_TRUE(store->put({{"others", "", "x"}, Change::created, 0, {}, "", ""}, other));
  ASSERT_TRUE(store->commit());
  for (int round = 0; round < 2; ++round) {
    auto later = store->since("assets.example.com", 3);
    ASSERT_TRUE(later);
    ASSERT_EQ(later->size(), 2u);
    EXPECT_EQ((*later)[0]->number, 4);
    store.reset();  // the second round reads the table
    store = open();
  }
}

TEST_F(StoreTest, keeps_the_latest_revisions_of_an_object_and_of_its_status_apart) {
  auto store = open();
  auto last = must_put(*store, key("a"), 0, 0, Change::created);
  const History keep = store->limits_of("assets.example.com");
  for (int i = 0; i < 5; ++i) last = must_put(*store, key("a"), last, i, Change::updated);
  for (int i = 0; i < keep.status_max + 30; ++i)
    last = must_put(*store, key("a"), last, i, Change::status);
  ASSERT_TRUE(store->commit());
  auto history = store->history(key("a"), 1000);
  EXPECT_EQ(history->size(), static_cast<std::size_t>(keep.status_max) + 6);
  for (int i = 0; i < keep.revisions_max + 30; ++i)
    last = must_put(*store, key("a"), last, i, Change::updated);
  ASSERT_TRUE(store->commit());
  EXPECT_EQ(store->history(key("a"), 1000)->size(),
            static_cast<std::size_t>(keep.status_max + keep.revisions_max));
}

TEST_F(StoreTest, says_too_old_once_a_tombstone_has_been_let_go) {
  auto store = open();
  const std::int64_t limit = store->limits_of("events").tombstones_max;
  const auto event = [](int i) { return StoreKey{"events", "default", "e" + std::to_string(i)}; };
  for (int i = 0; i < limit + 1; ++i) {
    const auto created = must_put(*store, event(i), 0, 1, Change::created);
    must_put(*store, event(i), created, 1, Change::deleted);
  }
  ASSERT_TRUE(store->commit());
  store.reset();
  store = open();
  auto gone = store->since("events", 1);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Errc::not_found);
  EXPECT_EQ(gone.error().message, "too old resource version: 1 (2)");
  EXPECT_TRUE(store->since("events", 2).has_value());
}

TEST_F(StoreTest, a_full_database_refuses_the_batch_and_goes_on_reading) {
  auto store = open(256 * 1024);
  must_put(*store, key("kept"), 0, 1);
  ASSERT_TRUE(store->commit());
  Result<RevisionRef> refused;
  for (int i = 0; i < 100 && refused; ++i) {
    json::object big{{"metadata", json::object()}, {"text", std::string(20'000, 'x')}};
    refused = store->put({key("big" + std::to_string(i)), Change::created, 0, {}, "", ""}, big);
  }
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::exhausted);
  EXPECT_EQ(refused.error().message, "cannot write " + path_ +
                                         ": the disk or the database is full; free space and try "
                                         "again");
  EXPECT_EQ(store->commit().error().code, Errc::exhausted) << "the whole batch is refused";
  EXPECT_EQ(store->revision(), 1);
  EXPECT_TRUE(store->get(key("kept"))->has_value());
  EXPECT_FALSE(store->get(key("big0"))->has_value());
  must_put(*store, key("small"), 0, 1);
  EXPECT_TRUE(store->commit()) << "a small write still fits";
}

TEST_F(StoreTest, refuses_a_file_that_another_server_has_open) {
  auto store = open();
  auto second = Store::open({.path = path_});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::conflict);
  EXPECT_EQ(second.error().message,
            "cannot open " + path_ +
                ": another process uses it; stop that one or choose another folder with --data");
}

TEST_F(StoreTest, refuses_a_file_that_is_no_database) {
  std::ofstream(path_) << std::string(8192, '?');
  auto store = Store::open({.path = path_});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::invalid);
  EXPECT_NE(store.error().message.find("damaged or no database; move it away"), std::string::npos);
}

TEST_F(StoreTest, refuses_a_missing_folder) {
  auto store = Store::open({.path = folder_ + "/missing/state.db"});
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message.find("the folder is missing or not writable"), std::string::npos);
}

TEST_F(StoreTest, refuses_a_folder_that_it_may_not_write) {
  open().reset();
  std::filesystem::permissions(
      path_, std::filesystem::perms::owner_read | std::filesystem::perms::others_read);
  std::filesystem::permissions(
      folder_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec |
                   std::filesystem::perms::others_read | std::filesystem::perms::others_exec);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {  // as nobody: root may write anywhere
    if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
    auto store = Store::open({.path = path_});
    _exit(!store && store.error().message.find("make") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
}

TEST_F(StoreTest, refuses_a_file_of_a_later_format) {
  open().reset();
  const std::string command = "python3 -c \"import sqlite3; d = sqlite3.connect('" + path_ +
                              "'); d.execute('PRAGMA user_version = 99'); d.commit()\"";
  ASSERT_EQ(std::system(command.c_str()), 0);
  auto store = Store::open({.path = path_});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::unsupported);
}

TEST_F(StoreTest, lists_every_state_that_is_kept_whole_and_refuses_older_ones) {
  auto store = open();
  const auto names = [&](std::int64_t revision) {
    std::string out;
    auto page = store->list("assets.example.com", {.revision = revision});
    if (!page) return std::string(to_string(page.error().code));
    for (const Revision& each : page->items) out += each.key.name;
    return out;
  };
  const auto a = must_put(*store, key("a"), 0, 0, Change::created);
  const auto b = must_put(*store, key("b"), 0, 0, Change::created);
  const auto gone = must_put(*store, key("a"), a, 0, Change::deleted);
  auto last = must_put(*store, key("b"), b, 1, Change::updated);
  EXPECT_EQ(names(a), "a");
  EXPECT_EQ(names(b), "ab");
  EXPECT_EQ(names(gone), "b");
  EXPECT_EQ(names(0), "b");
  EXPECT_EQ(store->list("assets.example.com", {.revision = b})->items[1].number, b);
  const History keep = store->limits_of("assets.example.com");
  for (int i = 0; i < keep.revisions_max; ++i)
    last = must_put(*store, key("b"), last, i, Change::updated);
  EXPECT_EQ(names(b), "not_found") << "revisions since then have been let go";
  EXPECT_EQ(names(last - keep.revisions_max), "not_found");
  EXPECT_EQ(names(last - keep.revisions_max + 1), "b");
}

TEST_F(StoreTest, a_backup_taken_while_running_opens_as_a_store_of_its_own) {
  auto store = open();
  const auto first = must_put(*store, key("a"), 0, 1, Change::created);
  const std::string copy = folder_ + "/copy.db";
  EXPECT_EQ(store->back_up(copy).error().code, Errc::unavailable) << "a batch is open";
  ASSERT_TRUE(store->commit());
  ASSERT_TRUE(store->back_up(copy));
  EXPECT_EQ(store->back_up(copy).error().code, Errc::conflict);
  EXPECT_EQ(std::filesystem::status(copy).permissions(), std::filesystem::perms(0600));
  must_put(*store, key("a"), first, 2);
  ASSERT_TRUE(store->commit());
  EXPECT_FALSE(store->back_up(folder_ + "/none/copy.db"));
  auto restored = Store::open({.path = copy});
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ((*restored)->revision(), first);
  EXPECT_EQ((*(*restored)->get(key("a")))->number, first);
}

}  // namespace
}  // namespace wireway::control
