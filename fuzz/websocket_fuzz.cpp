// The WebSocket server: whatever comes after the handshake is data, an answer or a close; and the
// pieces in which it comes make no difference.

#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "wire/websocket/client.h"
#include "wire/websocket/server.h"

namespace {

namespace websocket = wireway::wire::websocket;
using wireway::Bytes;
using wireway::ByteView;

struct Outcome {
  websocket::Server::State state{};
  Bytes data;
  Bytes reply;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome(ByteView bytes, std::size_t piece_bytes) {
  websocket::Server server;
  Outcome out;
  while (!bytes.empty() && server.state() != websocket::Server::State::closed) {
    const ByteView piece = bytes.first(std::min(piece_bytes, bytes.size()));
    bytes = bytes.subspan(piece.size());
    server.receive(piece, out.data, out.reply);
  }
  out.state = server.state();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  Bytes stream;
  if ((data[0] & 1) != 0) {  // half of the inputs begin behind a good handshake
    const std::string request = websocket::handshake_request("h", "/", "AAAAAAAAAAAAAAAAAAAAAA==");
    stream.assign(request.begin(), request.end());
  }
  stream.insert(stream.end(), data + 1, data + size);
  const Outcome whole = outcome(stream, stream.size() + 1);
  WIREWAY_ASSERT(outcome(stream, 1) == whole, "bytes one by one give the same");
  WIREWAY_ASSERT(outcome(stream, 1u + data[0]) == whole, "and so do pieces");
  return 0;
}
