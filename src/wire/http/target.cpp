#include <fmt/format.h>

#include "wire/http/request_parser.h"

namespace wireway::wire::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

/// "http://host:port/path" (RFC 9112 section 3.2.2) is the same as "/path" to us.
std::string_view without_authority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t slash = target.find_first_of("/?", scheme.size());
    return slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target;
}

bool climbs(std::string_view path) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (path.substr(begin, end - begin) == "..") return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, PlusSign plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus == PlusSign::is_space) c = ' ';
    if (text[i] == '%') {
      const int first = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int second = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (first < 0 || second < 0)
        return fail(Errc::invalid,
                    fmt::format("malformed escape at character {} of \"{}\"", i, text));
      c = static_cast<char>(first * 16 + second);
      i += 2;
    }
    if (is_control(c)) return fail(Errc::invalid, fmt::format("control character in \"{}\"", text));
    decoded.push_back(c);
  }
  return decoded;
}

Result<Target> parse_target(std::string_view text) {
  text = without_authority(text);
  Target target;
  if (text == "*") {
    target.path = "*";
    return target;
  }
  const std::size_t mark = std::min(text.find('?'), text.size());
  if (!text.starts_with('/') && mark != 0)
    return fail(Errc::invalid, fmt::format("the target \"{}\" does not begin with a slash", text));
  auto path = percent_decode(text.substr(0, mark), PlusSign::is_itself);
  if (!path) return std::unexpected(path.error());
  if (climbs(*path))
    return fail(Errc::invalid, fmt::format("the path \"{}\" climbs with ..", *path));
  target.path = path->empty() ? "/" : std::move(*path);

  std::string_view rest = mark < text.size() ? text.substr(mark + 1) : "";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = percent_decode(pair.substr(0, equals), PlusSign::is_space);
    if (!name) return std::unexpected(name.error());
    const std::string_view raw = equals < pair.size() ? pair.substr(equals + 1) : "";
    auto value = percent_decode(raw, PlusSign::is_space);
    if (!value) return std::unexpected(value.error());
    target.query.emplace_back(std::move(*name), std::move(*value));
  }
  return target;
}

}  // namespace wireway::wire::http
