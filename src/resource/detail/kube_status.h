#pragma once
/// Status writes of a service: one under way per object, later ones gathered into the next, lost
/// ones sent again until they arrive, a newer one replaces them or the object is gone.
///
/// Thread: the Loop's.

#include <map>
#include <memory>
#include <string>

#include "net/loop.h"
#include "resource/detail/kube_client.h"
#include "resource/resources.h"

namespace wireway::resource::detail {

class KubeStatus {
 public:
  explicit KubeStatus(KubeClient& client) : client_(client) {}
  void patch(const Kind& kind, const ObjectKey& key, json::object status);

 private:
  struct Target {
    Target(net::OsLoop& loop, net::Random& random)
        : retry(loop), backoff(random, std::chrono::milliseconds{200}, std::chrono::seconds{10}) {}
    json::value waiting;  ///< a merge patch, or null
    json::value sent;
    std::unique_ptr<link::HttpCall> call;
    net::Timer retry;
    Backoff backoff;
  };

  void send(const std::string& path, Target& target);
  void settled(const std::string& path, const Result<json::value>& result);

  KubeClient& client_;
  std::map<std::string, Target> targets_;  ///< by path of the status
};

/// The one patch that does what `first` and then `second` do; nulls stay, because they remove.
json::value join_patches(json::value first, const json::value& second);

}  // namespace wireway::resource::detail
