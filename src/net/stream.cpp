#include "net/stream.h"

#include <fmt/format.h>

namespace wireway::net {

std::string Endpoint::to_string() const {
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

}  // namespace wireway::net
