// The journal on the simulated disk: order, damage, full disks, failing disks, checkpoints.
//
// WIREWAY_SEEDS=N makes it N seeds instead of 2000.

#include "broker/journal/local_journal.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "net/sim/sim_world.h"

namespace wireway::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string folder = "/data/journal";
const std::vector<std::uint8_t> some_key(32, 7);

/// One life of a journal: from open to its end or a power cut.
struct Life final : JournalHandler {
  Life(net::SimWorld& world_in, LocalJournalOptions options) : world(world_in) {
    net::Env env = world.env("broker");
    auto opened = LocalJournal::open(env.loop, env.files, std::move(options),
                                     [this](ByteView record) -> Result<> {
                                       replayed.push_back(to_text(record));
                                       return {};
                                     });
    if (!opened) {
      error = opened.error();
      return;
    }
    journal = std::move(*opened);
    journal->set_handler(*this);
  }
  void on_durable() override { ++durable_calls; }
  void on_failed(const Error& reason) override { failures.push_back(reason.message); }
  void on_recovered() override { ++recoveries; }

  /// Turns the world until all is durable.
  bool settle(Duration limit = seconds{30}) {
    return world.run_until([&] { return journal->durable() == journal->appended(); }, limit);
  }

  net::SimWorld& world;
  std::vector<std::string> replayed;
  std::optional<Error> error;
  std::vector<std::string> failures;
  int recoveries = 0;
  int durable_calls = 0;
  std::unique_ptr<LocalJournal> journal;
};

std::string record(std::uint64_t number) {
  return fmt::format("{}:{}", number, std::string(number * 7 % 90, 'r'));
}

