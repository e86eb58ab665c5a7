#include "wire/websocket/server.h"

#include <algorithm>

namespace wireway::wire::websocket {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";

void append(std::string_view text, Bytes& out) {
  const ByteView bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

Server::State Server::receive(ByteView bytes, Bytes& data, Bytes& reply) {
  if (state_ == State::handshake) shake_hands(bytes, reply);
  if (state_ == State::open) read_frames(bytes, data, reply);
  return state_;
}

/// Takes what belongs to the handshake off `bytes`.
void Server::shake_hands(ByteView& bytes, Bytes& reply) {
  // The end may be split over two calls: look again at the last three bytes.
  const std::size_t held = request_.size();
  const std::size_t room = handshake_bytes_max - held;
  request_.append(as_text(bytes.first(std::min(bytes.size(), room))));
  const auto end = request_.find(head_end, held < 3 ? 0 : held - 3);
  if (end == std::string::npos) {
    if (request_.size() < handshake_bytes_max) return;
    append(answer_too_long().response, reply);
    state_ = State::closed;
    return;
  }
  request_.resize(end + head_end.size());
  bytes = bytes.subspan(request_.size() - held);
  const Answer answer = answer_handshake(request_);
  append(answer.response, reply);
  state_ = answer.accepted ? State::open : State::closed;
  request_ = {};
}

void Server::read_frames(ByteView bytes, Bytes& data, Bytes& reply) {
  FrameReader::Control control;
  const auto fault = frames_.read(bytes, data, control);
  reply.insert(reply.end(), control.pongs.begin(), control.pongs.end());
  if (!fault && !control.close) return;
  append_close(fault ? *fault : *control.close, reply);
  state_ = State::closed;
}

}  // namespace wireway::wire::websocket
