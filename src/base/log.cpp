#include "base/log.h"

#include <atomic>
#include <cctype>

#include <unistd.h>

#include <boost/json.hpp>

#include "base/time.h"

namespace wireway::log {
namespace {

// Set once by main before any other thread exists; read everywhere.
std::atomic<Level> level_now{Level::info};
std::atomic<Format> format_now{Format::text};
std::string& component_now() {
  static std::string component = "wireway";
  return component;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::trace: return "TRACE";
    case Level::debug: return "DEBUG";
    case Level::info: return "INFO";
    case Level::warn: return "WARN";
    case Level::error: return "ERROR";
    case Level::off: break;
  }
  return "OFF";
}

/// A peer must not be able to forge a second line or to drive a terminal.
std::string escape_control(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F)
      out.push_back(c);
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else
      out += fmt::format("\\x{:02x}", byte);
  }
  return out;
}

std::string line_of(Level level, std::string_view message) {
  const std::string time = to_rfc3339(system_wall_now(), 3);
  if (format_now.load(std::memory_order_relaxed) == Format::json) {
    boost::json::object line{{"time", time},
                             {"level", name_of(level)},
                             {"component", component_now()},
                             {"message", message}};
    return boost::json::serialize(line);
  }
  return fmt::format("{} {:<5} {:<8} {}", time, name_of(level), component_now(),
                     escape_control(message));
}

}  // namespace

void configure(Level level, Format format, std::string component) {
  level_now = level;
  format_now = format;
  component_now() = std::move(component);
}

void set_level(Level level) { level_now = level; }

Level parse_level(std::string_view text, Level fallback) {
  std::string word;
  for (const char c : text.substr(0, text.find(',')))
    word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  if (word == "trace") return Level::trace;
  if (word == "debug") return Level::debug;
  if (word == "info") return Level::info;
  if (word == "warn" || word == "warning") return Level::warn;
  if (word == "error") return Level::error;
  if (word == "off") return Level::off;
  return fallback;
}

bool enabled(Level level) { return level >= level_now.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message) {
  std::string line = line_of(level, message.substr(0, log_line_bytes_max));
  line.push_back('\n');
  // A full or closed stderr must never stop the product, so the result is of no use to anybody.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace wireway::log
