#include "broker/journal/segment.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "base/crc32c.h"

namespace wireway::broker::journal {
namespace {

constexpr std::string_view magic = "WWJRNAL\n";
constexpr std::string_view name_suffix = ".log";
constexpr std::size_t name_digits = 20;
constexpr std::size_t checked_header = 72;  ///< the CRC stands behind
constexpr std::size_t checked_head = 28;    ///< of a frame; CRC or tag stands behind
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t nonce_bytes = 12;

template <class Number>
void put(std::span<std::uint8_t> to, std::size_t at, Number value) {
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    to[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

template <class Number>
Number get(ByteView from, std::size_t at) {
  Number value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    value |= static_cast<Number>(static_cast<Number>(from[at + i]) << (8 * i));
  return value;
}

template <std::size_t size>
std::array<std::uint8_t, size> get_array(ByteView from, std::size_t at) {
  std::array<std::uint8_t, size> out{};
  std::ranges::copy(from.subspan(at, size), out.begin());
  return out;
}

std::array<std::uint8_t, nonce_bytes> nonce_of(std::uint32_t number) {
  std::array<std::uint8_t, nonce_bytes> nonce{};
  put(std::span<std::uint8_t>(nonce), 0, number);
  return nonce;
}

int length(ByteView bytes) { return static_cast<int>(bytes.size()); }

std::uint32_t checksum(ByteView frame) {
  return crc32c(frame.subspan(frame_head_bytes), crc32c(frame.first(checked_head)));
}

}  // namespace

std::array<std::uint8_t, 8> key_id(ByteView key) {
  std::array<std::uint8_t, 32> digest{};
  const int done =
      EVP_Digest(key.data(), key.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  WIREWAY_ASSERT(done == 1, "SHA-256 is there");
  return get_array<8>(digest, 0);
}

std::string segment_name(std::uint64_t first) {
  return fmt::format("{:0{}}{}", first, name_digits, name_suffix);
}

std::optional<std::uint64_t> segment_first(std::string_view name) {
  if (name.size() != name_digits + name_suffix.size() || !name.ends_with(name_suffix)) return {};
  std::uint64_t first = 0;
  const char* end = name.data() + name_digits;
  const auto [stop, error] = std::from_chars(name.data(), end, first);
  if (error != std::errc{} || stop != end) return {};
  return first;
}

std::array<std::uint8_t, header_bytes> encode(const SegmentHeader& header) {
  std::array<std::uint8_t, header_bytes> out{};
  const std::span<std::uint8_t> to(out);
  std::ranges::copy(as_bytes(magic), out.begin());
  put(to, 8, version_major);
  put(to, 10, version_minor);
  put(to, 12, static_cast<std::uint32_t>(header.protection));
  std::ranges::copy(header.key_id, out.begin() + 16);
  put(to, 24, header.first);
  put(to, 32, header.base);
  put(to, 40, header.checkpoint_bytes);
  std::ranges::copy(header.salt, out.begin() + 48);
  std::ranges::copy(header.mark, out.begin() + 64);
  put(to, checked_header, crc32c(ByteView(out).first(checked_header)));
  return out;
}

Result<SegmentHeader> decode_header(ByteView bytes) {
  if (bytes.size() < header_bytes || as_text(bytes.first(magic.size())) != magic)
    return fail(Errc::invalid, "it does not begin as a journal segment does");
  if (const auto major = get<std::uint16_t>(bytes, 8); major != version_major)
    return fail(Errc::unsupported,
                fmt::format("its format is version {}, this program knows version {}: use the "
                            "version of the program that wrote it, or a newer one",
                            major, version_major));
  if (get<std::uint64_t>(bytes, checked_header) != crc32c(bytes.first(checked_header)))
    return fail(Errc::invalid, "its header is damaged");
  SegmentHeader header;
  const auto protection = get<std::uint32_t>(bytes, 12);
  if (protection > static_cast<std::uint32_t>(Protection::aes_256_gcm))
    return fail(Errc::unsupported, fmt::format("its protection {} is not known to this program; "
                                               "use a newer one",
                                               protection));
  header.protection = static_cast<Protection>(protection);
  header.key_id = get_array<8>(bytes, 16);
  header.first = get<std::uint64_t>(bytes, 24);
  header.base = get<std::uint64_t>(bytes, 32);
  header.checkpoint_bytes = get<std::uint64_t>(bytes, 40);
  header.salt = get_array<16>(bytes, 48);
  header.mark = get_array<8>(bytes, 64);
  return header;
}

void SegmentCodec::Free::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}
SegmentCodec::SegmentCodec(SegmentCodec&&) noexcept = default;
SegmentCodec& SegmentCodec::operator=(SegmentCodec&&) noexcept = default;
SegmentCodec::~SegmentCodec() = default;

Result<SegmentCodec> SegmentCodec::make(const SegmentHeader& header, ByteView key) {
  SegmentCodec codec;
  codec.mark_ = header.mark;
  if (header.protection == Protection::checksum) return codec;
  if (key.size() != key_bytes)
    return fail(Errc::denied, fmt::format("it is encrypted with the key {}, and no key is given",
                                          hex_encode(header.key_id)));
  if (const auto given = key_id(key); given != header.key_id)
    return fail(Errc::denied, fmt::format("it is encrypted with the key {}, the key that is given "
                                          "is {}",
                                          hex_encode(header.key_id), hex_encode(given)));
  // A key for this segment alone, bound to its whole header: frame numbers can be nonces.
  const auto bound = encode(header);
  std::array<std::uint8_t, key_bytes> own{};
  unsigned int own_bytes = 0;
  const auto* made = HMAC(EVP_sha256(), key.data(), length(key), bound.data(), checked_header,
                          own.data(), &own_bytes);
  codec.cipher_.reset(EVP_CIPHER_CTX_new());
  codec.decipher_.reset(EVP_CIPHER_CTX_new());
  const bool keyed = made != nullptr && own_bytes == key_bytes &&
                     EVP_EncryptInit_ex(codec.cipher_.get(), EVP_aes_256_gcm(), nullptr, own.data(),
                                        nullptr) == 1 &&
                     EVP_DecryptInit_ex(codec.decipher_.get(), EVP_aes_256_gcm(), nullptr,
                                        own.data(), nullptr) == 1;
  OPENSSL_cleanse(own.data(), own.size());
  if (!keyed) return fail(Errc::internal, "AES-256-GCM cannot be set up");
  return codec;
}

ByteView SegmentCodec::seal(const FrameHead& head, std::span<std::uint8_t> frame,
                            std::span<std::uint8_t> out) {
  const std::span<std::uint8_t> to = is_plain() ? frame : out.first(frame.size());
  std::ranges::copy(mark_, to.begin());
  put(to, 8, head.body_bytes);
  put(to, 12, head.number);
  put(to, 16, head.position);
  put(to, 24, head.records);
  std::fill_n(to.begin() + checked_head, tag_bytes, std::uint8_t{0});
  if (is_plain()) {
    put(to, checked_head, checksum(to));
    return to;
  }
  const ByteView body = ByteView(frame).subspan(frame_head_bytes);
  const auto nonce = nonce_of(head.number);
  int size = 0;
  const bool sealed =
      EVP_EncryptInit_ex(cipher_.get(), nullptr, nullptr, nullptr, nonce.data()) == 1 &&
      EVP_EncryptUpdate(cipher_.get(), nullptr, &size, to.data(), checked_head) == 1 &&
      EVP_EncryptUpdate(cipher_.get(), to.data() + frame_head_bytes, &size, body.data(),
                        length(body)) == 1 &&
      EVP_EncryptFinal_ex(cipher_.get(), to.data() + frame_head_bytes + size, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher_.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes,
                          to.data() + checked_head) == 1;
  WIREWAY_ASSERT(sealed, "a keyed AES-256-GCM seals what is in memory");
  return to;
}

std::optional<FrameHead> SegmentCodec::peek(ByteView bytes) const {
  if (bytes.size() < frame_head_bytes || !std::ranges::equal(bytes.first(mark_.size()), mark_))
    return std::nullopt;
  return FrameHead{get<std::uint32_t>(bytes, 8), get<std::uint32_t>(bytes, 12),
                   get<std::uint64_t>(bytes, 16), get<std::uint32_t>(bytes, 24)};
}

bool SegmentCodec::open(const FrameHead& head, std::span<std::uint8_t> frame) {
  WIREWAY_ASSERT(frame.size() == frame_head_bytes + head.body_bytes, "a frame is opened whole");
  if (is_plain()) {
    const auto unused = ByteView(frame).subspan(checked_head + 4, tag_bytes - 4);
    return get<std::uint32_t>(frame, checked_head) == checksum(frame) &&
           std::ranges::all_of(unused, [](std::uint8_t byte) { return byte == 0; });
  }
  const std::span<std::uint8_t> body = frame.subspan(frame_head_bytes);
  const auto nonce = nonce_of(head.number);
  int size = 0;
  return EVP_DecryptInit_ex(decipher_.get(), nullptr, nullptr, nullptr, nonce.data()) == 1 &&
         EVP_DecryptUpdate(decipher_.get(), nullptr, &size, frame.data(), checked_head) == 1 &&
         EVP_DecryptUpdate(decipher_.get(), body.data(), &size, body.data(), length(body)) == 1 &&
         EVP_CIPHER_CTX_ctrl(decipher_.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes,
                             frame.data() + checked_head) == 1 &&
         EVP_DecryptFinal_ex(decipher_.get(), body.data() + size, &size) == 1;
}

}  // namespace wireway::broker::journal
