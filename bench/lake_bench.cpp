// What a row costs in the lake: telemetry rows of six columns into a Delta table, in batches. CPU
// time of the whole process, so DuckDB's part is in it; parsing of payloads too.

#include <filesystem>
#include <string>

#include <stdlib.h>
#include <time.h>

#include <fmt/format.h>

#include "base/json_text.h"
#include "destination/lake/table.h"
#include "net/os/os_loop.h"

namespace wireway::destination::lake {
namespace {

double cpu_s() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::string row(int number) {
  return fmt::format(
      R"({{"at":"2025-04-05T15:{:02}:{:02}.991129Z","Temperature":{},"TemperatureF":{},)"
      R"("FillWeight":{},"Spike":{},"State":"Running_{}"}})",
      number / 60 % 60, number % 60, 98.2 + number % 17 * 0.37, 208.4 + number % 17 * 0.67,
      number % 255, number % 17 == 0, number % 3);
}

bool measure(const std::string& folder, int batch_rows, int batches) {
  auto files = net::make_os_files();
  TableOptions options;
  options.folder = fmt::format("{}/{}", folder, batch_rows);
  options.temp_folder = folder + "/tmp";
  options.duckdb_libraries =
      duckdb_candidates("/nowhere/wireway", [](const char* name) { return std::getenv(name); });
  Table table(*files, options);
  net::SystemRandom random;
  double start = 0;
  std::uint64_t bytes = 0;
  for (int batch = 0; batch <= batches; ++batch) {
    if (batch == 1) start = cpu_s();  // the first opens DuckDB
    std::vector<json::object> records;
    for (int i = 0; i < batch_rows; ++i)
      records.push_back(std::move(parse_json_exact(row(batch * batch_rows + i))->get_object()));
    const auto report = table.write(records, {system_wall_now(), random.uuid()});
    if (!report) return fmt::print(stderr, "{}\n", report.error().message), false;
    bytes += report->bytes;
  }
  const double rows = static_cast<double>(batch_rows) * batches;
  fmt::print("{:>6} rows a batch: {:>9.0f} rows per CPU second, {:.1f} bytes on disk a row\n",
             batch_rows, rows / (cpu_s() - start),
             static_cast<double>(bytes) / (rows + batch_rows));
  return true;
}

}  // namespace
}  // namespace wireway::destination::lake

int main() {
  std::string folder = (std::filesystem::temp_directory_path() / "lake-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  using wireway::destination::lake::measure;
  const bool done = measure(folder, 60, 40) && measure(folder, 1000, 40) &&
                    measure(folder, 5000, 40) && measure(folder, 100'000, 5);
  std::filesystem::remove_all(folder);
  return done ? 0 : 1;
}
