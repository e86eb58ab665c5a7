#include "control/workload/child_log.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/log.h"

namespace wireway::control {

ChildLog::ChildLog(const std::string& folder, const std::string& name) {
  if (folder.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  path_ = folder + "/" + name + ".log";
  previous_ = folder + "/" + name + ".previous.log";
  open();
}

void ChildLog::open() {
  file_.reset(std::fopen(path_.c_str(), "ae"));
  if (!file_) return complain("cannot be written");
  // Whole lines reach the file at once, and what is there may already be much.
  std::setvbuf(file_.get(), nullptr, _IOLBF, BUFSIZ);
  std::error_code error;
  const auto size = std::filesystem::file_size(path_, error);
  bytes_ = error ? 0 : static_cast<std::size_t>(size);
}

void ChildLog::write(std::string_view line) {
  if (!file_) return;
  if (bytes_ + line.size() + 1 > file_bytes_max) {
    file_.reset();
    std::error_code error;
    std::filesystem::rename(path_, previous_, error);
    if (error) return complain("cannot be moved away");
    open();
    if (!file_) return;
  }
  const bool written = std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size() &&
                       std::fputc('\n', file_.get()) != EOF;
  if (!written) return complain("cannot be written");
  bytes_ += line.size() + 1;
}

void ChildLog::complain(std::string_view what) {
  if (std::exchange(complained_, true)) return;
  log::warn("the log {} {}: {}", path_, what, std::strerror(errno));
}

}  // namespace wireway::control
