#include "destination/lake/sink.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "base/json_text.h"
#include "base/log.h"
#include "destination/lake/table.h"
#include "net/worker.h"

namespace wireway::destination::lake {
namespace {

constexpr Duration retry_min = std::chrono::seconds{1};
constexpr Duration retry_max = std::chrono::seconds{30};

struct LakeOptions {
  TableOptions table;
  Duration latency = std::chrono::seconds{60};
  std::size_t messages_max = 100'000;
  std::string volume;
};

/// Records on their way to the table, and the duties that go with them.
struct Batch {
  std::vector<json::object> records;
  std::vector<flow::Ack> acks;
};

/// The one word of a failure, by what the system said.
std::string reason_of(const Error& error) {
  const std::string_view text = error.message;
  if (text.contains("No space left")) return "DiskFull";
  if (text.contains("Read-only file system")) return "ReadOnly";
  if (error.code == Errc::denied || text.contains("Permission denied")) return "PermissionDenied";
  if (error.code == Errc::not_found && text.contains("libduckdb")) return "LibraryMissing";
  if (error.code == Errc::unsupported) return "TableNotSupported";
  if (error.code == Errc::invalid) return "TableDamaged";
  if (error.code == Errc::conflict) return "TableConflict";
  return "WriteFailed";
}

class LakeSink final : public flow::Sink {
 public:
  LakeSink(net::Env& env, LakeOptions options, std::function<void()> on_health_changed)
      : env_(env),
        options_(std::move(options)),
        on_health_changed_(std::move(on_health_changed)),
        table_(std::make_unique<Table>(env.files, options_.table)),
        self_(std::make_shared<LakeSink*>(this)),
        timer_(env.loop),
        health_{true, "Waiting",
                fmt::format("{} waits for its first batch", options_.table.folder)},
        worker_(std::make_unique<net::Worker>("lake")) {}

  ~LakeSink() override {
    *self_ = nullptr;  // answers of the worker that are still under way find nobody
    worker_.reset();   // the running batch ends first: it may be committed and come once more
  }

  void put(flow::Message message, flow::Ack ack) override {
    auto record = parse_json_exact(as_text(message.payload));
    if (!record || !record->is_object()) {
      dead_letter(record ? "the payload is no JSON object"
                         : fmt::format("the payload is not JSON: {}", record.error().message));
      ack.settle(flow::Outcome::dead_lettered);
      return;
    }
    pending_.records.push_back(std::move(record->get_object()));
    pending_.acks.push_back(std::move(ack));
    if (pending_.records.size() >= options_.messages_max)
      commit();
    else if (!timer_.armed() && !retrying_)
      timer_.arm(options_.latency, [this] { commit(); });
  }

  void flush_hint() override {
    flush_wanted_ = true;
    if (!retrying_) commit();
  }

  flow::Health health() const override { return health_; }

  json::object metrics() const override {
    json::object out{{"type", "LocalStorage"},
                     {"path", options_.table.folder},
                     {"rows", rows_},
                     {"files", files_},
                     {"bytes", bytes_}};
    if (options_.table.layout == Layout::delta) out["version"] = version_;
    if (!last_error_.empty()) out["last_error"] = last_error_;
    return out;
  }

 private:
  /// Hands the pending batch to the worker, one at a time; what comes meanwhile is the next one.
  void commit() {
    if (working_ || pending_.records.empty()) return;
    timer_.cancel();
    flush_wanted_ = false;
    if (writing_.records.empty()) writing_ = std::exchange(pending_, {});
    start_write();
  }

  void start_write() {
    working_ = true;
    const BatchStamp stamp{env_.loop.wall_now(), env_.random.uuid()};
    auto task = [table = table_.get(), records = &writing_.records, stamp, &loop = env_.loop,
                 self = self_]() {
      auto report = table->write(*records, stamp);
      loop.post([self, done = std::move(report)]() mutable {
        if (*self != nullptr) (*self)->on_written(std::move(done));
      });
    };
    if (auto queued = worker_->run(std::move(task)); !queued)
      on_written(std::unexpected(queued.error()));
  }

  void on_written(Result<BatchReport> report) {
    working_ = false;
    retrying_ = !report.has_value();
    if (!report) {
      set_health({false, reason_of(report.error()),
                  fmt::format("{}: {}; {} messages wait unacknowledged, will be tried again",
                              options_.table.folder, report.error().message,
                              writing_.records.size() + pending_.records.size())});
      timer_.arm(retry_after_, [this] { start_write(); });
      retry_after_ = std::min(retry_after_ * 2, retry_max);
      return;
    }
    retry_after_ = retry_min;
    rows_ += report->rows;
    bytes_ += report->bytes;
    files_ += report->rows > 0 ? 1 : 0;
    version_ = report->version;
    set_health({true, "Writing", fmt::format("{} grows", options_.table.folder)});
    settle(*report);
  }

