#pragma once
/// Where the API is and who we are: read from a kubeconfig, as kubectl does, or from the data
/// folder of a `wireway up`.
///
/// Order:  --server; --kubeconfig; --data; $KUBECONFIG; ./.wireway/kubeconfig. Never
///         ~/.kube/config: nobody changes a cluster by accident.
/// Errors: Errc::not_found or invalid, with the file and what to do.

#include <functional>
#include <string>

#include "base/result.h"
#include "net/file.h"

namespace wireway::app::cli {

struct ConnectionOptions {
  std::string kubeconfig = {};
  std::string context = {};
  std::string data = {};
  std::string server = {};
  std::string token_file = {};
  std::string ca_file = {};
  std::string space = {};
};

/// Certificates and keys are PEM texts, not paths.
struct Connection {
  std::string server = {};  ///< "https://host:port", without a slash at its end
  std::string space = {};
  std::string user = {};  ///< its name in the kubeconfig
  std::string ca = {};
  std::string certificate = {};
  std::string key = {};
  std::string token = {};
  bool insecure = false;
  std::string from = {};  ///< the file, or "--server"
};

using Environment = std::function<const char*(const char*)>;

Result<Connection> find_connection(const ConnectionOptions& options, net::Files& files,
                                   const Environment& environment);

}  // namespace wireway::app::cli
