// Goal: whatever was acknowledged is there after kill -9 at any instant, under its revision; the
// revisions have no gap, and a watch goes on behind the last one that it has seen.
//
// WIREWAY_CRASHES=N makes it N crashes instead of 50.

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "control/store/store.h"

namespace wireway::control {
namespace {

const std::string kept = "assets.example.com";             ///< every revision
const std::string trimmed = "leases.coordination.k8s.io";  ///< the newest one alone
constexpr std::uint64_t batch_max = 8;

/// What the writer says once the commit of a write is back.
struct Acknowledged {
  std::int64_t number = 0;
  std::int64_t previous = 0;
  std::uint64_t body = 0;  ///< its hash
  bool is_kept = false;
};

std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text); }

std::unique_ptr<Store> open(const std::string& path) {
  constexpr std::int64_t all = 1'000'000;
  auto store = Store::open(
      {.path = path, .history = {.revisions_max = all, .status_max = all, .tombstones_max = all}});
  EXPECT_TRUE(store.has_value()) << (store ? "" : store.error().message);
  return store ? std::move(*store) : nullptr;
}

/// One write of some object: created, updated, deleted or its status.
Result<Acknowledged> write_something(Store& store, std::mt19937_64& random) {
  const bool is_kept = random() % 4 != 0;
  const StoreKey key{is_kept ? kept : trimmed, "default", fmt::format("o{}", random() % 12)};
  auto living = store.get(key);
  if (!living) return std::unexpected(living.error());
  const std::int64_t previous = *living ? (*living)->number : 0;
  const Change change = previous == 0       ? Change::created
                        : random() % 6 == 0 ? Change::deleted
                        : random() % 3 == 0 ? Change::status
                                            : Change::updated;
  json::object object{
      {"metadata", {{"name", key.name}}},
      {"value", std::string(random() % 6000, static_cast<char>('a' + random() % 26))}};
  auto put = store.put({key, change, previous, WallTime{}, "me", "test"}, object);
  if (!put) return std::unexpected(put.error());
  return Acknowledged{(*put)->number, previous, hash_of((*put)->body), is_kept};
}

/// Writes in batches until it is killed.
[[noreturn]] void write_for_ever(const std::string& path, int out, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  auto store = open(path);
  if (!store) _exit(1);
  for (;;) {
    std::vector<Acknowledged> batch;
    for (std::uint64_t left = random() % batch_max + 1; left > 0; --left) {
      auto done = write_something(*store, random);
      if (!done) _exit(2);
      batch.push_back(*done);
    }
    if (!store->commit()) _exit(3);
    const auto bytes = static_cast<ssize_t>(batch.size() * sizeof(Acknowledged));
    if (write(out, batch.data(), static_cast<std::size_t>(bytes)) != bytes) _exit(4);
  }
}

class CrashTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "wireway-crash-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/state.db";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// Runs a writer, kills it after about `writes` writes and `spin` more, and takes down what it
  /// said.
  void crash(std::uint64_t writes, std::chrono::microseconds spin, std::uint64_t seed) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_for_ever(path_, ends[1], seed);
    close(ends[1]);
    std::uint64_t heard = 0;
    while (heard < writes && take_down(ends[0])) ++heard;
    const auto until = std::chrono::steady_clock::now() + spin;
    while (std::chrono::steady_clock::now() < until) {
    }
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << WEXITSTATUS(status);
    while (take_down(ends[0])) {
    }
    close(ends[0]);
  }

  bool take_down(int from) {
    Acknowledged one;
    if (read(from, &one, sizeof one) != sizeof one) return false;
    EXPECT_EQ(acknowledged_.count(one.number), 0u) << "acknowledged twice";
    acknowledged_[one.number] = one;
    return true;
  }

  std::int64_t last_acknowledged() const {
    return acknowledged_.empty() ? 0 : acknowledged_.rbegin()->first;
  }

  /// What a restarted server finds. `seen` is where a watch of the kept kind stood.
  void check(std::int64_t seen) {
    auto store = open(path_);
    ASSERT_NE(store, nullptr);
    const std::int64_t newest = store->revision();
    ASSERT_GE(newest, last_acknowledged());
    ASSERT_LE(newest, last_acknowledged() + static_cast<std::int64_t>(batch_max));
    // A batch that was durable but not acknowledged any more is there whole.
    for (std::int64_t n = last_acknowledged() + 1; n <= newest; ++n) unspoken_.insert(n);
    auto later = store->since(kept, seen);
    ASSERT_TRUE(later) << later.error().message;
    std::set<std::int64_t> told;
    for (const RevisionRef& revision : *later) {
      told.insert(revision->number);
      const auto known = acknowledged_.find(revision->number);
      if (known == acknowledged_.end()) continue;
      EXPECT_EQ(hash_of(revision->body), known->second.body) << revision->number;
      EXPECT_EQ(revision->previous, known->second.previous) << revision->number;
    }
    for (std::int64_t n = seen + 1; n <= newest; ++n) {
      const auto known = acknowledged_.find(n);
      ASSERT_TRUE(known != acknowledged_.end() || unspoken_.contains(n)) << "a gap at " << n;
      const bool is_told = known != acknowledged_.end() ? known->second.is_kept : told.contains(n);
      EXPECT_EQ(told.contains(n), is_told) << "revision " << n;
    }
    check_living(*store);
  }

  /// The living object is its newest revision.
  static void check_living(Store& store) {
    for (const std::string& resource : {kept, trimmed}) {
      auto page = store.list(resource, {});
      ASSERT_TRUE(page);
      for (const Revision& living : page->items) {
        auto past = store.history(living.key, 1);
        ASSERT_TRUE(past && !past->empty());
        EXPECT_EQ(past->front().number, living.number);
        EXPECT_EQ(past->front().body, living.body);
        EXPECT_NE(living.change, Change::deleted);
      }
    }
  }

  std::string folder_;
  std::string path_;
  std::map<std::int64_t, Acknowledged> acknowledged_;
  std::set<std::int64_t> unspoken_;  ///< committed, and killed before a word
};

TEST_F(CrashTest, every_acknowledged_write_survives_kill_9_at_any_instant) {
  const char* asked = std::getenv("WIREWAY_CRASHES");
  const int crashes = asked != nullptr ? std::atoi(asked) : 50;
  std::mt19937_64 random(20261123);
  std::int64_t seen = 0;
  for (int i = 0; i < crashes && !HasFatalFailure(); ++i) {
    SCOPED_TRACE(fmt::format("crash {}", i));
    // Every few rounds while it opens and recovers, else in the midst of writing.
    const std::uint64_t writes = random() % 5 == 0 ? 0 : random() % 60;
    crash(writes, std::chrono::microseconds{random() % 4000}, random());
    check(seen);
    seen = last_acknowledged() > 0 ? static_cast<std::int64_t>(random() % last_acknowledged()) : 0;
  }
  check(0);
  EXPECT_GT(acknowledged_.size(), static_cast<std::size_t>(crashes));
  RecordProperty("acknowledged", static_cast<int>(acknowledged_.size()));
  RecordProperty("unspoken", static_cast<int>(unspoken_.size()));
}

}  // namespace
}  // namespace wireway::control