class Journals : public ::testing::TestWithParam<bool> {
 protected:
  LocalJournalOptions options() const {
    return {.folder = folder,
            .key = GetParam() ? some_key : std::vector<std::uint8_t>{},
            .segment_bytes = 4096};
  }
  static net::Files& files(net::SimWorld& world) { return world.env("broker").files; }
  static std::vector<std::string> names(net::SimWorld& world) {
    std::vector<std::string> out;
    const auto entries = files(world).list(folder);
    for (const auto& entry : *entries)
      if (entry.name.ends_with(".log")) out.push_back(entry.name);
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(PlainAndEncrypted, Journals, ::testing::Bool(),
                         [](const auto& of) { return of.param ? "encrypted" : "plain"; });

TEST_P(Journals, gives_back_what_was_appended_in_order_over_several_lives) {
  net::SimWorld world(1);
  std::vector<std::string> all;
  for (int life = 0; life < 5; ++life) {
    Life one(world, options());
    ASSERT_FALSE(one.error) << one.error->message;
    ASSERT_EQ(one.replayed, all);
    EXPECT_EQ(one.journal->appended(), all.size());
    for (int i = 0; i < 300; ++i) {
      all.push_back(i == 7 ? "" : record(all.size()));
      EXPECT_EQ(one.journal->append(as_bytes(all.back())), all.size());
      if (i % 50 == 0) world.run_for(milliseconds{3});
    }
    ASSERT_TRUE(one.settle());
    EXPECT_GT(one.durable_calls, 3);
    EXPECT_EQ(one.journal->figures().records, 300U);
  }
  EXPECT_GT(names(world).size(), 5U) << "it goes over several segments";
}

TEST_P(Journals, gathers_a_turn_into_one_group_and_tells_once) {
  net::SimWorld world(2);
  Life life(world, options());
  for (int i = 0; i < 20; ++i) life.journal->append(as_bytes(record(1)));
  EXPECT_EQ(life.journal->durable(), 0U);
  ASSERT_TRUE(life.settle());
  EXPECT_EQ(life.journal->figures().groups, 1U);
  EXPECT_EQ(life.durable_calls, 1);
}

TEST_P(Journals, takes_records_larger_than_a_segment) {
  net::SimWorld world(3);
  const std::string large(100'000, 'L');
  {
    Life life(world, options());
    for (int i = 0; i < 3; ++i) {
      life.journal->append(as_bytes(large));
      ASSERT_TRUE(life.settle());
    }
  }
  EXPECT_EQ(Life(world, options()).replayed, std::vector<std::string>(3, large));
}

// Goal: after a power cut at any instant exactly a prefix of what was appended is there, with all
// that had been reported durable; and this goes on over many cuts of one journal.
// Method: seeds choose rhythm, cut, checkpoints and what the disk keeps of unsynced sectors; every
// other disk fails now and then; in between the process ends without a power cut, so that the next
// one finds what is not on disk.

class PowerCuts {
 public:
  PowerCuts(std::uint64_t seed, LocalJournalOptions options)
      : world_(seed), random_(seed * 31 + 7), options_(std::move(options)) {
    if (seed % 2 == 1)
      world_.set_disk("broker",
                      {.write_error_per_million = 30'000, .sync_error_per_million = 30'000});
  }

  void run(int lives) {
    for (int i = 0; i < lives && !::testing::Test::HasFatalFailure(); ++i) one_life();
  }
  std::size_t records() const { return all_.size(); }
  int checkpoints() const { return checkpoints_; }

 private:
  void one_life() {
    Life life(world_, options_);
    ASSERT_FALSE(life.error) << life.error->message;
    check(life);
    all_.resize(life.journal->appended());
    const std::uint64_t steps = random_.below(12);
    for (std::uint64_t i = 0; i < steps; ++i) {
      for (std::uint64_t n = random_.below(25); n > 0; --n) {
        all_.push_back(fmt::format("{} of life {}", record(all_.size()), lives_));
        life.journal->append(as_bytes(all_.back()));
      }
      checkpoint(life);
      if (!options_.key.empty() && random_.below(5) == 0) {
        options_.encrypted = !options_.encrypted;  // the next life begins so, too
        life.journal->set_encrypted(options_.encrypted, {});
      }
      world_.run_for(std::chrono::microseconds{random_.below(1500)});
      if (life.journal->durable() > durable_) durable_ = life.journal->durable();
    }
    // Else the process alone ends: the system still has what was not synced.
    if (random_.below(3) > 0) world_.power_cut("broker");
    begin_.reset();
    ending_ = false;
    ++lives_;
  }

  void checkpoint(Life& life) {
    if (!life.journal->checkpointing()) ending_ = false;
    const std::uint64_t chance = random_.below(8);
    if (!begin_ && !ending_ && chance == 0) {
      begin_ = life.journal->appended();
      life.journal->begin_checkpoint();
    } else if (begin_ && !ending_ && chance < 3) {
      life.journal->end_checkpoint();
      oldest_allowed_ = *begin_;
      ending_ = true;
      ++checkpoints_;
      begin_.reset();
    }
  }
  /// What was replayed is all_[start, end) with end >= durable and start a beginning that some
  /// checkpoint allows.
  void check(const Life& life) {
    const std::uint64_t end = life.journal->appended();
    ASSERT_GE(end, durable_);
    ASSERT_LE(end, all_.size());
    ASSERT_LE(life.replayed.size(), end);
    const std::uint64_t start = end - life.replayed.size();
    ASSERT_LE(start, oldest_allowed_);
    for (std::uint64_t i = start; i < end; ++i)
      ASSERT_EQ(life.replayed[i - start], all_[i]) << "record " << i;
  }

  net::SimWorld world_;
  net::SeededRandom random_;
  LocalJournalOptions options_;
  std::vector<std::string> all_;
  std::uint64_t durable_ = 0;
  std::uint64_t oldest_allowed_ = 0;
  std::optional<std::uint64_t> begin_;
  bool ending_ = false;
  int checkpoints_ = 0;
  int lives_ = 0;
};

TEST_P(Journals, keeps_every_durable_record_over_power_cuts_at_any_instant) {
  log::set_level(log::Level::off);  // thousands of torn tails
  std::size_t records = 0;
  int checkpoints = 0;
  const char* asked = std::getenv("WIREWAY_SEEDS");
  const std::uint64_t seeds = asked != nullptr ? std::strtoull(asked, nullptr, 10) : 2000;
  for (std::uint64_t seed = 0; seed < seeds && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    PowerCuts cuts(seed, options());
    cuts.run(6);
    records += cuts.records();
    checkpoints += cuts.checkpoints();
  }
  log::set_level(log::Level::info);
  EXPECT_GT(records, 50 * seeds);
  EXPECT_GT(static_cast<std::uint64_t>(checkpoints), seeds / 4);
}

/// A small journal of two segments and `count` records.
std::vector<std::string> small_journal(net::SimWorld& world, LocalJournalOptions options) {
  std::vector<std::string> all;
  options.segment_bytes = 300;
  Life life(world, std::move(options));
  for (int i = 0; i < 8; ++i) {
    all.push_back(record(static_cast<std::uint64_t>(i)));
    life.journal->append(as_bytes(all.back()));
    EXPECT_TRUE(life.settle());
  }
  return all;
}

bool is_prefix(const std::vector<std::string>& part, const std::vector<std::string>& all) {
  return part.size() <= all.size() && std::equal(part.begin(), part.end(), all.begin());
}

// Goal: a changed byte anywhere never gives a wrong record: it is an error that names the file, or
// it lies in the last frame, which cannot be told from a torn one, or behind the end.
TEST_P(Journals, finds_damage_at_every_byte) {
  net::SimWorld world(4);
  const auto all = small_journal(world, options());
  const auto segments = names(world);
  ASSERT_GE(segments.size(), 2U);
  int errors = 0;
  int torn = 0;
  for (const std::string& name : segments) {
    const std::string path = folder + "/" + name;
    const std::string whole = *files(world).read(path);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ (1 << at % 8));
      ASSERT_TRUE(files(world).replace(path, changed));
      Life life(world, options());
      ASSERT_TRUE(is_prefix(life.replayed, all)) << name << " at " << at;
      if (life.error) {
        ++errors;
        ASSERT_NE(life.error->message.find(path), std::string::npos) << life.error->message;
      } else {
        ++torn;
        ASSERT_EQ(name, segments.back());
        ASSERT_GE(life.replayed.size() + 1, all.size()) << name << " at " << at;
      }
    }
    ASSERT_TRUE(files(world).replace(path, whole));
  }
  EXPECT_GT(errors, torn);
  EXPECT_EQ(Life(world, options()).replayed, all);
}

TEST_P(Journals, refuses_a_segment_that_is_cut_short_or_missing) {
  net::SimWorld world(5);
  const auto all = small_journal(world, options());
  const auto segments = names(world);
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    const std::string path = folder + "/" + segments[i];
    const std::string whole = *files(world).read(path);
    ASSERT_TRUE(files(world).replace(path, whole.substr(0, whole.size() - 1)));
    const Life cut(world, options());
    ASSERT_TRUE(cut.error);
    EXPECT_NE(cut.error->message.find("records are missing or damaged"), std::string::npos);
    ASSERT_TRUE(files(world).remove(path));
    const Life missing(world, options());
    ASSERT_TRUE(missing.error);
    EXPECT_EQ(missing.error->code, Errc::invalid);
    ASSERT_TRUE(files(world).replace(path, whole));
  }
  EXPECT_EQ(Life(world, options()).replayed, all);
}

