// Scratch files of the simulated machine: what is written takes time, room and the same errors as a
// log, and a power cut leaves nothing.

#include <algorithm>
#include <deque>
#include <utility>

#include <fmt/format.h>

#include "net/loop.h"
#include "net/sim/detail/sim_files.h"

namespace wireway::net::detail {

class SimScratchFile final : public ScratchFile {
 public:
  SimScratchFile(SimFiles& files, Loop& loop, std::string folder)
      : files_(files), folder_(std::move(folder)), timer_(loop) {
    files_.scratch_files_.insert(this);
  }
  ~SimScratchFile() override { files_.scratch_files_.erase(this); }

  std::uint64_t used_bytes() const {
    std::uint64_t sum = 0;
    for (const auto& [offset, bytes] : content_) sum += bytes.size();
    return sum;
  }

  void write(std::uint64_t offset, Bytes bytes, Written done) override {
    add([this, offset, content = std::move(bytes), then = std::move(done)]() mutable {
      then(write_now(offset, std::move(content)));
    });
  }
  void read(std::uint64_t offset, std::size_t bytes, Read done) override {
    add([this, offset, bytes, then = std::move(done)]() mutable { then(read_now(offset, bytes)); });
  }
  void discard(std::uint64_t offset, std::uint64_t bytes) override {
    add([this, offset, bytes] { cut(offset, bytes); });
  }

  void power_cut() {
    timer_.cancel();
    calls_.clear();
    content_.clear();
    is_dead_ = true;
  }

 private:
  void add(Task call) {
    if (is_dead_) return;
    calls_.push_back(std::move(call));
    if (calls_.size() == 1) begin();
  }
  void begin() {
    timer_.arm(files_.time_of_call(), [this] {
      Task call = std::move(calls_.front());
      calls_.pop_front();
      if (!calls_.empty()) begin();
      call();  // may destroy this
    });
  }

  std::unexpected<Error> broken(std::string_view what) const {
    return fail(Errc::io,
                fmt::format("{} the scratch file in {}: Input/output error", what, folder_));
  }

  /// What stands in [offset, offset + bytes) is there no more.
  void cut(std::uint64_t offset, std::uint64_t bytes) {
    const std::uint64_t end = offset + bytes;
    auto at = content_.lower_bound(offset);
    if (at != content_.begin()) {
      const auto before = std::prev(at);
      const std::uint64_t before_end = before->first + before->second.size();
      if (before_end > end)
        content_[end] =
            Bytes(before->second.end() - std::ptrdiff_t(before_end - end), before->second.end());
      if (before_end > offset) before->second.resize(offset - before->first);
    }
    while (at != content_.end() && at->first < end) {
      const std::uint64_t at_end = at->first + at->second.size();
      if (at_end > end)
        content_[end] = Bytes(at->second.end() - std::ptrdiff_t(at_end - end), at->second.end());
      at = content_.erase(at);
      if (at_end > end) break;
    }
  }

  Result<> write_now(std::uint64_t offset, Bytes bytes) {
    DiskFaults& faults = files_.faults_;
    cut(offset, bytes.size());
    if (files_.strikes(faults.failing_write, faults.write_error_per_million))
      return broken("write");
    if (files_.log_bytes() + bytes.size() > faults.capacity_bytes)
      return fail(Errc::exhausted, fmt::format("write the scratch file in {}: No space left on "
                                               "device",
                                               folder_));
    content_[offset] = std::move(bytes);
    return {};
  }

  Result<Bytes> read_now(std::uint64_t offset, std::size_t wanted) {
    DiskFaults& faults = files_.faults_;
    if (files_.strikes(faults.failing_read, faults.read_error_per_million)) return broken("read");
    Bytes out(wanted);
    std::size_t got = 0;
    auto at = content_.upper_bound(offset);
    if (at != content_.begin()) --at;
    for (; at != content_.end() && at->first < offset + wanted; ++at) {
      const std::uint64_t from = std::max(offset, at->first);
      const std::uint64_t to = std::min(offset + wanted, at->first + at->second.size());
      if (from >= to) continue;
      std::copy(at->second.begin() + std::ptrdiff_t(from - at->first),
                at->second.begin() + std::ptrdiff_t(to - at->first),
                out.begin() + std::ptrdiff_t(from - offset));
      got += to - from;
    }
    if (got < wanted) return broken("read");
    std::uint64_t never = 0;
    if (files_.strikes(never, faults.garbled_read_per_million))
      out[files_.random_.below(wanted)] ^= 0x20;
    return out;
  }

  SimFiles& files_;
  const std::string folder_;
  Timer timer_;
  std::deque<Task> calls_;                  ///< the first is under way
  std::map<std::uint64_t, Bytes> content_;  ///< by offset, without overlap
  bool is_dead_ = false;
};

Result<std::unique_ptr<ScratchFile>> SimFiles::open_scratch(Loop& loop, const std::string& folder) {
  if (auto made = make_folders(folder); !made) return std::unexpected(made.error());
  return std::make_unique<SimScratchFile>(*this, loop, folder);
}

std::uint64_t SimFiles::scratch_bytes() const {
  std::uint64_t sum = 0;
  for (const SimScratchFile* each : scratch_files_) sum += each->used_bytes();
  return sum;
}

void SimFiles::cut_scratch_files() {
  for (SimScratchFile* each : std::exchange(scratch_files_, {})) each->power_cut();
}

}  // namespace wireway::net::detail
