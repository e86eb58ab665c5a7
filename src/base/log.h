#pragma once
/// One line per event to stderr: time, level, component, message. Every service logs through this.
///
/// Form:   `2026-01-31T08:00:00.123Z INFO  broker  listener default: accepting MQTT on
///         127.0.0.1:1883` or one JSON object a line (`--log-format json`).
/// Thread: any; a line is written by one write(2) and never interleaved.
/// Limits: a line is cut at log_line_bytes_max; control characters from peers are escaped.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace wireway::log {

enum class Level { trace, debug, info, warn, error, off };
enum class Format { text, json };

inline constexpr std::size_t log_line_bytes_max = 16 * 1024;

/// Settings of the process, called by `main` before anything else logs. `component` is the word in
/// the third column ("broker", "opcua", "up").
void configure(Level level, Format format, std::string component);

/// Changes the level while running (a resource's `logs.level`).
void set_level(Level level);

/// "trace" ... "error", "off" in any case; per-module suffixes after a comma are ignored.
Level parse_level(std::string_view text, Level fallback);

bool enabled(Level level);
void write(Level level, std::string_view message);

template <class... Args>
void emit(Level level, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level)) write(level, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  emit(Level::debug, format, std::forward<Args>(args)...);
}

template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  emit(Level::info, format, std::forward<Args>(args)...);
}

template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  emit(Level::warn, format, std::forward<Args>(args)...);
}

template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  emit(Level::error, format, std::forward<Args>(args)...);
}

}  // namespace wireway::log
