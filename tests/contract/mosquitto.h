#pragma once
/// A broker that is not ours (Debian's mosquitto) on a free port, with its state in a temporary
/// folder: stopped and started again it still has what it acknowledged.

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <stdlib.h>
#include <unistd.h>

#include "net/os/os_loop.h"
#include "net/os/process.h"
#include "net/os/test_loop.h"

namespace wireway::contract {

inline constexpr const char* mosquitto_program = "/usr/sbin/mosquitto";

inline bool mosquitto_is_there() { return ::access(mosquitto_program, X_OK) == 0; }

/// A folder of its own for a test, removed with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "wireway-XXXXXX").string();
    if (const char* made = ::mkdtemp(pattern.data())) path_ = made;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Mosquitto {
 public:
  explicit Mosquitto(net::OsLoop& loop) : loop_(loop) {
    // A port that was free may be taken when mosquitto opens it: then another one.
    for (int attempt = 0; attempt < 5 && !is_running(); ++attempt) {
      choose_port();
      start();
      net::turn_until(loop_, [this] { return exited_ || is_running(); });
    }
  }

  void start() {
    net::ProcessOptions options;
    options.arguments = {mosquitto_program, "-c", folder_.path() + "/conf"};
    options.on_output = [this](std::string_view line) { lines_.emplace_back(line); };
    options.on_exit = [this](const net::ExitStatus&) { exited_ = true; };
    exited_ = false;
    lines_.clear();
    process_ = std::move(*net::start_process(loop_, std::move(options)));
  }

  /// SIGTERM, upon which it writes its state to disk.
  void stop() {
    process_->signal(SIGTERM);
    net::turn_until(loop_, [this] { return exited_; });
    process_.reset();
  }

  std::uint16_t port() const { return port_; }
  /// What it has logged.
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  void choose_port() {
    const auto free = loop_.listen({.endpoint = {"127.0.0.1", 0}}, [](auto) {});
    port_ = (*free)->port();
    std::ofstream(folder_.path() + "/conf")
        << "listener " << port_ << " 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
        << "max_inflight_messages 0\npersistence true\nuser root\n"
        << "persistence_location " << folder_.path() << "/\n";
  }
  bool is_running() const {
    return process_ != nullptr && !exited_ &&
           std::ranges::any_of(lines_, [](const std::string& line) {
             return line.contains("mosquitto version") && line.ends_with("running");
           });
  }

  net::OsLoop& loop_;
  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  bool exited_ = false;
  std::vector<std::string> lines_;
  std::unique_ptr<net::Process> process_;
};

}  // namespace wireway::contract
