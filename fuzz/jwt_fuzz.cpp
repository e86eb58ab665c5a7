// Tokens and keys of strangers: a refusal or claims that can be asked everything; no text signs
// itself. The first line is a token, the rest a JWK.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "link/credentials/jwt.h"

using namespace wireway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const link::SigningKey ours = *link::SigningKey::generate();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::vector<link::PublicKey> keys{ours.public_key()};
  if (const auto jwk = parse_json(text.substr(std::min(end + 1, text.size()))))
    if (auto key = link::PublicKey::from_jwk(*jwk)) {
      WIREWAY_ASSERT(link::PublicKey::from_jwk(json::value(key->jwk())).has_value(),
                     "a key that was read can be written");
      keys.push_back(std::move(*key));
    }
  const auto token = link::Jwt::parse(text.substr(0, end));
  if (!token) return 0;
  (void)token->issuer();
  (void)token->audiences();
  (void)token->expires();
  (void)token->check_time(WallTime{std::chrono::seconds{1'800'000'000}});
  WIREWAY_ASSERT(!token->check_signature({ours.public_key()}), "nobody guesses a signature");
  (void)token->check_signature(keys);
  return 0;
}
