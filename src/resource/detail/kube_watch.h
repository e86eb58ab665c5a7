#pragma once
/// List, then watch, for ever: one kind's objects from a Kubernetes API. After any break it goes on from the
/// last revision, or lists again and tells the difference.
///
/// Thread: the loop's. Errors: logged once when trouble begins and once when it ends.

#include <memory>
#include <set>
#include <string>

#include "resource/detail/kube_http.h"

namespace wireway::resource {

class KubeWatch final : public Watch {
 public:
  KubeWatch(std::shared_ptr<KubeHttp> http, const Kind& kind, std::string space,
            WatchHandler& handler);
  ~KubeWatch() override;

 private:
  static const json::value* resource_items(const json::value& list);
  void list(const std::string& continue_token);
  void on_list(Result<json::value> answer);
  void erase_unlisted();
  void put(const json::value& object);
  void watch();
  void on_chunk(std::string_view chunk);
  void read_lines();
  void on_line(std::string_view line);
  void on_end(Result<link::HttpClientResponse> end);
  void trouble(const Error& error);
  void recovered();

  std::shared_ptr<KubeHttp> http_;
  Kind kind_;
  std::string space_;
  WatchHandler& handler_;
  std::unique_ptr<link::HttpCall> call_;
  net::Timer retry_;
  Duration retry_delay_;
  std::string revision_;
  std::string lines_;
  std::set<ObjectKey> known_;
  std::set<ObjectKey> listed_;
  bool synced_ = false;
  bool relist_ = false;
  bool reading_ = false;
  bool in_trouble_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace wireway::resource
