// Logs of the simulated machine: what is written is in the cache at once, on the disk only after
// its sync; what a power cut or a failed sync leaves of the rest is a matter of chance.

#include <algorithm>
#include <deque>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "net/loop.h"
#include "net/sim/detail/sim_files.h"

namespace wireway::net::detail {
namespace {

constexpr std::size_t sector_bytes = 512;

class SimLogReader final : public LogReader {
 public:
  explicit SimLogReader(std::string content) : content_(std::move(content)) {}
  std::uint64_t size_bytes() const override { return content_.size(); }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) override {
    const std::size_t from = std::min<std::size_t>(offset, content_.size());
    const std::size_t count = std::min(into.size(), content_.size() - from);
    std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(from), count, into.begin());
    return count;
  }

 private:
  std::string content_;
};

void overwrite(std::string& to, std::size_t offset, std::string_view bytes) {
  if (to.size() < offset + bytes.size()) to.resize(offset + bytes.size());
  to.replace(offset, bytes.size(), bytes);
}

}  // namespace

class SimLogFolder final : public LogFolder {
 public:
  SimLogFolder(SimFiles& files, Loop& loop, std::string folder)
      : files_(files), folder_(std::move(folder)), timer_(loop) {
    files_.log_folders_.insert(this);
  }
  ~SimLogFolder() override { files_.log_folders_.erase(this); }

  const std::string& folder() const { return folder_; }

  Result<std::vector<Entry>> list() override {
    std::vector<Entry> entries;
    std::erase_if(files_.nodes_, [&](const auto& each) {
      return is_in(each.first) && each.first.ends_with(".new");
    });
    for (const auto& [path, node] : files_.nodes_)
      if (is_in(path) && !node.is_folder)
        entries.push_back({path.substr(folder_.size() + 1), node.content.size()});
    return entries;
  }

  Result<std::unique_ptr<LogReader>> read(const std::string& name) override {
    auto content = files_.read(path_of(name));
    if (!content) return std::unexpected(content.error());
    return std::make_unique<SimLogReader>(std::move(*content));
  }

  void create(std::string name, ByteView head, Done done) override {
    add({Call::Kind::create, {std::move(name)}, head, std::move(done)});
  }
  void append(ByteView bytes, Done done) override {
    add({Call::Kind::append, {}, bytes, std::move(done)});
  }
  void remove(std::vector<std::string> names, Done done) override {
    add({Call::Kind::remove, std::move(names), {}, std::move(done)});
  }

  /// What is under way happens in part; nothing happens any more.
  void power_cut() {
    timer_.cancel();
    if (calls_.empty()) return;
    const Call& call = calls_.front();
    const std::uint64_t chance = files_.random_.below(3);
    if (call.kind == Call::Kind::create && chance == 1)
      files_.nodes_[path_of(call.names[0]) + ".new"].content =
          as_text(call.bytes.first(files_.random_.below(call.bytes.size() + 1)));
    if (call.kind == Call::Kind::create && chance == 2) start_log(call);
    if (call.kind == Call::Kind::remove)
      for (std::size_t i = 0, n = files_.random_.below(call.names.size() + 1); i < n; ++i)
        files_.nodes_.erase(path_of(call.names[i]));
    calls_.clear();
    is_dead_ = true;
  }

 private:
  struct Call {
    enum class Kind { create, append, remove };
    Kind kind;
    std::vector<std::string> names;
    ByteView bytes;
    Done done;
  };

  std::string path_of(const std::string& name) const { return folder_ + "/" + name; }
  bool is_in(const std::string& path) const {
    return path.size() > folder_.size() && path.starts_with(folder_) &&
           path.find('/', folder_.size()) == folder_.size() &&
           path.find('/', folder_.size() + 1) == std::string::npos;
  }

  void add(Call call) {
    if (is_dead_) return;
    calls_.push_back(std::move(call));
    if (calls_.size() == 1) begin();
  }

  void begin() {
    const Call& call = calls_.front();
    Result<> written;
    if (call.kind == Call::Kind::append) written = write(call.bytes);
    timer_.arm(files_.time_of_call(),
               [this, outcome = std::move(written)]() mutable { end(std::move(outcome)); });
  }

  void end(Result<> outcome) {
    Call call = std::move(calls_.front());
    calls_.pop_front();
    if (call.kind == Call::Kind::append && outcome) outcome = sync();
    if (call.kind == Call::Kind::create) outcome = create_now(call);
    if (call.kind == Call::Kind::remove)
      for (const std::string& name : call.names) files_.nodes_.erase(path_of(name));
    if (!calls_.empty()) begin();
    call.done(std::move(outcome));  // may destroy this
  }

  bool write_fails() {
    return files_.strikes(files_.faults_.failing_write, files_.faults_.write_error_per_million);
  }
  std::uint64_t room() const {
    const std::uint64_t used = files_.log_bytes();
    return files_.faults_.capacity_bytes - std::min(files_.faults_.capacity_bytes, used);
  }
  static std::unexpected<Error> full(std::string_view what, const std::string& path) {
    return fail(Errc::exhausted, fmt::format("{} {}: No space left on device", what, path));
  }
  static std::unexpected<Error> broken(std::string_view what, const std::string& path) {
    return fail(Errc::io, fmt::format("{} {}: Input/output error", what, path));
  }

