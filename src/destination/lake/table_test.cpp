// Goal: a table is what its log says, over restarts, growth, other writers and broken disks.
// Method: write through Table on a real folder, read back the files that the log names with DuckDB
// itself.

#include "destination/lake/table.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/json_text.h"
#include "net/os/os_loop.h"

namespace wireway::destination::lake {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> libraries() {
  return duckdb_candidates("/nowhere/wireway", [](const char* name) { return std::getenv(name); });
}

/// The real files, with failures on demand.
class FaultyFiles final : public net::Files {
 public:
  Result<std::string> read(const std::string& path) override { return real_->read(path); }
  Result<> replace(const std::string& path, std::string_view content, unsigned mode) override {
    return real_->replace(path, content, mode);
  }
  Result<> create_new(const std::string& path, std::string_view content) override {
    if (before_create) before_create(path);
    if (!path.ends_with(fail_suffix)) return real_->create_new(path, content);
    return fail(Errc::io, "create " + path + ": No space left on device");
  }
  Result<std::vector<net::FileEntry>> list(const std::string& folder) override {
    return real_->list(folder);
  }
  Result<> make_folders(const std::string& path) override { return real_->make_folders(path); }
  Result<> remove(const std::string& path) override { return real_->remove(path); }
  bool exists(const std::string& path) override { return real_->exists(path); }
  Result<std::unique_ptr<net::LogFolder>> open_logs(net::Loop& loop, const std::string& folder,
                                                    const net::LogOptions& options) override {
    return real_->open_logs(loop, folder, options);
  }
  Result<std::unique_ptr<net::ScratchFile>> open_scratch(net::Loop& loop,
                                                         const std::string& folder) override {
    return real_->open_scratch(loop, folder);
  }

  std::string fail_suffix = "\n";  ///< of paths that cannot be created
  std::function<void(const std::string&)> before_create;

