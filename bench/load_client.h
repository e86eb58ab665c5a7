#pragma once
/// A load of HTTP/1.1 on the loopback for benchmarks: keep-alive connections with one request under
/// way each, and streams of which every line is timed. Works on any server, ours or a peer's.
///
/// Thread: the Loop's. Errors: counted in failed(); a broken connection is not opened again.

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <unistd.h>

#include <fmt/format.h>

#include "net/os/os_loop.h"

namespace wireway::bench {

struct WireRequest {
  std::string_view method;
  std::string_view path;
  std::string_view body;
  std::string_view type = "application/json";
};

/// Its bytes; `token` empty: without credentials.
inline std::string wire_request(const WireRequest& request, std::string_view token = "") {
  return fmt::format(
      "{} {} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1\r\n{}{}{}"
      "Content-Type: {}\r\nContent-Length: {}\r\n\r\n{}",
      request.method, request.path, token.empty() ? "" : "Authorization: Bearer ", token,
      token.empty() ? "" : "\r\n", request.type, request.body.size(), request.body);
}

/// CPU seconds that a process has used so far, user and system.
inline double cpu_seconds(pid_t pid) {
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::string_view rest = std::string_view(text).substr(name_end + 2);
  long ticks = 0;
  for (int field = 0; field < 13; ++field) {
    const auto space = rest.find(' ');
    if (field >= 11) {
      long value = 0;
      std::from_chars(rest.data(), rest.data() + space, value);
      ticks += value;
    }
    rest.remove_prefix(space + 1);
  }
  return static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

inline double resident_megabytes(pid_t pid) {
  std::ifstream statm(fmt::format("/proc/{}/statm", pid));
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1024 / 1024;
}

class HttpLoad {
 public:
  HttpLoad(net::OsLoop& loop, std::uint16_t port, int connections)
      : loop_(loop), port_(port), wanted_(connections) {}

  /// Sends `total` requests made by `make` and waits for all answers. Gives the seconds it took.
  double run(int total, std::function<std::string(int)> make) {
    make_ = std::move(make);
    next_ = done_ = 0;
    total_ = total;
    const MonoTime start = system_mono_now();
    for (int i = 0; i < wanted_; ++i) {
      connections_.push_back(std::make_unique<Connection>(*this));
      connections_.back()->open(loop_, port_);
    }
    loop_.run();
    connections_.clear();
    return std::chrono::duration<double>(system_mono_now() - start).count();
  }
  int failed() const { return failed_; }
  const std::string& last_answer() const { return last_answer_; }

 private:
  class Connection final : public net::StreamHandler {
   public:
    explicit Connection(HttpLoad& owner) : owner_(owner) {}
    void open(net::OsLoop& loop, std::uint16_t port) {
      stream_ = loop.connect({"127.0.0.1", port}, *this, std::chrono::seconds{5});
    }
    void on_open() override { send(); }
    void on_bytes(ByteView bytes) override {
      received_ += as_text(bytes);
      const auto head = received_.find("\r\n\r\n");
      if (head == std::string::npos) return;
      auto at = received_.find("Content-Length: ");
      if (at == std::string::npos || at > head) at = received_.find("content-length: ");
      const std::size_t size = std::strtoul(received_.c_str() + at + 16, nullptr, 10);
      if (received_.size() < head + 4 + size) return;
      if (!received_.starts_with("HTTP/1.1 20")) ++owner_.failed_;
      owner_.last_answer_.swap(received_);
      received_.clear();
      if (++owner_.done_ == owner_.total_) owner_.loop_.stop();
      send();
    }
    void on_close(const Error&) override {
      ++owner_.failed_;
      owner_.loop_.stop();
    }

   private:
    void send() {
      if (owner_.next_ < owner_.total_) stream_->write(as_bytes(owner_.make_(owner_.next_++)));
    }
    HttpLoad& owner_;
    std::unique_ptr<net::Stream> stream_;
    std::string received_;
  };

  net::OsLoop& loop_;
  std::uint16_t port_;
  int wanted_;
  std::function<std::string(int)> make_;
  std::vector<std::unique_ptr<Connection>> connections_;
  int next_ = 0;
  int done_ = 0;
  int total_ = 0;
  int failed_ = 0;
  std::string last_answer_;
};

/// What one line of a stream says: its place in the order, and when its cause was sent.
struct StreamLine {
  std::int64_t order = 0;
  std::int64_t sent_ns = 0;
};

struct StreamFigures {
  std::int64_t lines = 0;
  std::int64_t out_of_order = 0;
  std::int64_t twice = 0;
  std::int64_t streams_short = 0;  ///< streams that did not get every line
  std::int64_t broken = 0;
  std::vector<double> latency_ms;

  double percentile(double share) {
    if (latency_ms.empty()) return 0;
    const auto rank =
        static_cast<std::ptrdiff_t>(share * static_cast<double>(latency_ms.size() - 1));
    std::nth_element(latency_ms.begin(), latency_ms.begin() + rank, latency_ms.end());
    return latency_ms[static_cast<std::size_t>(rank)];
  }
};

/// Many streams of one server (watches) while changes are made at a steady pace.
class StreamLoad {
 public:
  /// Takes a line apart; order 0 = the line does not count.
  using ReadLine = std::function<StreamLine(std::string_view line)>;
  /// The request that makes change `number`, stamped with the time of sending.
  using MakeChange = std::function<std::string(int number, std::int64_t sent_ns)>;

  StreamLoad(net::OsLoop& loop, std::uint16_t port, ReadLine read_line)
      : loop_(loop), port_(port), read_line_(std::move(read_line)), pace_(loop), limit_(loop) {}

  StreamFigures run(int streams, const std::string& request, int changes, Duration interval,
                    MakeChange make) {
    make_ = std::move(make);
    changes_ = changes;
    for (int i = 0; i < streams; ++i) {
      streams_.push_back(std::make_unique<One>(*this, request));
      streams_.back()->open(loop_, port_);
    }
    writer_ = std::make_unique<One>(*this, "");
    writer_->open(loop_, port_);
    limit_.arm(std::chrono::seconds{60}, [this] { loop_.stop(); });
    pace_.arm(std::chrono::seconds{2}, [this, interval] { next(interval); });
    loop_.run();
    for (const auto& stream : streams_)
      if (stream->lines() != changes_) ++figures_.streams_short;
    streams_.clear();
    writer_.reset();
    return std::move(figures_);
  }

 private:
  class One final : public net::StreamHandler {
   public:
    One(StreamLoad& owner, std::string request) : owner_(owner), request_(std::move(request)) {}
    void open(net::OsLoop& loop, std::uint16_t port) {
      stream_ = loop.connect({"127.0.0.1", port}, *this, std::chrono::seconds{5});
    }
    void send(const std::string& text) { stream_->write(as_bytes(text)); }
    void on_open() override {
      if (!request_.empty()) send(request_);
    }
    void on_bytes(ByteView bytes) override {
      if (request_.empty()) return;  // answers to changes
      text_ += as_text(bytes);
      std::size_t begin = 0;
      for (auto end = text_.find('\n'); end != std::string::npos; end = text_.find('\n', begin)) {
        take(std::string_view(text_).substr(begin, end - begin));
        begin = end + 1;
      }
      text_.erase(0, begin);
    }
    void on_close(const Error&) override { ++owner_.figures_.broken; }
    std::int64_t lines() const { return lines_; }

   private:
    void take(std::string_view line) {
      const StreamLine read = owner_.read_line_(line);
      if (read.order == 0) return;
      ++lines_;
      StreamFigures& figures = owner_.figures_;
      if (read.order == last_) ++figures.twice;
      if (read.order < last_) ++figures.out_of_order;
      last_ = read.order;
      ++figures.lines;
      const auto now = system_mono_now().since_start;
      const auto age = now - std::chrono::nanoseconds{read.sent_ns};
      figures.latency_ms.push_back(std::chrono::duration<double, std::milli>(age).count());
      const auto all = static_cast<std::int64_t>(owner_.streams_.size()) *
                       static_cast<std::int64_t>(owner_.changes_);
      if (figures.lines == all) owner_.loop_.stop();
    }

    StreamLoad& owner_;
    std::string request_;
    std::unique_ptr<net::Stream> stream_;
    std::string text_;
    std::int64_t last_ = 0;
    std::int64_t lines_ = 0;
  };

  void next(Duration interval) {
    const auto now = system_mono_now().since_start;
    writer_->send(make_(made_++, now.count()));
    if (made_ < changes_) pace_.arm(interval, [this, interval] { next(interval); });
  }

  net::OsLoop& loop_;
  std::uint16_t port_;
  ReadLine read_line_;
  MakeChange make_;
  int changes_ = 0;
  int made_ = 0;
  std::vector<std::unique_ptr<One>> streams_;
  std::unique_ptr<One> writer_;
  StreamFigures figures_;
  net::Timer pace_;
  net::Timer limit_;
};

}  // namespace wireway::bench
