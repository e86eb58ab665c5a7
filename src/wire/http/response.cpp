#include "wire/http/response.h"

#include <array>
#include <chrono>

#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

#include "base/json.h"

namespace wireway::wire::http {
namespace {

bool is_ours(std::string_view name) {
  for (const std::string_view ours : {"date", "content-length", "transfer-encoding", "connection"})
    if (equals_ignoring_case(name, ours)) return true;
  return false;
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value) out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
  out += "\r\n";
}

}  // namespace

bool has_no_body(unsigned status) { return status < 200 || status == 204 || status == 304; }

std::string_view reason_phrase(unsigned status) {
  const auto phrase =
      boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return phrase.empty() ? "Unknown" : std::string_view(phrase.data(), phrase.size());
}

std::string http_date(WallTime time) {
  using namespace std::chrono;
  static constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_seconds at{floor<seconds>(time.since_epoch)};
  const auto midnight = floor<std::chrono::days>(at);
  const year_month_day date{midnight};
  const hh_mm_ss clock{at - midnight};
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[weekday{midnight}.c_encoding()],
                     static_cast<unsigned>(date.day()),
                     months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string serialize_head(const ResponseHead& head, const HeadOptions& options) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", head.status, reason_phrase(head.status));
  append_header(out, "Date", http_date(options.now));
  for (const auto& [name, value] : head.headers)
    if (!is_ours(name)) append_header(out, name, value);
  if (!has_no_body(head.status)) {
    if (options.framing == Framing::length)
      append_header(out, "Content-Length", std::to_string(options.body_bytes));
    if (options.framing == Framing::chunked) append_header(out, "Transfer-Encoding", "chunked");
  }
  append_header(out, "Connection", options.keep_alive ? "keep-alive" : "close");
  out += "\r\n";
  return out;
}

void append_chunk(std::string& out, std::string_view data) {
  if (data.empty()) return;
  out += fmt::format("{:x}\r\n", data.size());
  out += data;
  out += "\r\n";
}

}  // namespace wireway::wire::http
