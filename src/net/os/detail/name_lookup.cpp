#include "net/os/detail/name_lookup.h"

#include <cstring>
#include <mutex>
#include <thread>

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>

#include <fmt/format.h>

#include "net/os/detail/signals_blocked.h"

namespace wireway::net::detail {

/// Outlives the loop if a look-up still runs when the loop is destroyed; `post` is null from then
/// on.
struct NameLookup::Channel {
  std::mutex mutex;
  Post post;

  void send(Task task) {
    const std::lock_guard lock(mutex);
    if (post) post(std::move(task));
  }
};

std::uint16_t Address::port() const {
  if (family() == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

std::string Address::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family() == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {  // a dual-stack listener shows IPv4 peers so
      ::inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text.data(), text.size());
      return fmt::format("{}:{}", text.data(), port());
    }
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    return fmt::format("[{}]:{}", text.data(), port());
  }
  ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, text.data(),
              text.size());
  return fmt::format("{}:{}", text.data(), port());
}

SmallAddress::SmallAddress(const Address& address) {
  if (address.family() == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
    std::memcpy(bytes_.data(), &v6->sin6_addr, bytes_.size());
    port_ = v6->sin6_port;
    return;
  }
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
  bytes_[10] = bytes_[11] = 0xFF;
  std::memcpy(&bytes_[12], &v4->sin_addr, sizeof v4->sin_addr);
  port_ = v4->sin_port;
}

std::string SmallAddress::to_string() const {
  Address address;
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = port_;
  std::memcpy(&v6->sin6_addr, bytes_.data(), bytes_.size());
  address.length = sizeof *v6;
  return address.to_string();
}

Result<Address> numeric_address(const Endpoint& endpoint) {
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (::inet_pton(AF_INET, endpoint.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(endpoint.port);
    address.length = sizeof *v4;
    return address;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET6, endpoint.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(endpoint.port);
    address.length = sizeof *v6;
    return address;
  }
  return fail(Errc::invalid, fmt::format("\"{}\" is not an IP address", endpoint.host));
}

namespace {

Result<std::vector<Address>> ask_system(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code =
      ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (code != 0) {
    return fail(Errc::unavailable,
                fmt::format("{}: the name \"{}\" cannot be resolved ({}); check the "
                            "spelling and the DNS settings",
                            endpoint.to_string(), endpoint.host, ::gai_strerror(code)));
  }
  std::vector<Address> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    Address& address = addresses.emplace_back();
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
  }
  ::freeaddrinfo(found);
  return addresses;
}

}  // namespace

NameLookup::NameLookup(Post post) : channel_(std::make_shared<Channel>()) {
  channel_->post = std::move(post);
}

void NameLookup::close() {
  const std::lock_guard lock(channel_->mutex);
  channel_->post = nullptr;
}

void NameLookup::resolve(const Endpoint& endpoint, Done done) {
  Waiting waiting{endpoint, std::move(done)};
  if (running_ < lookups_max)
    begin(std::move(waiting));
  else
    waiting_.push_back(std::move(waiting));
}

void NameLookup::begin(Waiting waiting) {
  ++running_;
  const SignalsBlocked blocked;  // the new thread must not take signals meant for a signalfd
  std::thread([this, channel = channel_, job = std::move(waiting)]() mutable {
    ::pthread_setname_np(::pthread_self(), "look-up");
    auto result = ask_system(job.endpoint);
    // `this` is used on the loop's thread only, and only while the channel is open.
    channel->send([this, found = std::move(result), done = std::move(job.done)]() mutable {
      --running_;
      if (!waiting_.empty()) {
        Waiting next = std::move(waiting_.front());
        waiting_.erase(waiting_.begin());
        begin(std::move(next));
      }
      done(std::move(found));
    });
  }).detach();
}

}  // namespace wireway::net::detail