 private:
  std::unique_ptr<net::Files> real_ = net::make_os_files();
};

class LakeTable : public testing::Test {
 protected:
  void SetUp() override {
    if (auto loaded = load_duckdb(libraries(), api_); !loaded)
      GTEST_SKIP() << loaded.error().message;
    std::string pattern = (fs::temp_directory_path() / "wireway-lake-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  std::unique_ptr<Table> open(std::string_view schema = "", Layout layout = Layout::delta) {
    TableOptions options{folder_ + "/t", folder_ + "/tmp", layout, std::nullopt, libraries()};
    if (!schema.empty()) options.schema = *parse_schema(*parse_json(schema));
    return std::make_unique<Table>(files_, std::move(options));
  }

  Result<BatchReport> write(Table& table, std::initializer_list<std::string_view> records) {
    std::vector<json::object> parsed;
    for (const auto text : records) parsed.push_back(parse_json_exact(text)->get_object());
    ++batches_;
    return table.write(parsed, {WallTime{std::chrono::seconds{1'700'000'000 + batches_}},
                                fmt::format("id-{}", batches_)});
  }

  std::string commit_path(int version) const {
    return fmt::format("{}/t/_delta_log/{:020}.json", folder_, version);
  }

  /// The files that the commits name, as an argument for read_parquet.
  std::string live_files() const {
    std::vector<std::string> paths;
    for (int version = 0; fs::exists(commit_path(version)); ++version) {
      std::ifstream file(commit_path(version));
      for (std::string line; std::getline(file, line);) {
        const auto action = parse_json(line);
        if (const std::string path = text_at(*action, {"add", "path"}); !path.empty())
          paths.push_back(quote_literal(folder_ + "/t/" + path));
      }
    }
    return fmt::format("[{}]", fmt::join(paths, ", "));
  }

  /// The result of `select`, in which TABLE stands for the table: rows joined by ; and columns by
  /// |.
  std::string query(std::string select, std::string source = "") {
    if (source.empty()) source = fmt::format("read_parquet({}, union_by_name=true)", live_files());
    select.replace(select.find("TABLE"), 5, source);
    auto database = Database::open(api_, {256, folder_ + "/tmp"});
    const auto rows = (*database)->rows(select);
    if (!rows) return rows.error().message;
    std::string out;
    for (const auto& row : *rows) {
      if (!out.empty()) out += ";";
      for (std::size_t i = 0; i < row.size(); ++i)
        out += (i > 0 ? "|" : "") + row[i].value_or("NULL");
    }
    return out;
  }

  DuckApi api_{};
  FaultyFiles files_;
  std::string folder_;
  int batches_ = 0;
};

TEST_F(LakeTable, writes_rows_that_read_back) {
  auto table = open();
  const auto report =
      write(*table, {R"({"t":98.22872507286884,"n":7,"s":"ä'x","b":true,"o":{"p":1.5}})",
                     R"({"t":null,"s":"a string longer than twelve bytes","o":{}})"});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->rows, 2u);
  EXPECT_EQ(report->version, 0);
  EXPECT_EQ(
      query("SELECT t::VARCHAR, n::VARCHAR, s, b::VARCHAR, o.p::VARCHAR FROM TABLE"),
      "98.22872507286884|7.0|ä'x|true|1.5;NULL|NULL|a string longer than twelve bytes|NULL|NULL");
}

TEST_F(LakeTable, grows_columns_and_continues_after_a_restart) {
  ASSERT_TRUE(write(*open(), {R"({"a":1})"}));
  auto table = open();
  ASSERT_TRUE(write(*table, {R"({"a":2,"b":{"c":"x"}})"}));
  ASSERT_TRUE(write(*table, {R"({"b":{"c":"y","d":[1,2]}})"}));
  EXPECT_EQ(query("SELECT a::VARCHAR, b.c, b.d::VARCHAR FROM TABLE ORDER BY a NULLS LAST"),
            "1.0|NULL|NULL;2.0|x|NULL;NULL|y|[1.0, 2.0]");
  const auto log = files_.read(commit_path(2));
  EXPECT_TRUE(log->contains("schemaString"));
  ASSERT_TRUE(write(*table, {R"({"a":3})"}));
  EXPECT_FALSE(files_.read(commit_path(3))->contains("schemaString"));
}

TEST_F(LakeTable, leaves_out_a_record_that_does_not_fit_and_keeps_the_batch) {
  auto table = open();
  ASSERT_TRUE(write(*table, {R"({"a":1})"}));
  const auto report =
      write(*table, {R"({"a":"12"})", R"({"a":"abc"})", R"({"a":3})", R"({"a":{}})"});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->rows, 2u);
  EXPECT_EQ(report->errors[1], "a: cannot make a double of \"abc\"");
  EXPECT_TRUE(report->errors[3]);
  EXPECT_EQ(query("SELECT a::VARCHAR FROM TABLE ORDER BY a"), "1.0;3.0;12.0");
  const auto none = write(*table, {R"({"a":"abc"})"});
  ASSERT_TRUE(none);
  EXPECT_EQ(none->rows, 0u);
  EXPECT_FALSE(fs::exists(commit_path(2))) << "nothing to commit";
}

TEST_F(LakeTable, keeps_to_a_declared_schema) {
  auto table = open(R"_({"type":"struct","fields":[{"name":"a","type":"long","nullable":true},
    {"name":"b","type":"string","nullable":false},{"name":"n","type":"integer"},
    {"name":"at","type":"timestamp"},{"name":"d","type":"decimal(20,2)"},
    {"name":"x","type":"binary"},{"name":"s","type":"short"},{"name":"day","type":"date"},
    {"name":"l","type":{"type":"array","elementType":"integer","containsNull":false}}]})_");
  const auto report =
      write(*table,
            {R"({"a":null,"b":"x","n":3.9,"at":"2024-01-02T03:04:05.678901Z","d":"1.005","x":"aGk=",
                  "s":"-5","day":"2024-02-29","l":[1,2]})",
             R"({"a":1})", R"({"b":"y","n":"12"})", R"({"b":"z","unknown":1})", R"({"b":null})",
             R"({"b":"y","l":[1,null]})"});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->errors[1], "found missing property that is not Nullable: b");
  EXPECT_EQ(report->errors[3], "could not set a field unknown, it does not exist by the schema");
  EXPECT_EQ(report->errors[4], "Cannot set null value. Reason: field 'b' is not nullable.");
  EXPECT_TRUE(report->errors[5]);
  EXPECT_EQ(
      query("SELECT a::VARCHAR, b, n::VARCHAR, epoch_us(\"at\")::VARCHAR, d::VARCHAR, x::VARCHAR, "
            "s::VARCHAR, day::VARCHAR, l::VARCHAR FROM TABLE ORDER BY b"),
      "NULL|x|3|1704164645678901|1.00|hi|-5|2024-02-29|[1, 2];"
      "NULL|y|12|NULL|NULL|NULL|NULL|NULL|NULL");
}

