#pragma once
/// `wireway up`: everything on one machine. API server, reconcilers, supervisor and web page in
/// this process; every service as a supervised child of the same binary.
///
/// Prints the table of addresses once all is Ready (or says what is not), one line per event after
/// that.
/// Errors: exit codes of ExitCode; a child's fault never ends it.

#include <cstdint>
#include <string>
#include <vector>

#include "app/process.h"
#include "control/access/oidc.h"

namespace wireway::app {

struct UpOptions {
  bool demo = false;
  std::string data = "./.wireway";
  std::string resources;
  std::uint16_t port = 8088;
  std::vector<std::string> addresses;  ///< besides 127.0.0.1, which is always served
  std::vector<std::string> names;      ///< further names and addresses for the certificate
  std::string tls_certificate;         ///< files of the user's own; empty = ours
  std::string tls_key;
  control::OidcOptions oidc;  ///< an issuer elsewhere whose users are known here; empty = none
  std::uint16_t simulator_port = 50000;
  std::uint32_t simulator_nodes = 0;
  std::int64_t history_revisions = 100;  ///< changes kept of each object
  std::uint64_t audit_megabytes = 64;    ///< of one file of the audit log
  std::size_t audit_files = 8;           ///< of its past that are kept
};

ExitCode run_up(const UpOptions& options);

}  // namespace wireway::app