  void start_log(const Call& call) {
    SimFiles::Node node{.content = to_text(call.bytes), .is_log = true};
    node.disk = node.content;
    files_.nodes_[path_of(call.names[0])] = std::move(node);
  }

  Result<> create_now(const Call& call) {
    const std::string path = path_of(call.names[0]);
    if (write_fails()) return broken("create", path);
    if (room() < call.bytes.size()) return full("create", path);
    start_log(call);
    open_ = path;
    written_ = call.bytes.size();
    in_doubt_ = false;
    return {};
  }

  Result<> write(ByteView bytes) {
    if (open_.empty() || in_doubt_) return broken("write", folder_);
    const auto found = files_.nodes_.find(open_);
    if (found == files_.nodes_.end()) return broken("write", open_);
    SimFiles::Node& node = found->second;
    in_doubt_ = write_fails();
    const std::size_t fits = std::min<std::size_t>(
        bytes.size(), room() + node.content.size() - std::min(node.content.size(), written_));
    const std::size_t part = in_doubt_ ? files_.random_.below(fits + 1) : fits;
    overwrite(node.content, written_, as_text(bytes.first(part)));
    node.unsynced.push_back({written_, written_ + part});
    if (in_doubt_) return broken("write", open_);
    if (part < bytes.size()) return full("write", open_);
    written_ += part;
    return {};
  }

  Result<> sync() {
    const auto found = files_.nodes_.find(open_);
    if (found == files_.nodes_.end()) return broken("sync", open_);
    SimFiles::Node& node = found->second;
    in_doubt_ = files_.strikes(files_.faults_.failing_sync, files_.faults_.sync_error_per_million);
    for (const auto& range : std::exchange(node.unsynced, {})) {
      if (in_doubt_)
        files_.keep_some(node, range);  // and no later sync writes the rest
      else
        overwrite(node.disk, range.begin,
                  std::string_view(node.content).substr(range.begin, range.end - range.begin));
    }
    if (in_doubt_) return broken("sync", open_);
    return {};
  }

  SimFiles& files_;
  const std::string folder_;
  Timer timer_;
  std::deque<Call> calls_;  ///< the first is under way
  std::string open_;        ///< path
  std::size_t written_ = 0;
  bool in_doubt_ = false;
  bool is_dead_ = false;
};

Result<std::unique_ptr<LogFolder>> SimFiles::open_logs(Loop& loop, const std::string& folder,
                                                       const LogOptions&) {
  if (auto made = make_folders(folder); !made) return std::unexpected(made.error());
  std::string name = std::filesystem::path(folder).lexically_normal().string();
  if (name.ends_with('/')) name.pop_back();
  for (const SimLogFolder* each : log_folders_)
    if (each->folder() == name)
      return fail(Errc::conflict, fmt::format("{} is in use by another process; stop that one, or "
                                              "choose another folder",
                                              folder));
  return std::make_unique<SimLogFolder>(*this, loop, std::move(name));
}

std::uint64_t SimFiles::log_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [path, node] : nodes_)
    if (node.is_log) sum += node.content.size();
  return sum + scratch_bytes();
}

bool SimFiles::strikes(std::uint64_t& countdown, std::uint32_t per_million) {
  if (countdown > 0 && --countdown == 0) return true;
  return per_million > 0 && random_.below(1'000'000) < per_million;
}

Duration SimFiles::time_of_call() {
  const auto spread = static_cast<std::uint64_t>((faults_.sync_max - faults_.sync_min).count());
  return faults_.sync_min + Duration{static_cast<std::int64_t>(random_.below(spread + 1))};
}

/// All of it, nothing, the front, or each sector as chance has it: there, not there, garbage.
void SimFiles::keep_some(Node& node, const Range& range) {
  const std::uint64_t way = random_.below(4);
  if (way == 0 || range.begin == range.end) return;
  std::string bytes = node.content.substr(range.begin, range.end - range.begin);
  if (way == 1) bytes.resize(random_.below(bytes.size() + 1));
  for (std::size_t at = 0; way == 2 && at < bytes.size();) {
    // Up to the end of its sector; bytes of the sector that were synced before stay.
    const std::size_t length =
        std::min(bytes.size() - at, sector_bytes - (range.begin + at) % sector_bytes);
    const std::uint64_t fate = random_.below(8);
    for (std::size_t i = at; i < at + length && fate < 4; ++i)
      bytes[i] = fate < 3 ? '\0' : static_cast<char>(random_.next());
    at += length;
  }
  overwrite(node.disk, range.begin, bytes);
}

void SimFiles::lose_power(Node& node) {
  for (const Range& range : std::exchange(node.unsynced, {})) keep_some(node, range);
  // The reserve behind what was written.
  if (random_.below(2) == 0) node.disk.resize(node.disk.size() + random_.below(4096));
  node.content = node.disk;
}

void SimFiles::power_cut() {
  for (SimLogFolder* each : std::exchange(log_folders_, {})) each->power_cut();
  cut_scratch_files();
  for (auto& [path, node] : nodes_)
    if (node.is_log) lose_power(node);
}

}  // namespace wireway::net::detail
