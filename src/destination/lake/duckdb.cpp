#include "destination/lake/duckdb.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include <dlfcn.h>

#include <fmt/format.h>

namespace wireway::destination::lake {
namespace {

namespace fs = std::filesystem;

constexpr const char* library_name = "libduckdb.so";

/// `<cache>/duckdb-<version>/libduckdb.so`, the newest name first.
void add_cached(std::vector<std::string>& out, const std::string& cache) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(cache, error), end; !error && at != end; at.increment(error))
    if (at->path().filename().string().starts_with("duckdb-"))
      found.push_back((at->path() / library_name).string());
  std::ranges::sort(found, std::greater<>());
  out.insert(out.end(), found.begin(), found.end());
}

template <class Function>
bool bind(void* library, const char* name, Function& function) {
  void* symbol = ::dlsym(library, name);
  std::memcpy(&function, &symbol, sizeof symbol);
  return symbol != nullptr;
}

bool bind_all(void* library, DuckApi& api) {
  bool all = true;
  const auto bind_one = [&](const char* name, auto& function) {
    all = bind(library, name, function) && all;
  };
#define WIREWAY_BIND(name) bind_one("duckdb_" #name, api.name)
  WIREWAY_BIND(library_version);
  WIREWAY_BIND(create_config);
  WIREWAY_BIND(set_config);
  WIREWAY_BIND(destroy_config);
  WIREWAY_BIND(open_ext);
  WIREWAY_BIND(close);
  WIREWAY_BIND(connect);
  WIREWAY_BIND(disconnect);
  WIREWAY_BIND(query);
  WIREWAY_BIND(result_error);
  WIREWAY_BIND(destroy_result);
  WIREWAY_BIND(fetch_chunk);
  WIREWAY_BIND(column_count);
  WIREWAY_BIND(data_chunk_get_size);
  WIREWAY_BIND(data_chunk_get_vector);
  WIREWAY_BIND(data_chunk_set_size);
  WIREWAY_BIND(data_chunk_reset);
  WIREWAY_BIND(destroy_data_chunk);
  WIREWAY_BIND(create_data_chunk);
  WIREWAY_BIND(create_logical_type);
  WIREWAY_BIND(create_decimal_type);
  WIREWAY_BIND(create_list_type);
  WIREWAY_BIND(create_struct_type);
  WIREWAY_BIND(destroy_logical_type);
  WIREWAY_BIND(vector_size);
  WIREWAY_BIND(vector_get_data);
  WIREWAY_BIND(vector_get_validity);
  WIREWAY_BIND(vector_ensure_validity_writable);
  WIREWAY_BIND(vector_assign_string_element_len);
  WIREWAY_BIND(struct_vector_get_child);
  WIREWAY_BIND(list_vector_get_child);
  WIREWAY_BIND(list_vector_get_size);
  WIREWAY_BIND(list_vector_set_size);
  WIREWAY_BIND(list_vector_reserve);
  WIREWAY_BIND(appender_create);
  WIREWAY_BIND(append_data_chunk);
  WIREWAY_BIND(appender_error);
  WIREWAY_BIND(appender_close);
  WIREWAY_BIND(appender_destroy);
  WIREWAY_BIND(free);
#undef WIREWAY_BIND
  return all;
}

/// DuckDB's own string in a vector: short ones inline, long ones by pointer.
struct DuckString {
  std::uint32_t length;
  char inlined_or_prefix[4];
  const char* pointer;

  std::string text() const {
    constexpr std::uint32_t inlined_max = 12;
    return length <= inlined_max ? std::string(inlined_or_prefix, length)
                                 : std::string(pointer, length);
  }
};

void read_chunk(const DuckApi& api, DuckHandle chunk, std::uint64_t columns,
                std::vector<Database::Row>& out) {
  const std::uint64_t size = api.data_chunk_get_size(chunk);
  const std::size_t first = out.size();
  out.resize(first + size, Database::Row(columns));
  for (std::uint64_t column = 0; column < columns; ++column) {
    const DuckHandle vector = api.data_chunk_get_vector(chunk, column);
    const auto* texts = static_cast<const DuckString*>(api.vector_get_data(vector));
    const std::uint64_t* validity = api.vector_get_validity(vector);
    for (std::uint64_t row = 0; row < size; ++row) {
      const bool valid = validity == nullptr || (validity[row / 64] >> (row % 64) & 1) != 0;
      if (valid) out[first + row][column] = texts[row].text();
    }
  }
}

}  // namespace

