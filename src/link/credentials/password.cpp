#include "link/credentials/password.h"

#include <array>

#include <argon2.h>

#include <fmt/format.h>
#include <openssl/rand.h>

namespace wireway::link {
namespace {

constexpr std::uint32_t passes = 2;
constexpr std::uint32_t kibibytes = 19 * 1024;
constexpr std::uint32_t lanes = 1;
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t hash_bytes = 32;
constexpr std::size_t encoded_bytes_max = 128;
constexpr std::string_view mark = "$argon2id$v=19$m=";
/// Whoever may write user Secrets may not stall the server with one.
constexpr int kibibytes_max = 256 * 1024;
constexpr int passes_max = 16;

bool costs_too_much(std::string_view hash) {
  int memory = 0;
  int times = 0;
  const std::string text(hash.substr(0, encoded_bytes_max));
  if (std::sscanf(text.c_str(), "$argon2id$v=19$m=%9d,t=%9d", &memory, &times) != 2) return true;
  return memory > kibibytes_max || times > passes_max;
}

}  // namespace

Result<std::string> hash_password(std::string_view password) {
  if (password.size() < password_bytes_min || password.size() > password_bytes_max)
    return fail(Errc::invalid, fmt::format("a password has {} to {} characters", password_bytes_min,
                                           password_bytes_max));
  std::array<unsigned char, salt_bytes> salt{};
  if (RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1)
    return fail(Errc::io, "the system gives no random numbers for a salt");
  std::array<char, encoded_bytes_max> out{};
  const int code =
      argon2id_hash_encoded(passes, kibibytes, lanes, password.data(), password.size(), salt.data(),
                            salt.size(), hash_bytes, out.data(), out.size());
  if (code != ARGON2_OK)
    return fail(Errc::exhausted,
                fmt::format("the password cannot be hashed: {}", argon2_error_message(code)));
  return std::string(out.data());
}

bool is_password(std::string_view hash, std::string_view password) {
  if (!hash.starts_with(mark) || password.size() > password_bytes_max || costs_too_much(hash))
    return false;
  const std::string text(hash);
  return argon2id_verify(text.c_str(), password.data(), password.size()) == ARGON2_OK;
}

void spend_a_check(std::string_view password) {
  const std::string_view used = password.substr(0, password_bytes_max);
  const std::array<unsigned char, salt_bytes> salt{};
  std::array<unsigned char, hash_bytes> out{};
  (void)argon2id_hash_raw(passes, kibibytes, lanes, used.data(), used.size(), salt.data(),
                          salt.size(), out.data(), out.size());
}

}  // namespace wireway::link