TEST_P(Journals, waits_for_room_on_a_full_disk_and_goes_on) {
  net::SimWorld world(6);
  std::vector<std::string> all;
  {
    Life life(world, options());
    world.set_disk("broker", {.capacity_bytes = 10'000});
    for (int i = 0; i < 400; ++i) {
      all.push_back(record(all.size()));
      life.journal->append(as_bytes(all.back()));
      if (i % 10 == 0) world.run_for(milliseconds{2});
    }
    EXPECT_FALSE(life.settle());
    EXPECT_TRUE(life.journal->failed());
    ASSERT_EQ(life.failures.size(), 1U);
    EXPECT_NE(life.failures[0].find("No space left on device; free some space"), std::string::npos);
    EXPECT_LT(life.journal->durable(), 400U);
    world.set_disk("broker", {});
    ASSERT_TRUE(life.settle(LocalJournal::retry_max + seconds{1}));
    EXPECT_FALSE(life.journal->failed());
    EXPECT_EQ(life.recoveries, 1);
  }
  EXPECT_EQ(Life(world, options()).replayed, all);
}

// Goal: what a failed sync has dropped is written anew elsewhere before it is called durable.
TEST_P(Journals, writes_the_group_of_a_failed_write_or_sync_into_a_new_segment) {
  for (std::uint64_t nth = 1; nth < 30; ++nth)
    for (const bool is_sync : {false, true}) {
      net::SimWorld world(nth);
      std::vector<std::string> all;
      Life life(world, options());
      world.set_disk("broker",
                     {.failing_write = is_sync ? 0 : nth, .failing_sync = is_sync ? nth : 0});
      for (int i = 0; i < 40; ++i) {
        all.push_back(record(all.size()));
        life.journal->append(as_bytes(all.back()));
        world.run_for(milliseconds{2});
      }
      ASSERT_TRUE(life.settle());
      EXPECT_LE(life.failures.size(), 1U);
      EXPECT_EQ(life.recoveries, static_cast<int>(life.failures.size()));
      world.power_cut("broker");
      life.journal.reset();
      const Life next(world, options());
      ASSERT_FALSE(next.error) << next.error->message;
      ASSERT_EQ(next.replayed, all) << nth << (is_sync ? " sync" : " write");
    }
}

TEST_P(Journals, says_that_a_disk_fails_and_that_it_recovers) {
  net::SimWorld world(7);
  Life life(world, options());
  life.journal->append(as_bytes("1"));
  ASSERT_TRUE(life.settle());
  world.set_disk("broker", {.write_error_per_million = 1'000'000});
  life.journal->append(as_bytes("2"));
  world.run_for(seconds{20});
  EXPECT_EQ(life.journal->durable(), 1U);
  ASSERT_EQ(life.failures.size(), 1U);
  EXPECT_NE(life.failures[0].find("Input/output error; check the disk"), std::string::npos);
  world.set_disk("broker", {});
  ASSERT_TRUE(life.settle());
  EXPECT_EQ(life.recoveries, 1);
}

TEST_P(Journals, deletes_what_a_checkpoint_has_replaced) {
  net::SimWorld world(8);
  {
    Life life(world, options());
    for (int i = 0; i < 500; ++i) life.journal->append(as_bytes(record(1)));
    ASSERT_TRUE(life.settle());
    const std::uint64_t before = life.journal->figures().bytes_on_disk;
    life.journal->begin_checkpoint();
    EXPECT_FALSE(life.journal->wants_checkpoint());
    life.journal->append(as_bytes("state"));
    ASSERT_TRUE(life.settle());
    life.journal->append(as_bytes("more state"));
    life.journal->end_checkpoint();
    world.run_for(milliseconds{20});
    EXPECT_LT(life.journal->figures().bytes_on_disk, before / 10);
    life.journal->append(as_bytes("later"));
    ASSERT_TRUE(life.settle());
  }
  Life next(world, options());
  EXPECT_EQ(next.replayed, (std::vector<std::string>{"state", "more state", "later"}));
  EXPECT_EQ(next.journal->appended(), 503U);
  next.journal->begin_checkpoint();
  next.journal->end_checkpoint();  // nothing lives any more
  world.run_for(milliseconds{20});
  next.journal.reset();
  EXPECT_TRUE(Life(world, options()).replayed.empty());
  EXPECT_EQ(names(world).size(), 1U);
}

TEST_P(Journals, fails_at_its_quota_until_a_checkpoint_makes_room) {
  net::SimWorld world(9);
  LocalJournalOptions with_quota = options();
  with_quota.quota_bytes = 40'000;
  Life life(world, with_quota);
  EXPECT_FALSE(life.journal->wants_checkpoint());
  while (!life.journal->failed() && life.journal->appended() < 5000) {
    life.journal->append(as_bytes(std::string(100, 'q')));
    world.run_for(milliseconds{2});
  }
  EXPECT_TRUE(life.journal->wants_checkpoint());
  EXPECT_GT(life.journal->figures().bytes_on_disk, 20'000U);
  EXPECT_LT(life.journal->figures().bytes_on_disk, 21'000U);
  ASSERT_EQ(life.failures.size(), 1U);
  EXPECT_NE(life.failures[0].find("its quota is 40000"), std::string::npos);
  life.journal.reset();
  Life next(world, with_quota);
  EXPECT_TRUE(next.journal->failed()) << "also after a start";
  EXPECT_EQ(next.failures.size(), 1U);
  next.journal->begin_checkpoint();
  next.journal->append(as_bytes("what lives"));
  ASSERT_TRUE(next.settle()) << "a checkpoint is written in spite of it";
  next.journal->end_checkpoint();
  world.run_for(milliseconds{20});
  EXPECT_FALSE(next.journal->failed());
  EXPECT_EQ(next.recoveries, 1);
}

TEST_P(Journals, another_quota_holds_from_now_on) {
  net::SimWorld world(9);
  Life life(world, options());
  for (int i = 0; i < 100; ++i) life.journal->append(as_bytes(std::string(100, 'q')));
  ASSERT_TRUE(life.settle());
  life.journal->set_quota(1000);
  EXPECT_TRUE(life.journal->failed());
  ASSERT_EQ(life.failures.size(), 1U);
  EXPECT_NE(life.failures[0].find("its quota is 1000"), std::string::npos);
  life.journal->set_quota(1'000'000);
  EXPECT_FALSE(life.journal->failed());
  life.journal->set_quota(1000);
  EXPECT_TRUE(life.journal->failed());
  life.journal->set_quota(0);
  EXPECT_FALSE(life.journal->failed());
  EXPECT_EQ(life.recoveries, 2);
  EXPECT_EQ(life.journal->figures().quota_bytes, 0U);
}

TEST(Journal, becomes_encrypted_and_plain_again_while_it_is_written) {
  net::SimWorld world(12);
  net::Files& files = world.env("broker").files;
  const auto holds = [&](std::string_view text) {
    const auto entries = files.list(folder);
    return std::ranges::any_of(*entries, [&](const net::FileEntry& entry) {
      return files.read(folder + "/" + entry.name)->contains(text);
    });
  };
  {
    Life life(world, {.folder = folder});
    life.journal->append(as_bytes("first, for all to read"));
    ASSERT_TRUE(life.settle());
    life.journal->set_encrypted(true, some_key);
    life.journal->append(as_bytes("second, for nobody"));
    ASSERT_TRUE(life.settle());
    life.journal->set_encrypted(false, {});
    life.journal->append(as_bytes("third, for all to read"));
    ASSERT_TRUE(life.settle());
  }
  EXPECT_TRUE(holds("first") && holds("third"));
  EXPECT_FALSE(holds("second"));
  EXPECT_TRUE(Life(world, {.folder = folder}).error) << "a part of it needs the key";
  Life life(world, {.folder = folder, .key = some_key, .encrypted = false});
  ASSERT_FALSE(life.error);
  EXPECT_EQ(life.replayed.size(), 3U);
  life.journal->set_encrypted(true, {});
  life.journal->begin_checkpoint();
  life.journal->append(as_bytes("what lives"));
  life.journal->end_checkpoint();
  ASSERT_TRUE(world.run_until([&] { return !life.journal->checkpointing(); }, seconds{5}));
  world.run_for(milliseconds{20});
  EXPECT_FALSE(holds("for all to read") || holds("what lives"));
  life.journal.reset();
  EXPECT_EQ(Life(world, {.folder = folder, .key = some_key}).replayed,
            std::vector<std::string>{"what lives"});
}

TEST(Journal, refuses_a_wrong_key_and_a_missing_one) {
  net::SimWorld world(10);
  {
    small_journal(world, {.folder = folder, .key = some_key});
  }
  const Life wrong(world, {.folder = folder, .key = std::vector<std::uint8_t>(32, 8)});
  ASSERT_TRUE(wrong.error);
  EXPECT_EQ(wrong.error->code, Errc::denied);
  EXPECT_NE(wrong.error->message.find("is encrypted with the key"), std::string::npos);
  const Life missing(world, {.folder = folder});
  ASSERT_TRUE(missing.error);
  EXPECT_EQ(missing.error->code, Errc::denied);
  const Life small(world, {.folder = folder, .key = {1, 2, 3}});
  ASSERT_TRUE(small.error);
  EXPECT_EQ(small.error->code, Errc::invalid);
  EXPECT_TRUE(wrong.replayed.empty());
}

TEST(Journal, holds_nothing_readable_when_it_is_encrypted) {
  net::SimWorld world(11);
  {
    Life life(world, {.folder = folder, .key = some_key});
    life.journal->append(as_bytes("the recipe of the sauce"));
    ASSERT_TRUE(life.settle());
  }
  net::Files& files = world.env("broker").files;
  const auto entries = files.list(folder);
  for (const auto& entry : *entries)
    EXPECT_EQ(files.read(folder + "/" + entry.name)->find("sauce"), std::string::npos);
}

TEST(Journal, refuses_a_newer_version_and_says_so) {
  net::SimWorld world(12);
  {
    small_journal(world, {.folder = folder});
  }
  net::Files& files = world.env("broker").files;
  const std::string path = folder + "/" + journal::segment_name(0);
  std::string changed = *files.read(path);
  changed[8] = 2;
  ASSERT_TRUE(files.replace(path, changed));
  const Life life(world, {.folder = folder});
  ASSERT_TRUE(life.error);
  EXPECT_EQ(life.error->code, Errc::unsupported);
  EXPECT_NE(life.error->message.find("version 2, this program knows version 1"), std::string::npos);
}

TEST(Journal, is_locked_against_a_second_one) {
  net::SimWorld world(13);
  const Life first(world, {.folder = folder});
  const Life second(world, {.folder = folder});
  ASSERT_TRUE(second.error);
  EXPECT_EQ(second.error->code, Errc::conflict);
  EXPECT_NE(second.error->message.find("in use by another process"), std::string::npos);
}

TEST(Journal, ends_where_its_owner_refuses_a_record) {
  net::SimWorld world(14);
  {
    small_journal(world, {.folder = folder});
  }
  net::Env env = world.env("broker");
  const auto opened = LocalJournal::open(
      env.loop, env.files, {.folder = folder},
      [](ByteView) -> Result<> { return fail(Errc::unsupported, "a record of kind 99"); });
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::unsupported);
  EXPECT_NE(opened.error().message.find(".log at offset 80, record 0: a record of kind 99"),
            std::string::npos)
      << opened.error().message;
}

}  // namespace
}  // namespace wireway::broker