std::vector<std::string> duckdb_candidates(
    const std::string& program, const std::function<const char*(const char*)>& environment) {
  const auto read = [&](const char* name) {
    const char* value = environment(name);
    return std::string(value ? value : "");
  };
  std::vector<std::string> out;
  if (const std::string given = read("WIREWAY_DUCKDB"); !given.empty()) out.push_back(given);
  out.push_back((fs::path(program).parent_path() / library_name).string());
  if (const std::string cache = read("WIREWAY_CACHE"); !cache.empty()) {
    add_cached(out, cache);
  } else if (const std::string xdg = read("XDG_CACHE_HOME"); !xdg.empty()) {
    add_cached(out, xdg + "/wireway");
  } else {
    add_cached(out, read("HOME") + "/.cache/wireway");
  }
  out.push_back(library_name);
  return out;
}

Result<const DuckApi*> load_duckdb(const std::vector<std::string>& candidates, DuckApi& api) {
  std::string reasons;
  for (const std::string& candidate : candidates) {
    // Never unloaded: DuckDB keeps threads and statics of its own.
    void* library = ::dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == nullptr) {
      reasons += fmt::format("; {}", ::dlerror());
      continue;
    }
    if (bind_all(library, api)) return &api;
    reasons += fmt::format("; {}: too old, functions are missing", candidate);
  }
  return fail(Errc::not_found,
              "libduckdb.so was not found; run tools/setup or set WIREWAY_DUCKDB to "
              "its path" +
                  reasons);
}

std::string quote_literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out.push_back('\'');
    out.push_back(c);
  }
  return out + "'";
}

Result<std::unique_ptr<Database>> Database::open(const DuckApi& api,
                                                 const DatabaseOptions& options) {
  auto out = std::make_unique<Database>(api);
  DuckHandle config = nullptr;
  api.create_config(&config);
  const std::string memory = fmt::format("{}MB", options.memory_limit_mb);
  const std::pair<const char*, const char*> settings[] = {
      {"threads", "1"},
      {"memory_limit", memory.c_str()},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"temp_directory", options.temp_folder.c_str()}};
  for (const auto& [name, value] : settings) api.set_config(config, name, value);
  char* error = nullptr;
  const int opened = api.open_ext(nullptr, &out->database_, config, &error);
  api.destroy_config(&config);
  if (opened != 0) {
    std::string message = error ? error : "unknown error";
    if (error) api.free(error);
    return fail(Errc::internal, "DuckDB does not start: " + message);
  }
  if (api.connect(out->database_, &out->connection_) != 0)
    return fail(Errc::internal, "DuckDB does not open a connection");
  return out;
}

Database::~Database() {
  if (connection_ != nullptr) api_.disconnect(&connection_);
  if (database_ != nullptr) api_.close(&database_);
}

Result<> Database::execute(const std::string& sql) {
  DuckResult result{};
  const int state = api_.query(connection_, sql.c_str(), &result);
  Result<> out;
  if (state != 0) {
    const char* error = api_.result_error(&result);
    out = fail(Errc::io, error ? error : "DuckDB failed without a message");
  }
  api_.destroy_result(&result);
  return out;
}

Result<std::vector<Database::Row>> Database::rows(const std::string& sql) {
  DuckResult result{};
  if (api_.query(connection_, sql.c_str(), &result) != 0) {
    const char* error = api_.result_error(&result);
    Error failure{Errc::io, error ? error : "DuckDB failed without a message"};
    api_.destroy_result(&result);
    return std::unexpected(std::move(failure));
  }
  std::vector<Row> out;
  const std::uint64_t columns = api_.column_count(&result);
  while (DuckHandle chunk = api_.fetch_chunk(result)) {
    read_chunk(api_, chunk, columns, out);
    api_.destroy_data_chunk(&chunk);
  }
  api_.destroy_result(&result);
  return out;
}

}  // namespace wireway::destination::lake
