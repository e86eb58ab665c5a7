#pragma once
/// What one child has printed, on disk for who comes later: <folder>/<name>.log, and the one before
/// it as <name>.previous.log.
///
/// Thread: the supervisor's. Limits: file_bytes_max a file, two files a child.
/// Errors: a line that cannot be written (disk full) is dropped; the first is told in the log.

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace wireway::control {

class ChildLog {
 public:
  static constexpr std::size_t file_bytes_max = 8 * 1024 * 1024;

  /// An empty folder keeps nothing.
  ChildLog(const std::string& folder, const std::string& name);
  void write(std::string_view line);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void open();
  void complain(std::string_view what);

  std::string path_;
  std::string previous_;
  std::unique_ptr<std::FILE, Close> file_;
  std::size_t bytes_ = 0;
  bool complained_ = false;
};

}  // namespace wireway::control
