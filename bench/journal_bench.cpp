// What durable records cost: the journal with its queue kept full, plain and encrypted, beside bare
// pwrite + fdatasync of as many bytes in groups of the same size on the same disk in the same run.
//
//   journal_bench [folder]    (default: a new one in the working directory)

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <fmt/format.h>

#include "broker/journal/local_journal.h"
#include "net/os/os_loop.h"

namespace wireway {
namespace {

constexpr std::size_t record_bytes = 120;
constexpr Duration run_time = std::chrono::milliseconds{1500};

double thread_cpu_s() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double seconds_since(MonoTime begin) {
  return std::chrono::duration<double>(system_mono_now() - begin).count();
}

struct Figures {
  double seconds = 0;
  double cpu_s = 0;
  std::uint64_t records = 0;
  std::uint64_t groups = 0;
};

void show(const std::string& name, std::size_t window, const Figures& of) {
  fmt::print("{:<18} {:>7} waiting {:>11.0f} records/s {:>7.0f} groups/s {:>8.1f} MB/s", name,
             window, static_cast<double>(of.records) / of.seconds,
             static_cast<double>(of.groups) / of.seconds,
             static_cast<double>(of.records * record_bytes) / of.seconds * 1e-6);
  if (of.cpu_s > 0)
    fmt::print(" {:>8.3f} us of the loop a record",
               of.cpu_s / static_cast<double>(of.records) * 1e6);
  fmt::print("\n");
}

/// Keeps `window` records on their way.
class Producer final : public broker::JournalHandler {
 public:
  Producer(net::OsLoop& loop, broker::Journal& journal, std::size_t window)
      : loop_(loop), journal_(journal), window_(window) {
    journal.set_handler(*this);
  }
  Figures run() {
    const MonoTime begin = system_mono_now();
    const double cpu = thread_cpu_s();
    loop_.run_after(Duration{0}, [this] { fill(); });
    loop_.run_after(run_time, [this] { ends_ = true; });
    loop_.run();
    return {seconds_since(begin), thread_cpu_s() - cpu, journal_.durable(),
            journal_.figures().groups};
  }
  void on_durable() override {
    if (!ends_) return fill();
    if (journal_.durable() == journal_.appended()) loop_.stop();
  }
  void on_failed(const Error& reason) override {
    fmt::print("{}\n", reason.message);
    std::exit(1);
  }
  void on_recovered() override {}

 private:
  void fill() {
    while (journal_.appended() - journal_.durable() < window_) journal_.append(record_);
  }
  net::OsLoop& loop_;
  broker::Journal& journal_;
  std::size_t window_;
  Bytes record_ = Bytes(record_bytes, 'r');
  bool ends_ = false;
};

Figures journal(const std::string& folder, std::vector<std::uint8_t> key, std::size_t window) {
  std::filesystem::remove_all(folder);
  net::OsLoop loop;
  const auto files = net::make_os_files();
  auto opened = broker::LocalJournal::open(loop, *files, {.folder = folder, .key = std::move(key)},
                                           [](ByteView) -> Result<> { return {}; });
  if (!opened) {
    fmt::print("{}\n", opened.error().message);
    std::exit(1);
  }
  return Producer(loop, **opened, window).run();
}

/// As many bytes as the journal wrote, by one thread that does nothing else.
Figures bare(const std::string& folder, const Figures& like) {
  const std::string path = folder + "/bare";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) std::exit(1);
  const std::size_t records = like.records / std::max<std::uint64_t>(like.groups, 1);
  const Bytes group(records * record_bytes, 'r');
  Figures out;
  const MonoTime begin = system_mono_now();
  for (; out.records < like.records; out.records += records, ++out.groups)
    if (::pwrite(fd, group.data(), group.size(), static_cast<off_t>(out.groups * group.size())) !=
            static_cast<ssize_t>(group.size()) ||
        ::fdatasync(fd) != 0)
      std::exit(1);
  out.seconds = seconds_since(begin);
  ::close(fd);
  ::unlink(path.c_str());
  return out;
}

/// How fast a start reads it all.
void replay(const std::string& folder, std::vector<std::uint8_t> key) {
  net::OsLoop loop;
  const auto files = net::make_os_files();
  std::uint64_t records = 0;
  const MonoTime begin = system_mono_now();
  const auto opened = broker::LocalJournal::open(
      loop, *files, {.folder = folder, .key = std::move(key)}, [&](ByteView) -> Result<> {
        ++records;
        return {};
      });
  if (!opened) std::exit(1);
  fmt::print("{:<18} {:>7} records in {:.3f} s: {:.1f} M/s\n", "replay", records,
             seconds_since(begin), static_cast<double>(records) / seconds_since(begin) * 1e-6);
}

}  // namespace
}  // namespace wireway

int main(int argc, char** argv) {
  using namespace wireway;
  const std::string folder =
      (argc > 1 ? std::string(argv[1]) : std::string(".")) + "/journal-bench";
  const std::vector<std::uint8_t> key(32, 1);
  for (const std::size_t window : {1UL, 1024UL, 8192UL, 65536UL}) {
    const Figures plain = journal(folder, {}, window);
    show("checksum", window, plain);
    if (window == 65536) replay(folder, {});
    show("AES-256-GCM", window, journal(folder, key, window));
    if (window == 65536) replay(folder, key);
    show("bare write + sync", window, bare(folder, plain));
  }
  std::filesystem::remove_all(folder);
}
