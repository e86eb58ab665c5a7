// The measuring rod of make bench-broker: what a broker costs that does nothing but decode, look
// the topic up and forward. One thread on epoll; each turn reads all ready sockets, then writes
// every client that has something once. QoS 0 and 1, MQTT 3.1.1, exact topics and filters with +
// or # that are compared one by one. No sessions, no retained messages, no limits, no security:
// 127.0.0.1 alone.
//
//   null_broker PORT [spin]     spin: never sleeps in epoll_wait

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "wire/mqtt/topic.h"

namespace wireway {
namespace {

constexpr std::size_t read_bytes = 256 * 1024;

struct Client {
  int fd = -1;
  Bytes rest;  ///< a packet that is not whole yet
  Bytes out;
  bool dirty = false;
  bool closing = false;
  bool waits_for_room = false;
  std::uint16_t next_identifier = 0;
};

struct Subscriber {
  Client* client = nullptr;
  unsigned qos = 0;
};

class NullBroker {
 public:
  bool listen(std::uint16_t port);
  void run(bool spin);

 private:
  void accept_all();
  void read(Client& client);
  std::size_t take(Client& client, ByteView bytes);
  void on_packet(Client& client, std::uint8_t first_byte, ByteView body);
  void publish(Client& from, std::uint8_t first_byte, ByteView body);
  void subscribe(Client& client, ByteView body);
  const std::vector<Subscriber>& subscribers_of(std::string_view topic);
  void flush(Client& client);
  void end(Client& client);