TEST_F(LakeTable, writes_checkpoints_from_which_a_restart_continues) {
  auto table = open();
  for (int i = 0; i < 45; ++i)
    ASSERT_TRUE(write(*table, {fmt::format(R"({{"i":{},"it's":"x"}})", i)})) << i;
  const std::string log = folder_ + "/t/_delta_log/";
  EXPECT_TRUE(fs::exists(log + "00000000000000000039.checkpoint.parquet"));
  EXPECT_EQ(*files_.read(log + "_last_checkpoint"), R"({"version":39,"size":42})");
  EXPECT_EQ(query("SELECT count(\"add\")::VARCHAR, count(protocol)::VARCHAR FROM TABLE",
                  fmt::format("read_parquet('{}00000000000000000039.checkpoint.parquet')", log)),
            "40|1");
  // Commits before the checkpoint may be cleaned away by anybody.
  for (int i = 0; i < 39; ++i) fs::remove(commit_path(i));
  auto restarted = open();
  const auto report = write(*restarted, {R"({"i":45,"new":true})"});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->version, 45);
  for (int i = 46; i < 60; ++i) ASSERT_TRUE(write(*restarted, {R"({"i":46})"}));
  EXPECT_EQ(query("SELECT count(\"add\")::VARCHAR FROM TABLE",
                  fmt::format("read_parquet('{}00000000000000000059.checkpoint.parquet')", log)),
            "60");
}

TEST_F(LakeTable, removes_log_files_that_have_expired) {
  auto table = open();
  for (int i = 0; i < 19; ++i) ASSERT_TRUE(write(*table, {R"({"i":1})"}));
  for (int i = 0; i < 10; ++i)
    fs::last_write_time(commit_path(i), fs::file_time_type::clock::now() - std::chrono::years{10});
  ASSERT_TRUE(write(*table, {R"({"i":1})"}));
  EXPECT_FALSE(fs::exists(commit_path(9)));
  EXPECT_TRUE(fs::exists(commit_path(10)));
}

TEST_F(LakeTable, takes_the_next_version_when_another_writer_was_faster) {
  auto table = open();
  ASSERT_TRUE(write(*table, {R"({"a":1})"}));
  auto other = open();
  bool raced = false;
  files_.before_create = [&](const std::string& path) {
    if (raced || !path.ends_with("1.json")) return;
    raced = true;
    ASSERT_TRUE(write(*other, {R"({"a":2,"b":"new"})"}));
  };
  const auto report = write(*table, {R"({"a":3})"});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(raced);
  EXPECT_EQ(report->version, 2);
  EXPECT_EQ(query("SELECT a::VARCHAR, b FROM TABLE ORDER BY a"), "1.0|NULL;2.0|new;3.0|NULL");
}

TEST_F(LakeTable, leaves_nothing_behind_when_the_disk_is_full) {
  auto table = open();
  ASSERT_TRUE(write(*table, {R"({"a":1})"}));
  for (const char* suffix : {".parquet", ".json"}) {
    files_.fail_suffix = suffix;
    const auto report = write(*table, {R"({"a":2})"});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Errc::io);
    EXPECT_TRUE(report.error().message.contains("No space left")) << report.error().message;
  }
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder_ + "/t"))
    files += entry.path().extension() == ".parquet" ? 1 : 0;
  EXPECT_EQ(files, 1u);
  files_.fail_suffix = "\n";
  ASSERT_TRUE(write(*table, {R"({"a":2})"}));
  EXPECT_EQ(query("SELECT a::VARCHAR FROM TABLE ORDER BY a"), "1.0;2.0");
}

