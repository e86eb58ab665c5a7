#pragma once
/// A byte stream (TCP, or TLS over it: net/tls) in completion shape, and the network that makes
/// them: bytes come by `on_bytes`, go by `write`, and leave the process once per turn of the loop.
///
/// Thread: everything on the thread of the Loop that made it.
/// Owns:   whoever holds the unique_ptr<Stream>. Destroying a Stream closes it at once (what is
///         pending gets one attempt to leave) and no handler is called afterwards. A handler may
///         destroy the Stream from within any of its own callbacks.
/// Limits: `pending_bytes()` grows without bound if its owner keeps writing: each owner states its
///         own limit and reads this before it writes.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace wireway::net {

/// Host and port as written by a person; the host may be a name, an IPv4 or an IPv6 address.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  /// "host:port", IPv6 in brackets.
  std::string to_string() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// Whether the peer of a connection (Stream::peer) is this machine.
bool is_loopback(std::string_view peer);

class Loop;
class Network;
class Stream;

/// What a Stream tells its owner. `on_close` is the last call and comes exactly once, unless the
/// owner destroyed the Stream or called abort().
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  /// An outgoing connection stands. Never called for accepted streams.
  virtual void on_open() {}
  /// Bytes in order; the view is valid during the call only.
  virtual void on_bytes(ByteView bytes) = 0;
  /// All that was written has reached the kernel after there had been a backlog.
  virtual void on_drain() {}
  /// The peer closed (`reason.code == Errc::unavailable`, "closed by peer"), the connect failed or
  /// the connection broke. The sentence names the peer.
  virtual void on_close(const Error& reason) = 0;
};

/// A connection between two loops (see Stream::detach); movable across threads. Destroying it
/// closes.
class DetachedStream {
 public:
  virtual ~DetachedStream() = default;
  /// Called by Network::attach. A stream over another one (TLS) attaches that one and goes on over
  /// it; null for a stream of the network's own.
  virtual std::unique_ptr<Stream> attach_over(Loop&, Network&) { return nullptr; }
};

class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  /// Must be set before the first turn after accept; replaceable (a WebSocket takes over from
  /// HTTP).
  virtual void set_handler(StreamHandler& handler) = 0;

  /// Appends to the output buffer; goes out in the flush of this turn. Before on_open it is kept.
  /// After close it is dropped.
  virtual void write(ByteView bytes) = 0;
  /// Bytes written by the owner and not yet taken by the kernel.
  virtual std::size_t pending_bytes() const = 0;

  /// Stops calling on_bytes; the kernel's window then slows the peer down. Bytes that were already
  /// read may still be delivered once.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;

  /// Sends what is pending, then closes; on_close follows. A peer that does not read is cut off
  /// after close_linger.
  virtual void close() = 0;

  /// Takes the stream off its loop, with what is still to be written, so that another loop of this
  /// process can go on with it (Network::attach); this object is then dead and calls nothing.
  virtual std::unique_ptr<DetachedStream> detach() = 0;

  /// Address of the other side for logs and authorization: "127.0.0.1:53312".
  virtual std::string peer() const = 0;

  static constexpr Duration close_linger = std::chrono::seconds{5};
};

class Listener {
 public:
  virtual ~Listener() = default;
  /// The bound port: of use when port 0 was asked for.
  virtual std::uint16_t port() const = 0;
};

/// Called for each accepted stream; the receiver sets its handler before it returns.
using AcceptCallback = std::move_only_function<void(std::unique_ptr<Stream>)>;

struct ListenOptions {
  Endpoint endpoint;  ///< host is an address ("127.0.0.1", "0.0.0.0", "::"); port 0 = any free one
  bool reuse_port = false;  ///< several loops accept on one port (SO_REUSEPORT)
  int backlog = 1024;
};

class Network {
 public:
  virtual ~Network() = default;
  /// Errors: Errc::conflict if the port is in use, Errc::denied below 1024 without rights; the
  ///         message names the address and what to do.
  virtual Result<std::unique_ptr<Listener>> listen(const ListenOptions& options,
                                                   AcceptCallback accept) = 0;
  /// Begins to connect; success comes by on_open, failure by on_close (also a failed name look-up
  /// and connect_timeout), never inside this call.
  virtual std::unique_ptr<Stream> connect(const Endpoint& endpoint, StreamHandler& handler,
                                          Duration connect_timeout = std::chrono::seconds{10}) = 0;
  /// Continues a detached stream on this loop; set its handler before returning to the loop.
  virtual std::unique_ptr<Stream> attach(std::unique_ptr<DetachedStream> stream) = 0;
};

}  // namespace wireway::net