  void settle(const BatchReport& report) {
    Batch done = std::exchange(writing_, {});
    const std::shared_ptr<LakeSink*> self = self_;  // an Ack may end with our destruction
    for (std::size_t i = 0; i < done.acks.size(); ++i) {
      const auto& error = report.errors[i];
      if (error && *self != nullptr) dead_letter(*error);
      done.acks[i].settle(error ? flow::Outcome::dead_lettered : flow::Outcome::delivered);
    }
    if (*self == nullptr || pending_.records.empty() || timer_.armed() || working_) return;
    if (flush_wanted_ || pending_.records.size() >= options_.messages_max)
      commit();
    else
      timer_.arm(options_.latency, [this] { commit(); });
  }

  void dead_letter(std::string why) { last_error_ = std::move(why); }

  void set_health(flow::Health health) {
    if (health == health_) return;
    health_ = std::move(health);
    if (on_health_changed_) on_health_changed_();
  }

  net::Env& env_;
  LakeOptions options_;
  std::function<void()> on_health_changed_;
  std::unique_ptr<Table> table_;
  /// Tells tasks that the loop still holds whether we are there. Shared with them: either may go
  /// first.
  std::shared_ptr<LakeSink*> self_;
  net::Timer timer_;
  Batch pending_;
  Batch writing_;
  bool working_ = false;
  bool retrying_ = false;
  bool flush_wanted_ = false;  ///< asked for while a batch was being written
  Duration retry_after_ = retry_min;
  flow::Health health_;
  std::string last_error_;
  std::uint64_t rows_ = 0;
  std::uint64_t files_ = 0;
  std::uint64_t bytes_ = 0;
  std::int64_t version_ = -1;
  std::unique_ptr<net::Worker> worker_;  ///< last: it works with all of the above
};

/// A path of the manifest that must stay inside its volume.
Result<std::string> inside(std::string_view field, const std::string& text) {
  const std::filesystem::path path(text);
  const bool bad = text.empty() || path.is_absolute() || text.contains('\0') ||
                   std::ranges::any_of(path, [](const auto& part) { return part == ".."; });
  if (!bad) return path.lexically_normal().string();
  return fail(Errc::invalid,
              fmt::format("{}: `{}` must be a folder inside the volume, without `..` "
                          "and without a leading /",
                          field, text));
}

Result<Layout> layout_of(const json::value& transformation) {
  const std::string format = text_at(transformation, {"serializationFormat"}, "Delta");
  if (equals_ignoring_case(format, "Parquet")) return Layout::parquet;
  // Json is the documented default of the field, which has no meaning for tables.
  if (equals_ignoring_case(format, "Delta") || equals_ignoring_case(format, "Json"))
    return Layout::delta;
  return fail(Errc::invalid,
              fmt::format("serializationFormat: `{}` is not Delta or Parquet", format));
}

Result<LakeOptions> read_options(const flow::SinkOptions& sink) {
  static constexpr std::string_view claim = "spec.localStorageSettings.persistentVolumeClaimRef";
  LakeOptions out;
  const json::value* settings = find(sink.endpoint, "spec", "localStorageSettings");
  if (settings == nullptr) return fail(Errc::invalid, "spec.localStorageSettings is required");
  const auto volume = inside(claim, text_at(*settings, {"persistentVolumeClaimRef"}));
  if (!volume) return std::unexpected(volume.error());
  if (volume->contains('/'))
    return fail(Errc::invalid, fmt::format("{}: `{}` is not the name of a claim", claim, *volume));
  const auto folder = inside("dataDestination", text_at(sink.destination, {"dataDestination"}));
  if (!folder) return std::unexpected(folder.error());
  const auto layout = layout_of(sink.transformation);
  if (!layout) return std::unexpected(layout.error());
  out.table.layout = *layout;
  out.table.folder = fmt::format("{}/volumes/{}/{}", sink.data_folder, *volume, *folder);
  while (out.table.folder.ends_with('/')) out.table.folder.pop_back();
  out.table.temp_folder = fmt::format("{}/tmp/lake-{}", sink.data_folder, sink.name);
  out.latency = std::chrono::seconds{int_at(*settings, {"batching", "latencySeconds"}, 60)};
  const std::int64_t messages = int_at(*settings, {"batching", "maxMessages"}, 100'000);
  out.messages_max = static_cast<std::size_t>(std::max<std::int64_t>(messages, 1));
  if (const json::value* schema = find(sink.transformation, "schema"); schema != nullptr) {
    auto parsed = parse_schema(*schema);
    if (!parsed) return wrap("schemaRef", parsed.error());
    out.table.schema = std::move(*parsed);
  }
  return out;
}

}  // namespace

flow::SinkFactory make_lake_factory(LakeFactoryOptions factory) {
  return [factory = std::move(factory)](
             net::Env& env, const flow::SinkOptions& sink) -> Result<std::unique_ptr<flow::Sink>> {
    auto options = read_options(sink);
    if (!options) return std::unexpected(std::move(options.error()));
    options->table.duckdb_libraries = factory.duckdb_libraries;
    return std::make_unique<LakeSink>(env, std::move(*options), sink.on_health_changed);
  };
}

}  // namespace wireway::destination::lake
