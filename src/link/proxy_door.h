#pragma once
/// The door of a port that a load balancer stands before: takes the PROXY header off each accepted
/// stream and hands the stream on with the client's own address as peer(). Stands between a
/// listener and whoever takes its streams, so that TLS and WebSocket go over it.
///
/// Source: "The PROXY protocol, Versions 1 & 2" by HAProxy; wire/proxy/header.h
/// Thread: its loop's; what it has handed on may move to others (Stream::detach) and outlive it.
/// Owns:   the streams whose header has not come yet
/// Limits: header_timeout; waiting_max streams, further ones are closed at once
/// Errors: a stream is closed without an answer: from a source that is not trusted, without a good
///         header, too late. Counted; one log line a second says why.

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/ip_address.h"
#include "base/log_limit.h"
#include "net/loop.h"
#include "net/stream.h"

namespace wireway::link {

struct ProxyDoorOptions {
  /// Who may say whose connection it is, and must; everybody else is refused.
  std::vector<IpNetwork> trusted = {};
  Duration header_timeout = std::chrono::seconds{5};
  std::size_t waiting_max = 4096;
};

class ProxyDoor {
 public:
  /// `next` gets each stream; bytes behind the header reach its handler after `next` has returned.
  /// It does not destroy the door.
  ProxyDoor(net::Loop& loop, ProxyDoorOptions options, net::AcceptCallback next);
  ~ProxyDoor();
  ProxyDoor(const ProxyDoor&) = delete;
  ProxyDoor& operator=(const ProxyDoor&) = delete;

  void accept(std::unique_ptr<net::Stream> stream);
  std::size_t waiting() const { return waiting_.size(); }
  std::uint64_t refused() const { return refused_; }

 private:
  class Waiting;

  bool is_trusted(std::string_view peer) const;
  void refuse(std::string_view peer, std::string_view why);
  std::unique_ptr<Waiting> leave(Waiting& waiting);

  net::Loop& loop_;
  ProxyDoorOptions options_;
  net::AcceptCallback next_;
  std::unordered_map<Waiting*, std::unique_ptr<Waiting>> waiting_;
  std::uint64_t refused_ = 0;
  LogLimit log_limit_;
};

}  // namespace wireway::link
