#pragma once
/// The format of one journal segment: a header, then frames, each a group of records that are
/// there together or not at all. docs/formats/journal.md has it field by field.
///
/// Thread: any; a Cipher belongs to one.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

struct evp_cipher_ctx_st;

namespace wireway::broker::journal {

inline constexpr std::size_t header_bytes = 80;
inline constexpr std::size_t frame_head_bytes = 44;
inline constexpr std::size_t key_bytes = 32;
inline constexpr std::uint16_t version_major = 1;
inline constexpr std::uint16_t version_minor = 0;

enum class Protection : std::uint32_t { checksum = 0, aes_256_gcm = 1 };

struct SegmentHeader {
  Protection protection = Protection::checksum;
  std::array<std::uint8_t, 8> key_id{};  ///< zeros with a checksum
  std::uint64_t first = 0;               ///< records before this segment
  std::uint64_t base = 0;                ///< `first` of the oldest segment that is still needed
  std::uint64_t checkpoint_bytes = 0;    ///< size of the last checkpoint
  std::array<std::uint8_t, 16> salt{};   ///< random
  std::array<std::uint8_t, 8> mark{};    ///< random; stands before each frame
};

std::array<std::uint8_t, 8> key_id(ByteView key);
/// "00000000000000000042.log"
std::string segment_name(std::uint64_t first);
std::optional<std::uint64_t> segment_first(std::string_view name);

std::array<std::uint8_t, header_bytes> encode(const SegmentHeader& header);
/// Errc::unsupported for another major version, Errc::invalid for anything damaged.
Result<SegmentHeader> decode_header(ByteView bytes);

struct FrameHead {
  std::uint32_t body_bytes = 0;
  std::uint32_t number = 0;    ///< within the segment, from 0
  std::uint64_t position = 0;  ///< records before this frame
  std::uint32_t records = 0;
};

/// Seals and opens the frames of one segment.
class SegmentCodec {
 public:
  /// `key` of key_bytes, or empty. Errc::denied if the header asks for another one.
  static Result<SegmentCodec> make(const SegmentHeader& header, ByteView key);
  SegmentCodec(SegmentCodec&&) noexcept;
  SegmentCodec& operator=(SegmentCodec&&) noexcept;
  ~SegmentCodec();

  /// True if the body leaves seal() as it went in.
  bool is_plain() const { return cipher_ == nullptr; }
  const std::array<std::uint8_t, 8>& mark() const { return mark_; }

  /// Writes the frame's head in front of its body, which is behind it at `frame`; with a cipher to
  /// `out` (as large as the frame), else in place. Returns what is to be written.
  ByteView seal(const FrameHead& head, std::span<std::uint8_t> frame, std::span<std::uint8_t> out);
  /// The head that stands at the start of `bytes`, if it can be one; says nothing of its truth.
  std::optional<FrameHead> peek(ByteView bytes) const;
  /// Checks a whole frame. The body is in `frame` itself, opened in place. False: not as it was
  /// sealed.
  bool open(const FrameHead& head, std::span<std::uint8_t> frame);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  using Context = std::unique_ptr<evp_cipher_ctx_st, Free>;
  SegmentCodec() = default;
  std::array<std::uint8_t, 8> mark_{};
  Context cipher_;  ///< keyed once for the segment
  Context decipher_;
};

}  // namespace wireway::broker::journal
