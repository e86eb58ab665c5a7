#include "link/proxy_door.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "link/detail/relayed_stream.h"
#include "wire/proxy/header.h"

namespace wireway::link {

namespace proxy = wire::proxy;

/// A stream whose header has not come yet.
class ProxyDoor::Waiting final : public net::StreamHandler {
 public:
  Waiting(ProxyDoor& door, std::unique_ptr<net::Stream> stream)
      : door_(door), stream_(std::move(stream)), patience_(door.loop_) {
    stream_->set_handler(*this);
    patience_.arm(door.options_.header_timeout, [this] {
      const double seconds = std::chrono::duration<double>(door_.options_.header_timeout).count();
      refuse(fmt::format("no PROXY header within {} s", seconds));
    });
  }

  void on_bytes(ByteView bytes) override {
    const auto state = reader_.read(bytes);
    if (state == proxy::HeaderReader::State::refused) return refuse(reader_.fault());
    if (state == proxy::HeaderReader::State::done) pass(bytes);
  }
  /// A load balancer that only looks whether the port is open says nothing and goes.
  void on_close(const Error& reason) override {
    log::debug("{}, before its PROXY header", reason.message);
    door_.leave(*this);
  }

 private:
  void pass(ByteView rest) {
    const auto self = door_.leave(*this);
    const auto& relayed = reader_.header().relayed;
    std::string peer = relayed ? relayed->source.to_string() : stream_->peer();
    door_.next_(std::make_unique<detail::RelayedStream>(
        door_.loop_, std::move(stream_), std::move(peer), Bytes(rest.begin(), rest.end())));
  }
  void refuse(const std::string& why) {
    const auto self = door_.leave(*this);
    door_.refuse(stream_->peer(), why);
  }

  ProxyDoor& door_;
  std::unique_ptr<net::Stream> stream_;
  proxy::HeaderReader reader_;
  net::Timer patience_;
};

ProxyDoor::ProxyDoor(net::Loop& loop, ProxyDoorOptions options, net::AcceptCallback next)
    : loop_(loop), options_(std::move(options)), next_(std::move(next)) {}

ProxyDoor::~ProxyDoor() = default;

void ProxyDoor::accept(std::unique_ptr<net::Stream> stream) {
  if (!is_trusted(stream->peer()))
    return refuse(stream->peer(), "it is not a trusted source of PROXY headers");
  if (waiting_.size() >= options_.waiting_max)
    return refuse(stream->peer(), "too many connections wait for their PROXY header");
  auto waiting = std::make_unique<Waiting>(*this, std::move(stream));
  Waiting* const key = waiting.get();
  waiting_.emplace(key, std::move(waiting));
}

/// `peer` is "192.0.2.1:53312" or "[2001:db8::1]:53312".
bool ProxyDoor::is_trusted(std::string_view peer) const {
  std::string_view host = peer.substr(0, peer.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  return address && std::ranges::any_of(options_.trusted, [&](const IpNetwork& network) {
           return network.contains(*address);
         });
}

void ProxyDoor::refuse(std::string_view peer, std::string_view why) {
  ++refused_;
  if (const auto left_out = log_limit_.admit(loop_.now()))
    log::warn("client {}: {}; closed{}", peer, why,
              *left_out == 0 ? "" : fmt::format(", and {} others since the last line", *left_out));
}

std::unique_ptr<ProxyDoor::Waiting> ProxyDoor::leave(Waiting& waiting) {
  auto node = waiting_.extract(&waiting);
  return std::move(node.mapped());
}

}  // namespace wireway::link
