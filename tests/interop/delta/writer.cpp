// Writes batches to a Delta table as the lake does: `interop_delta_writer FOLDER FIRST COUNT`
// commits COUNT batches of ten rows, numbered from FIRST on.

#include <cstdlib>

#include <fmt/format.h>

#include "destination/lake/table.h"
#include "net/os/os_loop.h"

namespace wireway::destination::lake {
namespace {

json::object record(int number) {
  json::object out{
      {"n", number}, {"text", fmt::format("row {}", number)}, {"even", number % 2 == 0}};
  out["place"] = json::object{{"line", "L1"}, {"cell", number % 7}};
  if (number >= 100) out["late"] = json::array{number, number + 0.5};  // a column that comes later
  return out;
}

int run(const std::string& folder, int first, int count) {
  auto files = net::make_os_files();
  TableOptions options;
  options.folder = folder;
  options.temp_folder = folder + ".tmp";
  options.duckdb_libraries =
      duckdb_candidates("/nowhere/wireway", [](const char* name) { return std::getenv(name); });
  Table table(*files, options);
  net::SystemRandom random;
  for (int batch = 0; batch < count; ++batch) {
    std::vector<json::object> records;
    for (int i = 0; i < 10; ++i) records.push_back(record(first + batch * 10 + i));
    const auto report = table.write(records, {system_wall_now(), random.uuid()});
    if (!report || report->rows != 10) {
      fmt::print(stderr, "batch {}: {}\n", batch,
                 report ? report->errors[0].value_or("a row is missing") : report.error().message);
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace wireway::destination::lake

int main(int count, char** arguments) {
  if (count != 4) return 2;
  return wireway::destination::lake::run(arguments[1], std::atoi(arguments[2]),
                                         std::atoi(arguments[3]));
}
