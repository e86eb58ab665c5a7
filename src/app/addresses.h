#pragma once
/// Where `wireway up` listens (`--address`), and under which names this machine can be reached
/// there: they go into its certificate.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/stream.h"

namespace wireway::app {

/// "192.168.1.5", "0.0.0.0:8443", "::", "[::]:8443". Port 0 = that of `--port`.
/// Errors: Errc::invalid with the forms that are understood.
Result<net::Endpoint> parse_address(const std::string& text);

/// "127.0.0.1", "::1", "localhost": reachable from this machine only.
bool is_loopback_host(const std::string& host);

/// "0.0.0.0" and "::": every address of this machine.
bool is_any_host(const std::string& host);

/// localhost, its addresses and the machine's name always; the addresses that are listened on; what
/// the user adds. Without repetition.
std::vector<std::string> own_names(const std::vector<net::Endpoint>& addresses,
                                   const std::vector<std::string>& extra);

}  // namespace wireway::app