TEST_F(LakeTable, says_where_the_log_is_damaged_and_goes_on_once_it_is_mended) {
  ASSERT_TRUE(write(*open(), {R"({"a":1})"}));
  const std::string good = *files_.read(commit_path(0));
  for (const std::string& damage :
       {good.substr(0, good.size() / 2), std::string(), std::string("x\n")}) {
    ASSERT_TRUE(files_.replace(commit_path(0), damage, 0644));
    auto table = open();
    const auto refused = write(*table, {R"({"a":2})"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::invalid);
    EXPECT_TRUE(refused.error().message.contains(commit_path(0))) << refused.error().message;
    ASSERT_TRUE(files_.replace(commit_path(0), good, 0644));
    const auto mended = write(*table, {R"({"a":2})"});
    ASSERT_TRUE(mended) << mended.error().message;
    fs::remove(commit_path(1));
  }
}

TEST_F(LakeTable, refuses_tables_that_need_another_writer) {
  fs::create_directories(folder_ + "/t/_delta_log");
  ASSERT_TRUE(files_.create_new(commit_path(0),
                                R"({"protocol":{"minReaderVersion":3,"minWriterVersion":7}})"));
  const auto report = write(*open(), {R"({"a":2})"});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::unsupported);
}

TEST_F(LakeTable, writes_plain_files_on_request) {
  auto table = open("", Layout::parquet);
  ASSERT_TRUE(write(*table, {R"({"a":1})"}));
  ASSERT_TRUE(write(*table, {R"({"a":2,"b":"x"})"}));
  EXPECT_FALSE(fs::exists(folder_ + "/t/_delta_log"));
  EXPECT_EQ(query("SELECT a::VARCHAR, b FROM TABLE ORDER BY a",
                  fmt::format("read_parquet('{}/t/*.parquet', union_by_name=true)", folder_)),
            "1.0|NULL;2.0|x");
}

TEST_F(LakeTable, writes_batches_larger_than_a_chunk) {
  std::vector<json::object> records;
  for (int i = 0; i < 5000; ++i)
    records.push_back(
        {{"i", i}, {"list", json::array{i, i + 1}}, {"s", {{"t", std::to_string(i)}}}});
  auto table = open();
  const auto report = table->write(records, {WallTime{}, "id"});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(query("SELECT count(*)::VARCHAR, sum(i)::VARCHAR, sum(list[2])::VARCHAR, "
                  "sum(s.t::BIGINT)::VARCHAR FROM TABLE"),
            "5000|12497500.0|12502500.0|12497500");
}

TEST(DuckDb, names_all_places_where_it_was_sought) {
  DuckApi api{};
  const auto loaded = load_duckdb({"/nowhere/a.so", "/nowhere/b.so"}, api);
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(loaded.error().message.contains("/nowhere/a.so"));
  EXPECT_TRUE(loaded.error().message.contains("/nowhere/b.so"));
  EXPECT_TRUE(loaded.error().message.contains("tools/setup"));
}

}  // namespace
}  // namespace wireway::destination::lake
