#pragma once
/// Host names to addresses without blocking the loop: each look-up runs getaddrinfo on a thread
/// that nobody waits for, because a resolver may take half a minute and the process must be able to
/// stop.
///
/// Thread: the loop's; answers come back by the loop's mailbox.
/// Limits: lookups_max run at a time, more wait in order.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/result.h"
#include "net/loop.h"
#include "net/stream.h"

namespace wireway::net::detail {

/// One address of a peer or of ourselves.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  std::uint16_t port() const;
  /// "127.0.0.1:1883", IPv6 in brackets.
  std::string to_string() const;
};

/// The same in few bytes, for what there is much of.
class SmallAddress {
 public:
  SmallAddress() = default;
  explicit SmallAddress(const Address& address);
  std::string to_string() const;

 private:
  std::array<std::uint8_t, 16> bytes_{};  ///< of IPv6; IPv4 is mapped into it
  std::uint16_t port_ = 0;                ///< as the network has it
};

/// The address if the host is written as a number; never asks anybody.
Result<Address> numeric_address(const Endpoint& endpoint);

class NameLookup {
 public:
  static constexpr std::size_t lookups_max = 16;
  using Done = std::move_only_function<void(Result<std::vector<Address>>)>;
  /// Posts to the loop; called from any thread.
  using Post = std::move_only_function<void(Task)>;

  explicit NameLookup(Post post);
  ~NameLookup() { close(); }
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

  /// After this no look-up answers any more; no thread is inside Post when it returns.
  void close();

  /// `done` is called on the loop's thread, in a later turn.
  void resolve(const Endpoint& endpoint, Done done);

 private:
  struct Waiting {
    Endpoint endpoint;
    Done done;
  };
  struct Channel;

  void begin(Waiting waiting);

  std::shared_ptr<Channel> channel_;
  std::vector<Waiting> waiting_;
  std::size_t running_ = 0;
};

}  // namespace wireway::net::detail
