// Goal: what a Secret holds stands nowhere on the disk: not in the database, its log, its backups
// or its past; and a database that is moved, changed or parted from its keys says so.

#include "control/store/seal.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <sqlite3.h>

#include <gtest/gtest.h>

#include "control/store/store.h"

namespace wireway::control {
namespace {

constexpr std::string_view planted = "planted-password-4711";

Sealer sealer_of(const std::string& text) {
  auto made = Sealer::from_text(text);
  EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().message);
  return std::move(*made);
}

class SealTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "wireway-seal-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/state.db";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<std::unique_ptr<Store>> try_open(const std::string& keys) {
    StoreOptions options{.path = path_};
    if (!keys.empty()) options.sealer = sealer_of(keys);
    return Store::open(std::move(options));
  }
  std::unique_ptr<Store> open(const std::string& keys) {
    auto store = try_open(keys);
    EXPECT_TRUE(store.has_value()) << (store ? "" : store.error().message);
    return store ? std::move(*store) : nullptr;
  }

  static std::int64_t put(Store& store, const std::string& name, std::int64_t previous,
                          std::string_view password, Change change = Change::updated) {
    return put_at(store, {"secrets", "default", name}, previous, password, change);
  }
  static std::int64_t put_at(Store& store, const StoreKey& at, std::int64_t previous,
                             std::string_view password, Change change = Change::updated) {
    json::object object{{"metadata", {{"name", at.name}}}, {"password", password}};
    auto written = store.put({at, change, previous, WallTime{}, "me", "test"}, object);
    EXPECT_TRUE(written.has_value());
    EXPECT_TRUE(store.commit());
    return written ? (*written)->number : 0;
  }

  /// How many files of the folder hold a text.
  int files_with(std::string_view text) const {
    int count = 0;
    for (const auto& each : std::filesystem::directory_iterator(folder_)) {
      std::ifstream file(each.path(), std::ios::binary);
      std::stringstream content;
      content << file.rdbuf();
      if (content.str().find(text) != std::string::npos) ++count;
    }
    return count;
  }

  void by_hand(const char* sql) const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }

  std::string folder_;
  std::string path_;
  const std::string key_ = *Sealer::new_key();
};

TEST_F(SealTest, no_file_holds_what_a_secret_holds_while_every_read_gives_it) {
  auto store = open(key_);
  const StoreKey at{"secrets", "default", "a"};
  const auto first = put(*store, "a", 0, planted, Change::created);
  const auto second = put(*store, "a", first, std::string(planted) + "-second");
  put_at(*store, {"configmaps", "default", "open"}, 0, "not-secret-0815");
  ASSERT_TRUE(store->back_up(folder_ + "/copy.db"));
  EXPECT_EQ(files_with(planted), 0);
  EXPECT_GE(files_with("not-secret-0815"), 1) << "else this test sees nothing";

  EXPECT_NE((**store->get(at)).body.find(planted), std::string::npos);
  EXPECT_NE((**store->at(first)).body.find(planted), std::string::npos);
  EXPECT_NE(store->list("secrets", {})->items.at(0).body.find(planted), std::string::npos);
  EXPECT_NE(store->list("secrets", {.revision = first})->items.at(0).body.find(planted),
            std::string::npos);
  EXPECT_EQ(store->history(at, 10)->size(), 2U);
  put(*store, "a", second, "gone", Change::deleted);

  store.reset();
  EXPECT_EQ(files_with(planted), 0);
  store = open(key_);
  const auto since = store->since("secrets", 0);
  ASSERT_TRUE(since.has_value());
  EXPECT_NE(since->at(0)->body.find(planted), std::string::npos) << "read from the table";
}

TEST_F(SealTest, what_an_older_version_left_open_is_sealed_at_the_next_start) {
  auto store = open("");
  std::int64_t last = put(*store, "a", 0, planted, Change::created);
  for (int i = 0; i < 150; ++i)  // more than is kept: free pages hold some
    last = put(*store, "a", last, std::string(planted) + std::string(2000, 'x'));
  store.reset();
  ASSERT_GE(files_with(planted), 1);
  store = open(key_);
  EXPECT_EQ(files_with(planted), 0);
  EXPECT_NE((**store->get({"secrets", "default", "a"})).body.find(planted), std::string::npos);
  EXPECT_EQ((**store->get({"secrets", "default", "a"})).number, last);
}

