#include "control/git/known_hosts.h"

#include <array>
#include <sstream>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/bytes.h"

namespace wireway::control {
namespace {

/// `*` is any text, `?` one letter.
bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*')
    return matches(pattern.substr(1), text) || (!text.empty() && matches(pattern, text.substr(1)));
  if (text.empty() || (pattern.front() != '?' && pattern.front() != text.front())) return false;
  return matches(pattern.substr(1), text.substr(1));
}

/// "|1|<salt>|<hash of the name>"
bool matches_hashed(std::string_view field, std::string_view name) {
  const std::size_t bar = field.find('|', 3);
  if (bar == std::string_view::npos) return false;
  const auto salt = base64_decode(field.substr(3, bar - 3));
  const auto wanted = base64_decode(field.substr(bar + 1));
  if (!salt || !wanted) return false;
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  HMAC(EVP_sha1(), salt->data(), static_cast<int>(salt->size()),
       reinterpret_cast<const unsigned char*>(name.data()), name.size(), hash.data(), &size);
  return *wanted == std::string_view(reinterpret_cast<const char*>(hash.data()), size);
}

bool names_host(std::string_view field, std::string_view name) {
  if (field.starts_with("|1|")) return matches_hashed(field, name);
  bool named = false;
  for (std::size_t at = 0; at <= field.size();) {
    const std::size_t comma = std::min(field.find(',', at), field.size());
    std::string_view pattern = field.substr(at, comma - at);
    at = comma + 1;
    const bool is_negation = pattern.starts_with('!');
    if (is_negation) pattern.remove_prefix(1);
    if (pattern.empty() || !matches(pattern, name)) continue;
    if (is_negation) return false;
    named = true;
  }
  return named;
}

}  // namespace

Result<> check_known_host(std::string_view known_hosts, std::string_view host, unsigned port,
                          std::string_view key) {
  const std::string name = port == 22 ? std::string(host) : fmt::format("[{}]:{}", host, port);
  bool is_named = false;
  bool is_trusted = false;
  std::istringstream lines{std::string(known_hosts)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string marker;
    std::string field;
    std::string type;
    std::string text;
    words >> field;
    if (field.empty() || field.starts_with('#')) continue;
    if (field.starts_with('@')) {
      marker = field;
      words >> field;
    }
    words >> type >> text;
    if (!names_host(field, name)) continue;
    const auto known = base64_decode(text);
    const bool is_same = known && *known == key;
    if (marker == "@revoked" && is_same)
      return fail(Errc::denied, fmt::format("known_hosts revokes the key of {}", name));
    if (!marker.empty()) continue;
    is_named = true;
    is_trusted |= is_same;
  }
  if (is_trusted) return {};
  const std::string scan =
      fmt::format("ssh-keyscan{} {}", port == 22 ? "" : fmt::format(" -p {}", port), host);
  if (is_named)
    return fail(Errc::denied,
                fmt::format("{} shows a key that known_hosts of the Secret does not have: somebody "
                            "may stand between, or its key is new; compare `{}`",
                            name, scan));
  return fail(Errc::denied, fmt::format("{} is not in known_hosts of the Secret; compare and add "
                                        "the lines of `{}`",
                                        name, scan));
}

}  // namespace wireway::control
