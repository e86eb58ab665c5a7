#include "wire/websocket/frame.h"

#include <algorithm>

namespace wireway::wire::websocket {
namespace {

constexpr std::uint8_t final_bit = 0x80;
constexpr std::uint8_t reserved_bits = 0x70;
constexpr std::uint8_t mask_bit = 0x80;

void append_header(Opcode opcode, std::size_t payload_bytes, std::uint8_t mask, Bytes& out) {
  out.push_back(final_bit | std::uint8_t(opcode));
  int length_bytes = 0;
  if (payload_bytes < 126) {
    out.push_back(std::uint8_t(mask | payload_bytes));
  } else if (payload_bytes <= 0xFFFF) {
    out.push_back(mask | 126);
    length_bytes = 2;
  } else {
    out.push_back(mask | 127);
    length_bytes = 8;
  }
  for (int i = length_bytes - 1; i >= 0; --i)
    out.push_back(std::uint8_t(std::uint64_t(payload_bytes) >> (8 * i)));
}

bool is_control(Opcode opcode) { return std::uint8_t(opcode) >= 8; }

bool is_known(Opcode opcode) {
  return std::uint8_t(opcode) <= 2 || (std::uint8_t(opcode) >= 8 && std::uint8_t(opcode) <= 10);
}

/// Section 7.4.2: codes that may stand in a close frame.
bool is_valid_close_code(unsigned code) {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

}  // namespace

void append_frame(Opcode opcode, ByteView payload, Bytes& out) {
  append_header(opcode, payload.size(), 0, out);
  out.insert(out.end(), payload.begin(), payload.end());
}

void append_masked_frame(Opcode opcode, ByteView payload, const Mask& mask, Bytes& out) {
  append_header(opcode, payload.size(), mask_bit, out);
  out.insert(out.end(), mask.begin(), mask.end());
  for (std::size_t i = 0; i < payload.size(); ++i)
    out.push_back(std::uint8_t(payload[i] ^ mask[i & 3]));
}

void append_close(CloseCode code, Bytes& out) {
  const std::uint8_t payload[] = {std::uint8_t(unsigned(code) >> 8), std::uint8_t(code)};
  if (code == CloseCode::none)
    append_frame(Opcode::close, {}, out);
  else
    append_frame(Opcode::close, payload, out);
}

std::size_t FrameReader::header_bytes_wanted() const {
  if (header_bytes_ < 2) return 2;
  const unsigned length = header_[1] & 0x7F;
  const std::size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
  return 2 + extended + ((header_[1] & mask_bit) != 0 ? 4 : 0);
}

/// Collects the header; faults of its first two bytes show before the rest has come.
std::optional<CloseCode> FrameReader::take_header(ByteView& bytes) {
  while (!bytes.empty() && header_bytes_ < header_bytes_wanted()) {
    header_[header_bytes_++] = bytes[0];
    bytes = bytes.subspan(1);
    if (header_bytes_ != 2) continue;
    if (const auto fault = judge_header()) return fault;
  }
  if (header_bytes_ < header_bytes_wanted()) return std::nullopt;
  return begin_frame();
}

std::optional<CloseCode> FrameReader::judge_header() {
  const Opcode opcode{std::uint8_t(header_[0] & 0x0F)};
  const bool final = (header_[0] & final_bit) != 0;
  const bool masked = (header_[1] & mask_bit) != 0;
  if ((header_[0] & reserved_bits) != 0) return CloseCode::protocol_error;
  if (!is_known(opcode)) return CloseCode::protocol_error;
  if (masked != (role_ == Role::server)) return CloseCode::protocol_error;
  if (is_control(opcode)) {
    const bool fits = (header_[1] & 0x7F) <= control_payload_max;
    return final && fits ? std::nullopt : std::optional(CloseCode::protocol_error);
  }
  if (opcode == Opcode::text) return CloseCode::unsupported_data;  // MQTT-6.0.0-1
  if ((opcode == Opcode::continuation) != in_message_) return CloseCode::protocol_error;
  in_message_ = !final;
  return std::nullopt;
}

/// Section 5.2: the shortest form of the length, and no sign bit.
std::optional<CloseCode> FrameReader::judge_length() {
  const unsigned form = header_[1] & 0x7F;
  const bool too_long = (form == 126 && left_ < 126) || (form == 127 && left_ <= 0xFFFF);
  if (too_long || left_ >> 63 != 0) return CloseCode::protocol_error;
  return std::nullopt;
}

std::optional<CloseCode> FrameReader::begin_frame() {
  const unsigned form = header_[1] & 0x7F;
  const std::size_t extended = form == 126 ? 2 : form == 127 ? 8 : 0;
  left_ = extended == 0 ? form : 0;
  for (std::size_t i = 0; i < extended; ++i) left_ = left_ << 8 | header_[2 + i];
  mask_ = {};
  if ((header_[1] & mask_bit) != 0)
    std::copy_n(header_.begin() + std::ptrdiff_t(2 + extended), 4, mask_.begin());
  opcode_ = Opcode{std::uint8_t(header_[0] & 0x0F)};
  mask_at_ = 0;
  header_bytes_ = 0;
  in_frame_ = true;
  return judge_length();
}

void FrameReader::unmask(ByteView bytes, Bytes& out) {
  const std::size_t begin = out.size();
  out.insert(out.end(), bytes.begin(), bytes.end());
  if (role_ == Role::server) {
    for (std::size_t i = 0; i < bytes.size(); ++i) out[begin + i] ^= mask_[(mask_at_ + i) & 3];
  }
  mask_at_ = (mask_at_ + bytes.size()) & 3;
}

std::optional<CloseCode> FrameReader::end_control(Control& control) {
  const Bytes payload = std::exchange(control_, {});
  if (opcode_ == Opcode::ping) append_frame(Opcode::pong, payload, control.pongs);
  if (opcode_ != Opcode::close) return std::nullopt;
  control.close = CloseCode::none;
  if (payload.empty()) return std::nullopt;
  const unsigned code = payload.size() < 2 ? 0 : unsigned(payload[0] << 8 | payload[1]);
  if (!is_valid_close_code(code)) return CloseCode::protocol_error;
  if (!is_mqtt_utf8(as_text(ByteView(payload).subspan(2)))) return CloseCode::invalid_payload;
  control.close = CloseCode(code);
  return std::nullopt;
}

std::optional<CloseCode> FrameReader::read(ByteView bytes, Bytes& data, Control& control) {
  while (!control.close) {
    if (!in_frame_) {
      if (bytes.empty()) break;
      if (const auto fault = take_header(bytes)) return fault;
      if (!in_frame_) break;
    }
    const std::size_t part = std::size_t(std::min<std::uint64_t>(left_, bytes.size()));
    unmask(bytes.first(part), is_control(opcode_) ? control_ : data);
    bytes = bytes.subspan(part);
    left_ -= part;
    if (left_ > 0) break;
    in_frame_ = false;
    if (!is_control(opcode_)) continue;
    if (const auto fault = end_control(control)) return fault;
  }
  return std::nullopt;
}

}  // namespace wireway::wire::websocket
