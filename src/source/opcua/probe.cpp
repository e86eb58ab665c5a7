#include "source/opcua/probe.h"

#include <charconv>
#include <cstring>

#include <fmt/format.h>

namespace wireway::source::opcua {
namespace {

constexpr std::size_t header_size = 8;
constexpr std::uint16_t default_port = 4840;

Bytes hello(const std::string& url) {
  Bytes message;
  const auto add_u32 = [&message](std::uint32_t value) {
    for (int i = 0; i < 4; ++i, value >>= 8) message.push_back(static_cast<std::uint8_t>(value));
  };
  for (const char c : {'H', 'E', 'L', 'F'}) message.push_back(static_cast<std::uint8_t>(c));
  add_u32(static_cast<std::uint32_t>(32 + url.size()));
  add_u32(0);       // protocol version
  add_u32(65'536);  // receive buffer
  add_u32(65'536);  // send buffer
  add_u32(0);       // no limit of message size
  add_u32(0);       // no limit of chunks
  add_u32(static_cast<std::uint32_t>(url.size()));
  for (const char c : url) message.push_back(static_cast<std::uint8_t>(c));
  return message;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// The network's own sentence tells the cases apart.
Failure tcp_failure(const Error& reason, const std::string& url) {
  if (contains(reason.message, "refused"))
    return {"ConnectionRefused", fmt::format("nothing listens at {}: start the server or correct "
                                             "targetAddress",
                                             url)};
  if (reason.code == Errc::timed_out || contains(reason.message, "timed out"))
    return {"HostUnreachable", fmt::format("{} does not answer: check address, network and "
                                           "firewall",
                                           url)};
  return {"HostUnreachable",
          fmt::format("{} cannot be reached ({}): check address and network", url, reason.message)};
}

}  // namespace

std::optional<net::Endpoint> address_of(const std::string& url) {
  const auto start = url.find("://");
  if (start == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(url).substr(start + 3);
  if (const auto slash = rest.find('/'); slash != std::string_view::npos)
    rest = rest.substr(0, slash);
  net::Endpoint result;
  result.port = default_port;
  std::size_t colon = rest.rfind(':');
  if (rest.starts_with('[')) {
    const auto bracket = rest.find(']');
    if (bracket == std::string_view::npos) return std::nullopt;
    result.host = rest.substr(1, bracket - 1);
    colon = bracket + 1 < rest.size() && rest[bracket + 1] == ':' ? bracket + 1
                                                                  : std::string_view::npos;
  } else {
    result.host = rest.substr(0, colon);
  }
  if (colon != std::string_view::npos) {
    const char* end = rest.data() + rest.size();
    const auto [stop, error] = std::from_chars(rest.data() + colon + 1, end, result.port);
    if (error != std::errc{} || stop != end) return std::nullopt;
  }
  if (result.host.empty() || result.port == 0) return std::nullopt;
  return result;
}

Probe::Probe(net::Env& env, std::string url, Done done)
    : url_(std::move(url)), done_(std::move(done)), timeout_(env.loop) {
  const std::optional<net::Endpoint> address = address_of(url_);
  if (!address) {
    timeout_.arm(Duration{0}, [this] {
      finish(Failure{"InvalidAddress",
                     fmt::format("{} is no OPC UA address: write opc.tcp://host:port", url_)});
    });
    return;
  }
  stream_ = env.network.connect(*address, *this, probe_timeout);
  timeout_.arm(2 * probe_timeout, [this] {
    finish(Failure{"TimedOut", fmt::format("{} accepts connections but does not answer: the server "
                                           "hangs, or is no OPC UA server",
                                           url_)});
  });
}

void Probe::on_open() {
  is_open_ = true;
  stream_->write(hello(url_));
}

void Probe::on_bytes(ByteView bytes) {
  received_.insert(received_.end(), bytes.begin(), bytes.end());
  if (received_.size() < header_size) return;
  const std::string_view type(reinterpret_cast<const char*>(received_.data()), 3);
  if (type == "ACK" || type == "ERR") {
    finish(std::nullopt);
  } else {
    finish(Failure{"NotOpcUa", fmt::format("what answers at {} is no OPC UA server: check "
                                           "targetAddress",
                                           url_)});
  }
}

void Probe::on_close(const Error& reason) {
  if (!is_open_) {
    finish(tcp_failure(reason, url_));
  } else {
    finish(Failure{"NotOpcUa", fmt::format("{} hangs up on an OPC UA greeting: check "
                                           "targetAddress",
                                           url_)});
  }
}

void Probe::finish(std::optional<Failure> result) {
  timeout_.cancel();
  stream_.reset();
  // The receiver may destroy this Probe.
  if (Done done = std::exchange(done_, nullptr)) done(std::move(result));
}

}  // namespace wireway::source::opcua
