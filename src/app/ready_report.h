#pragma once
/// Tells a person once, after the start, whether everything is Ready and where everything is; and
/// what is not Ready, with its reason, if that does not come about.
///
/// Thread: the Loop's.

#include <functional>
#include <string>
#include <vector>

#include "net/env.h"
#include "resource/controller.h"

namespace wireway::app {

class ReadyReport {
 public:
  static constexpr Duration look_interval = std::chrono::milliseconds{250};
  static constexpr Duration patience = std::chrono::seconds{20};

  /// `print` gets the lines about what is not Ready; none = all is.
  ReadyReport(net::Env& env, resource::Resources& resources,
              std::function<void(std::vector<std::string> not_ready)> print);
  void start();

 private:
  void look();
  std::vector<std::string> not_ready() const;

  net::Env& env_;
  std::function<void(std::vector<std::string>)> print_;
  resource::Controller controller_;
  std::vector<std::pair<resource::Kind, const resource::Cache*>> caches_;
  MonoTime deadline_;
  net::Timer timer_;
};

}  // namespace wireway::app