  void append(Client& client, std::initializer_list<std::uint8_t> bytes) {
    client.out.insert(client.out.end(), bytes);
    mark(client);
  }
  void mark(Client& client) {
    if (std::exchange(client.dirty, true)) return;
    dirty_.push_back(&client);
  }

  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  int listener_ = -1;
  Bytes buffer_ = Bytes(read_bytes);
  std::vector<Client*> dirty_;
  std::vector<Client*> ended_;
  std::unordered_map<int, std::unique_ptr<Client>> clients_;
  std::vector<std::pair<std::string, Subscriber>> filters_;
  std::unordered_map<std::string_view, std::vector<Subscriber>> known_;  ///< by topic
  std::vector<std::unique_ptr<std::string>> topics_;                     ///< what known_ points to
};

bool NullBroker::listen(std::uint16_t port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
  if (::listen(listener_, 1024) != 0) return false;
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event) == 0;
}

void NullBroker::run(bool spin) {
  std::array<epoll_event, 512> events{};
  for (;;) {
    const int count = ::epoll_wait(epoll_, events.data(), events.size(), spin ? 0 : -1);
    for (int i = 0; i < count; ++i) {
      auto* client = static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (client == nullptr) {
        accept_all();
        continue;
      }
      if ((events[static_cast<std::size_t>(i)].events & EPOLLOUT) != 0) mark(*client);
      if ((events[static_cast<std::size_t>(i)].events & ~EPOLLOUT) != 0) read(*client);
    }
    for (std::size_t i = 0; i < dirty_.size(); ++i) flush(*dirty_[i]);
    dirty_.clear();
    // Not before: a new connection would get the number of one that this turn still knows.
    for (Client* client : ended_) {
      ::close(client->fd);
      clients_.erase(client->fd);
    }
    ended_.clear();
  }
}

void NullBroker::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int yes = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    auto& client = clients_[fd] = std::make_unique<Client>();
    client->fd = fd;
    epoll_event event{.events = EPOLLIN, .data = {.ptr = client.get()}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
}

void NullBroker::read(Client& client) {
  if (client.closing) return;
  const ssize_t got = ::recv(client.fd, buffer_.data(), buffer_.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return end(client);
  ByteView bytes(buffer_.data(), static_cast<std::size_t>(got));
  if (client.rest.empty()) {
    bytes = bytes.subspan(take(client, bytes));
    client.rest.assign(bytes.begin(), bytes.end());
    return;
  }
  Bytes joined = std::exchange(client.rest, {});
  joined.insert(joined.end(), bytes.begin(), bytes.end());
  const std::size_t used = take(client, joined);
  client.rest.assign(joined.begin() + static_cast<std::ptrdiff_t>(used), joined.end());
}

/// Gives how many bytes were whole packets.
std::size_t NullBroker::take(Client& client, ByteView bytes) {
  std::size_t used = 0;
  while (bytes.size() - used >= 2 && !client.closing) {
    std::size_t length = 0;
    std::size_t head = 1;
    for (unsigned shift = 0;; shift += 7) {
      if (used + head >= bytes.size()) return used;
      const std::uint8_t byte = bytes[used + head++];
      length |= static_cast<std::size_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) break;
    }
    if (bytes.size() - used < head + length) return used;
    on_packet(client, bytes[used], bytes.subspan(used + head, length));
    used += head + length;
  }
  return used;
}

void NullBroker::on_packet(Client& client, std::uint8_t first_byte, ByteView body) {
  switch (first_byte >> 4) {
    case 1: return append(client, {0x20, 2, 0, 0});
    case 3: return publish(client, first_byte, body);
    case 8: return subscribe(client, body);
    case 12: return append(client, {0xD0, 0});
    case 14: return end(client);
    default: return;  // PUBACK of subscribers: nothing is kept
  }
}

void NullBroker::publish(Client& from, std::uint8_t first_byte, ByteView body) {
  const unsigned qos = (first_byte >> 1) & 3U;
  const std::size_t topic_bytes = static_cast<std::size_t>(body[0] << 8 | body[1]);
  const ByteView topic = body.subspan(0, 2 + topic_bytes);
  ByteView payload = body.subspan(2 + topic_bytes);
  if (qos == 1) {
    append(from, {0x40, 2, payload[0], payload[1]});
    payload = payload.subspan(2);
  }
  for (const Subscriber& subscriber : subscribers_of(as_text(topic.subspan(2)))) {
    Client& to = *subscriber.client;
    const unsigned granted = std::min(qos, subscriber.qos);
    std::size_t length = topic.size() + payload.size() + (granted == 1 ? 2 : 0);
    Bytes& out = to.out;
    out.push_back(static_cast<std::uint8_t>(0x30 | granted << 1));
    do {
      out.push_back(static_cast<std::uint8_t>((length & 0x7F) | (length > 127 ? 0x80 : 0)));
      length >>= 7;
    } while (length > 0);
    out.insert(out.end(), topic.begin(), topic.end());
    if (granted == 1) {
      if (++to.next_identifier == 0) ++to.next_identifier;
      out.push_back(static_cast<std::uint8_t>(to.next_identifier >> 8));
      out.push_back(static_cast<std::uint8_t>(to.next_identifier));
    }
    out.insert(out.end(), payload.begin(), payload.end());
    mark(to);
  }
}

const std::vector<Subscriber>& NullBroker::subscribers_of(std::string_view topic) {
  const auto found = known_.find(topic);
  if (found != known_.end()) return found->second;
  const std::string& name = *topics_.emplace_back(std::make_unique<std::string>(topic));
  std::vector<Subscriber>& out = known_[name];
  for (const auto& [filter, subscriber] : filters_)
    if (wire::mqtt::topic_matches(filter, topic)) out.push_back(subscriber);
  return out;
}

void NullBroker::subscribe(Client& client, ByteView body) {
  Bytes codes;
  for (std::size_t at = 2; at + 2 < body.size();) {
    const std::size_t bytes = static_cast<std::size_t>(body[at] << 8 | body[at + 1]);
    const unsigned qos = std::min<unsigned>(body[at + 2 + bytes] & 3U, 1U);
    filters_.emplace_back(as_text(body.subspan(at + 2, bytes)), Subscriber{&client, qos});
    codes.push_back(static_cast<std::uint8_t>(qos));
    at += 3 + bytes;
  }
  known_.clear();
  topics_.clear();
  append(client, {0x90});
  for (std::size_t length = codes.size() + 2; length > 0; length >>= 7)
    append(client, {static_cast<std::uint8_t>((length & 0x7F) | (length > 127 ? 0x80 : 0))});
  append(client, {body[0], body[1]});
  client.out.insert(client.out.end(), codes.begin(), codes.end());
}

void NullBroker::flush(Client& client) {
  client.dirty = false;
  if (client.closing || client.out.empty()) return;
  const ssize_t sent = ::send(client.fd, client.out.data(), client.out.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return end(client);
  if (sent > 0) client.out.erase(client.out.begin(), client.out.begin() + sent);
  const bool wait = !client.out.empty();
  if (wait == client.waits_for_room) return;
  client.waits_for_room = wait;
  const std::uint32_t wanted = wait ? EPOLLIN | EPOLLOUT : EPOLLIN;
  epoll_event event{.events = wanted, .data = {.ptr = &client}};
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, client.fd, &event);
}

void NullBroker::end(Client& client) {
  if (std::exchange(client.closing, true)) return;
  const auto gone = std::remove_if(filters_.begin(), filters_.end(), [&client](const auto& each) {
    return each.second.client == &client;
  });
  if (gone != filters_.end()) {
    filters_.erase(gone, filters_.end());
    known_.clear();
    topics_.clear();
  }
  ended_.push_back(&client);
}

}  // namespace
}  // namespace wireway

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: null_broker PORT [spin]\n", stderr);
    return 2;
  }
  wireway::NullBroker broker;
  if (!broker.listen(static_cast<std::uint16_t>(std::atoi(argv[1])))) {
    std::perror("null_broker: cannot listen");
    return 1;
  }
  broker.run(argc > 2 && std::string_view(argv[2]) == "spin");
}
