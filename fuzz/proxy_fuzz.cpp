// The PROXY header: whatever comes is a header within its limits, a refusal or not enough yet; and
// the pieces in which it comes make no difference.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "wire/proxy/header.h"

namespace {

namespace proxy = wireway::wire::proxy;
using wireway::ByteView;

struct Outcome {
  proxy::HeaderReader::State state{};
  proxy::Header header;
  std::string fault;
  std::size_t taken = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome(ByteView bytes, std::size_t piece_bytes) {
  proxy::HeaderReader reader;
  Outcome out;
  while (!bytes.empty() && reader.state() == proxy::HeaderReader::State::need_more) {
    ByteView piece = bytes.first(std::min(piece_bytes, bytes.size()));
    const std::size_t given = piece.size();
    reader.read(piece);
    out.taken += given - piece.size();
    bytes = bytes.subspan(given - piece.size());
  }
  out.state = reader.state();
  out.header = reader.header();
  out.fault = reader.fault();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteView bytes(data + 1, size - 1);
  const Outcome whole = outcome(bytes, size);
  WIREWAY_ASSERT(whole.taken <= proxy::header_bytes_max, "a header is never longer");
  WIREWAY_ASSERT(outcome(bytes, 1) == whole, "bytes one by one give the same");
  WIREWAY_ASSERT(outcome(bytes, 1u + data[0]) == whole, "and so do pieces");
  if (whole.header.relayed) {
    const auto& source = whole.header.relayed->source;
    const auto again = wireway::IpAddress::parse(source.address.to_string());
    WIREWAY_ASSERT(again && *again == source.address, "an address reads back as it was written");
  }
  return 0;
}
