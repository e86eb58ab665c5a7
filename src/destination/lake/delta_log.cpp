#include "destination/lake/delta_log.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/json_text.h"

namespace wireway::destination::lake {
namespace {

constexpr int reader_version = 1;
constexpr int writer_version = 2;

std::string commit_name(std::int64_t version) { return fmt::format("{:020}.json", version); }

std::int64_t milliseconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.since_epoch).count();
}

/// The version at the front of a log file's name; -1 if it is none.
std::int64_t version_of(std::string_view name) {
  constexpr std::size_t digits = 20;
  std::int64_t version = -1;
  if (name.size() <= digits || name[digits] != '.') return -1;
  const auto read = std::from_chars(name.data(), name.data() + digits, version);
  return read.ptr == name.data() + digits ? version : -1;
}

std::string stats_of(const DataFile& file) {
  return file.stats.empty() ? fmt::format(R"({{"numRecords":{}}})", file.rows) : file.stats;
}

}  // namespace

namespace {

/// What lies in `_delta_log`.
struct Names {
  std::int64_t newest_commit = -1;
  std::int64_t newest_checkpoint = -1;
  std::vector<std::string> checkpoint_files;

  explicit Names(const std::vector<net::FileEntry>& entries) {
    for (const net::FileEntry& entry : entries) {
      const std::int64_t version = version_of(entry.name);
      if (version < 0) continue;
      if (entry.name == commit_name(version)) newest_commit = std::max(newest_commit, version);
      if (!entry.name.contains(".checkpoint.") || !entry.name.ends_with(".parquet")) continue;
      if (version > newest_checkpoint) checkpoint_files.clear();
      newest_checkpoint = std::max(newest_checkpoint, version);
      if (version == newest_checkpoint) checkpoint_files.push_back(entry.name);
    }
  }
};

}  // namespace

DeltaLog::DeltaLog(net::Files& files, Database& database, std::string table)
    : files_(files), database_(database), table_(std::move(table)) {
  schema_.kind = TypeKind::structure;
}

std::string DeltaLog::log_path(std::string_view name) const {
  return fmt::format("{}/_delta_log/{}", table_, name);
}

Result<> DeltaLog::load() {
  version_ = -1;
  if (!files_.exists(fmt::format("{}/_delta_log", table_))) return {};
  const auto entries = files_.list(fmt::format("{}/_delta_log", table_));
  if (!entries) return std::unexpected(entries.error());
  const Names names(*entries);
  auto loaded = load_checkpoint(names.newest_checkpoint, names.checkpoint_files);
  if (!loaded) return loaded;
  while (version_ < names.newest_commit)
    if (auto read = read_commit(version_ + 1); !read) return read;
  if (version_ >= 0 && metadata_.empty())
    return fail(Errc::invalid,
                fmt::format("{} names no schema: the log is damaged; restore it or use "
                            "another folder",
                            log_path("")));
  return refresh();
}

bool DeltaLog::next_exists() const { return files_.exists(log_path(commit_name(version_ + 1))); }

Result<> DeltaLog::refresh() {
  while (next_exists())
    if (auto read = read_commit(version_ + 1); !read) return read;
  return {};
}

Result<> DeltaLog::read_commit(std::int64_t version) {
  const std::string path = log_path(commit_name(version));
  const auto text = files_.read(path);
  if (!text)
    return fail(Errc::invalid, fmt::format("the Delta log lacks {} ({}); restore it or use another "
                                           "folder",
                                           path, text.error().message));
  std::size_t line = 0;
  std::size_t actions = 0;
  for (std::size_t at = 0; at < text->size(); ++line) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    const std::string_view one(text->data() + at, end - at);
    at = end + 1;
    if (one.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto action = parse_json(one);
    const json::object* object = action ? action->if_object() : nullptr;
    if (object == nullptr)
      return fail(Errc::invalid,
                  fmt::format("{}:{} is damaged ({}); restore it or use another folder", path,
                              line + 1, action ? "no object" : action.error().message));
    if (auto applied = apply_action(*object); !applied)
      return wrap(fmt::format("{}:{}", path, line + 1), applied.error());
    ++actions;
  }
  if (actions == 0)
    return fail(Errc::invalid, fmt::format("{} is empty: the log is damaged; restore it or use "
                                           "another folder",
                                           path));
  version_ = version;
  return {};
}

