#include "control/store/seal.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/bytes.h"
#include "control/store/store.h"

namespace wireway::control {
namespace {

constexpr std::string_view key_mark = "wireway-key-1";
constexpr std::string_view seal_mark = "sealed-1:";
constexpr std::size_t key_bytes = 32;
constexpr std::size_t id_bytes = 4;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

Cipher new_cipher() { return {EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free}; }

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

bool random_bytes(std::string& out) {
  return RAND_bytes(bytes_of(out), static_cast<int>(out.size())) == 1;
}

/// What the seal is bound to. Names hold no line ends.
std::string bound_to(const StoreKey& object, std::int64_t revision) {
  return fmt::format("{}\n{}\n{}\n{}", object.resource, object.space, object.name, revision);
}

/// The id of the key, and what it sealed, in base64.
struct Sealed {
  std::string_view id;
  std::string_view content;
};

Sealed take_apart(std::string_view body) {
  body.remove_prefix(seal_mark.size());
  const auto colon = std::min(body.find(':'), body.size());
  return {body.substr(0, colon), body.substr(std::min(colon + 1, body.size()))};
}

/// Says which key it is, and nothing of what it is.
std::string id_of(std::string_view key) {
  std::string digest(32, '\0');
  EVP_Digest(key.data(), key.size(), bytes_of(digest), nullptr, EVP_sha256(), nullptr);
  return hex_encode(as_bytes(digest).first(id_bytes));
}

std::string_view next_word(std::string_view& line) {
  const auto from = std::min(line.find_first_not_of(" \t\r"), line.size());
  line.remove_prefix(from);
  const auto end = std::min(line.find_first_of(" \t\r"), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

}  // namespace

Sealer::~Sealer() {
  for (Key& key : keys_) OPENSSL_cleanse(key.bytes.data(), key.bytes.size());
}

Result<std::string> Sealer::new_key() {
  std::string key(key_bytes, '\0');
  if (!random_bytes(key)) return fail(Errc::io, "the system gives no random numbers for a key");
  std::string out = fmt::format("{} {}\n", key_mark, base64_encode(as_bytes(key)));
  OPENSSL_cleanse(key.data(), key.size());
  return out;
}

Result<Sealer> Sealer::from_text(std::string_view text) {
  std::vector<Key> keys;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    const std::string_view mark = next_word(line);
    if (mark.empty() || mark.starts_with('#')) continue;
    auto bytes = base64_decode(next_word(line));
    const bool good =
        mark == key_mark && bytes && bytes->size() == key_bytes && next_word(line).empty();
    if (!good || keys.size() == keys_max)
      return fail(
          Errc::invalid,
          fmt::format("line {} is no key: \"{} BASE64-OF-32-BYTES\" is expected, at most {} "
                      "times",
                      number, key_mark, keys_max));
    keys.push_back({id_of(*bytes), std::move(*bytes)});
  }
  if (keys.empty()) return fail(Errc::invalid, "there is no key in it");
  return Sealer(std::move(keys));
}

bool Sealer::is_sealed(std::string_view body) { return body.starts_with(seal_mark); }

bool Sealer::is_current(std::string_view body) const {
  return is_sealed(body) && take_apart(body).id == current_id();
}

Result<std::string> Sealer::seal(const StoreKey& object, std::int64_t revision,
                                 std::string_view body) const {
  const Key& key = keys_.front();
  std::string out(nonce_bytes, '\0');
  if (!random_bytes(out)) return fail(Errc::io, "the system gives no random numbers for a seal");
  const std::string bound = bound_to(object, revision);
  const auto cipher = new_cipher();
  out.resize(nonce_bytes + body.size() + tag_bytes);
  unsigned char* to = bytes_of(out) + nonce_bytes;
  int size = 0;
  const bool done =
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.bytes),
                         bytes_of(out)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes_of(bound),
                        static_cast<int>(bound.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), to, &size, bytes_of(body), static_cast<int>(body.size())) ==
          1 &&
      EVP_EncryptFinal_ex(cipher.get(), to + size, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, to + body.size()) == 1;
  if (!done) return fail(Errc::io, "a Secret could not be sealed");
  return fmt::format("{}{}:{}", seal_mark, key.id, base64_encode(as_bytes(out)));
}

Result<std::string> Sealer::open(const StoreKey& object, std::int64_t revision,
                                 std::string_view sealed) const {
  const Sealed parts = take_apart(sealed);
  const auto key = std::ranges::find(keys_, parts.id, &Key::id);
  if (key == keys_.end())
    return fail(Errc::denied, fmt::format("the key {} that sealed it is not there", parts.id));
  const auto failed = [&] {
    return fail(Errc::invalid,
                fmt::format("revision {} of {} {}/{} does not open: it was changed, or is damaged",
                            revision, object.resource, object.space, object.name));
  };
  auto content = base64_decode(parts.content);
  if (!content || content->size() < nonce_bytes + tag_bytes) return failed();
  const std::size_t body_bytes = content->size() - nonce_bytes - tag_bytes;
  const std::string bound = bound_to(object, revision);
  const auto cipher = new_cipher();
  std::string out(body_bytes, '\0');
  unsigned char* from = bytes_of(*content);
  int size = 0;
  const bool opened = EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr,
                                         bytes_of(key->bytes), from) == 1 &&
                      EVP_DecryptUpdate(cipher.get(), nullptr, &size, bytes_of(bound),
                                        static_cast<int>(bound.size())) == 1 &&
                      EVP_DecryptUpdate(cipher.get(), bytes_of(out), &size, from + nonce_bytes,
                                        static_cast<int>(body_bytes)) == 1 &&
                      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes,
                                          from + nonce_bytes + body_bytes) == 1 &&
                      EVP_DecryptFinal_ex(cipher.get(), bytes_of(out) + size, &size) == 1;
  if (!opened) return failed();
  return out;
}

}  // namespace wireway::control
