#pragma once
/// Resources over the Kubernetes API: our embedded server or a real kube-apiserver, by list and
/// watch with bookmarks, 410 handling and back-off (link/http_client).

#include <memory>
#include <string>

#include "net/os/os_loop.h"
#include "resource/resources.h"

namespace wireway::resource {

struct KubeOptions {
  std::string url = {};         ///< "http://127.0.0.1:8088"
  std::string token_file = {};  ///< bearer token, re-read on change; empty = none
  std::string ca_file = {};     ///< PEM; empty = system roots
  std::string component = {};   ///< our name in Events and as field manager: "opcua"
};

std::unique_ptr<Resources> make_kube_resources(net::OsLoop& loop, KubeOptions options);

}  // namespace wireway::resource