Result<> DeltaLog::apply_action(const json::object& action) {
  if (const json::value* protocol = action.if_contains("protocol"))
    return apply_protocol(int_at(*protocol, {"minReaderVersion"}, 0),
                          int_at(*protocol, {"minWriterVersion"}, 0));
  if (const json::value* metadata = action.if_contains("metaData"))
    return apply_metadata(*metadata);
  if (const json::value* add = action.if_contains("add")) {
    DataFile file;
    file.path = text_at(*add, {"path"});
    file.size_bytes = static_cast<std::uint64_t>(int_at(*add, {"size"}, 0));
    file.modified_ms = int_at(*add, {"modificationTime"}, 0);
    file.stats = text_at(*add, {"stats"}, "{}");
    removed_.erase(file.path);
    added_.push_back(std::move(file));
  }
  if (const json::value* remove = action.if_contains("remove")) {
    const std::string path = text_at(*remove, {"path"});
    std::erase_if(added_, [&](const DataFile& file) { return file.path == path; });
    removed_[path] = int_at(*remove, {"deletionTimestamp"}, 0);
  }
  if (const json::value* transaction = action.if_contains("txn"))
    transactions_[text_at(*transaction, {"appId"})] = int_at(*transaction, {"version"}, 0);
  return {};
}

Result<> DeltaLog::apply_protocol(std::int64_t reader, std::int64_t writer) {
  if (reader <= reader_version && writer <= writer_version) return {};
  return fail(Errc::unsupported,
              fmt::format("the Delta table {} needs reader version {} and writer version {}; this "
                          "version reads {} and writes {}; use another folder",
                          table_, reader, writer, reader_version, writer_version));
}

Result<> DeltaLog::apply_metadata(const json::value& metadata) {
  if (const json::value* columns = find(metadata, "partitionColumns");
      columns && columns->is_array() && !columns->get_array().empty())
    return fail(Errc::unsupported, fmt::format("the Delta table {} is partitioned, which is not "
                                               "supported; use another folder",
                                               table_));
  const auto text = parse_json(text_at(metadata, {"schemaString"}));
  auto parsed = text ? parse_schema(*text) : Result<Type>(std::unexpected(text.error()));
  if (!parsed)
    return fail(parsed.error().code, fmt::format("the Delta table {} has a schema that cannot be "
                                                 "written: {}",
                                                 table_, parsed.error().message));
  schema_ = std::move(*parsed);
  metadata_ = metadata.get_object();
  return {};
}

std::string DeltaLog::protocol_and_metadata(const Type& schema, WallTime now,
                                            const std::string& id) {
  std::string out;
  if (version_ < 0) {
    out += fmt::format("{{\"protocol\":{{\"minReaderVersion\":{},\"minWriterVersion\":{}}}}}\n",
                       reader_version, writer_version);
    metadata_ = {{"id", id},
                 {"format", {{"provider", "parquet"}, {"options", json::object{}}}},
                 {"schemaString", ""},
                 {"partitionColumns", json::array{}},
                 {"configuration", {{"delta.logRetentionDuration", "interval 1 days"}}},
                 {"createdTime", milliseconds(now)}};
  }
  json::object metadata = metadata_;
  metadata["schemaString"] = to_json(to_delta(schema));
  out += to_json(json::object{{"metaData", std::move(metadata)}}) + "\n";
  return out;
}

Result<> DeltaLog::commit(const DataFile& file, const Type& schema, WallTime now,
                          const std::string& id) {
  const bool new_schema = version_ < 0 || to_delta(schema) != to_delta(schema_);
  std::string text =
      to_json(json::object{{"commitInfo",
                            {{"timestamp", milliseconds(now)},
                             {"operation", "WRITE"},
                             {"operationParameters", {{"mode", "Append"}, {"partitionBy", "[]"}}},
                             {"isBlindAppend", true},
                             {"engineInfo", "wireway"}}}}) +
      "\n";
  const json::object before = metadata_;
  if (new_schema) text += protocol_and_metadata(schema, now, id);
  text += to_json(json::object{{"add",
                                {{"path", file.path},
                                 {"partitionValues", json::object{}},
                                 {"size", file.size_bytes},
                                 {"modificationTime", file.modified_ms},
                                 {"dataChange", true},
                                 {"stats", stats_of(file)}}}}) +
          "\n";
  metadata_ = before;
  if (auto made = files_.make_folders(fmt::format("{}/_delta_log", table_)); !made) return made;
  auto created = files_.create_new(log_path(commit_name(version_ + 1)), text);
  if (!created) return created;
  return read_commit(version_ + 1);
}

}  // namespace wireway::destination::lake
