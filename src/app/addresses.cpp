#include "app/addresses.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <unistd.h>

#include <fmt/format.h>

namespace wireway::app {
namespace {

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return host == "localhost" || ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

std::string text_of(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (address->sa_family == AF_INET)
    bytes = &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
  if (address->sa_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    if (IN6_IS_ADDR_LINKLOCAL(&six)) return {};  // means nothing without its interface
    bytes = &six;
  }
  if (bytes == nullptr) return {};
  return ::inet_ntop(address->sa_family, bytes, text.data(), text.size()) != nullptr ? text.data()
                                                                                     : "";
}

std::vector<std::string> interface_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owned(list, &::freeifaddrs);
  std::vector<std::string> out;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next)
    if (each->ifa_addr != nullptr) out.push_back(text_of(each->ifa_addr));
  return out;
}

}  // namespace

Result<net::Endpoint> parse_address(const std::string& text) {
  const auto refuse = [&text] {
    return fail(Errc::invalid,
                fmt::format("--address {}: give an address of this machine, 0.0.0.0 or ::, with or "
                            "without a port: 192.168.1.5, 192.168.1.5:8443, [::]:8443",
                            text));
  };
  std::string host = text;
  std::string port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string::npos) return refuse();
    host = text.substr(1, end - 1);
    const std::string rest = text.substr(end + 1);
    if (!rest.empty() && (rest[0] != ':' || rest.size() == 1)) return refuse();
    if (!rest.empty()) port = rest.substr(1);
  } else if (std::ranges::count(text, ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(text.find(':') + 1);
    if (port.empty()) return refuse();
  }
  net::Endpoint out{host, 0};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  const bool whole = port.empty() || (error == std::errc() && end == port.data() + port.size());
  if (!whole || !is_address(host)) return refuse();
  return out;
}

bool is_loopback_host(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

bool is_any_host(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

std::vector<std::string> own_names(const std::vector<net::Endpoint>& addresses,
                                   const std::vector<std::string>& extra) {
  std::vector<std::string> out;
  const auto add = [&out](const std::string& name) {
    if (!name.empty() && std::ranges::find(out, name) == out.end()) out.push_back(name);
  };
  for (const char* name : {"localhost", "127.0.0.1", "::1"}) add(name);
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) add(host.data());
  bool any = false;
  for (const net::Endpoint& each : addresses) {
    any = any || is_any_host(each.host);
    if (!is_any_host(each.host)) add(each.host);
  }
  if (any)
    for (const std::string& address : interface_addresses()) add(address);
  for (const std::string& name : extra) add(name);
  return out;
}

}  // namespace wireway::app