TEST_F(SealTest, traces_are_dropped_also_when_the_process_ended_before) {
  open(key_).reset();
  by_hand(
      "INSERT INTO floors VALUES('free pages to clean', 1);"
      "PRAGMA secure_delete = OFF; CREATE TABLE junk(t TEXT); INSERT INTO junk "
      "VALUES('planted-password-4711');"
      "DROP TABLE junk;");
  ASSERT_EQ(files_with(planted), 1);
  auto store = open(key_);
  EXPECT_EQ(files_with(planted), 0);
}

TEST_F(SealTest, a_new_first_key_takes_over_and_then_the_old_one_is_not_needed) {
  put(*open(key_), "a", 0, planted, Change::created);
  const std::string next = *Sealer::new_key();
  open(next + key_).reset();
  auto store = open(next);
  ASSERT_NE(store, nullptr);
  EXPECT_NE((**store->get({"secrets", "default", "a"})).body.find(planted), std::string::npos);
}

TEST_F(SealTest, without_the_right_key_it_does_not_start_and_says_why) {
  put(*open(key_), "a", 0, planted, Change::created);
  const auto other = try_open(*Sealer::new_key());
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, Errc::denied);
  EXPECT_NE(other.error().message.find("the key " + sealer_of(key_).current_id()),
            std::string::npos)
      << other.error().message;
  EXPECT_NE(other.error().message.find(path_), std::string::npos);
  const auto none = try_open("");
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, Errc::denied);
}

TEST_F(SealTest, a_row_that_was_exchanged_for_another_or_changed_does_not_open) {
  {
    auto store = open(key_);
    put(*store, "a", 0, planted, Change::created);
    put(*store, "b", 0, "other", Change::created);
  }
  by_hand(
      "UPDATE revisions SET body = (SELECT body FROM revisions WHERE revision = 2)"
      " WHERE revision = 1");
  auto store = open(key_);
  ASSERT_NE(store, nullptr);
  const auto exchanged = store->get({"secrets", "default", "a"});
  ASSERT_FALSE(exchanged.has_value());
  EXPECT_EQ(exchanged.error().code, Errc::invalid);
  EXPECT_NE(exchanged.error().message.find("secrets default/a"), std::string::npos)
      << exchanged.error().message;
  EXPECT_TRUE(store->get({"secrets", "default", "b"})->has_value()) << "the others are not harmed";
}

TEST_F(SealTest, every_changed_byte_is_noticed) {
  const Sealer sealer = sealer_of(key_);
  const StoreKey at{"secrets", "default", "a"};
  const std::string sealed = *sealer.seal(at, 3, R"({"a":12})");
  EXPECT_EQ(*sealer.open(at, 3, sealed), R"({"a":12})");
  EXPECT_FALSE(sealer.open(at, 4, sealed).has_value());
  EXPECT_NE(*sealer.seal(at, 3, R"({"a":12})"), sealed) << "a nonce is never used twice";
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    if (!Sealer::is_sealed(changed)) continue;
    EXPECT_FALSE(sealer.open(at, 3, changed).has_value()) << "byte " << i;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_FALSE(sealer.open(at, 3, sealed.substr(0, size)).has_value());
}

TEST_F(SealTest, a_key_file_that_is_none_names_its_line) {
  for (const std::string text :
       {"", "# nothing\n", "wireway-key-1 c2hvcnQ=\n", "other-1 AAAA\n", "wireway-key-1\n"})
    EXPECT_FALSE(Sealer::from_text(text).has_value()) << text;
  const auto broken = Sealer::from_text("# keys\n" + key_ + "wireway-key-1 c2hvcnQ=\n");
  ASSERT_FALSE(broken.has_value());
  EXPECT_NE(broken.error().message.find("line 3"), std::string::npos) << broken.error().message;
  EXPECT_EQ(broken.error().message.find("c2hv"), std::string::npos) << "no keys in messages";
  EXPECT_TRUE(Sealer::from_text("# keys\r\n\r\n" + key_).has_value());
}

}  // namespace
}  // namespace wireway::control
