#pragma once
/// One kind's list and watch: list, then the stream of changes from that revision on; after a break
/// the stream is taken up where it ended, and only a revision that the server no longer knows (410)
/// costs a new list. Never ends by itself.
///
/// Thread: the Loop's; the handler may end the watch from within its calls.
/// Limits: a stream that says nothing for silence_max is given up and opened anew.

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "net/loop.h"
#include "resource/detail/kube_client.h"
#include "resource/dialect.h"
#include "resource/resources.h"

namespace wireway::resource::detail {

class KubeWatch final : public Watch {
 public:
  static constexpr std::int64_t watch_seconds = 240;  ///< the server ends the stream then
  static constexpr Duration silence_max = std::chrono::seconds{watch_seconds + 30};
  static constexpr Duration retry_min = std::chrono::milliseconds{200};
  static constexpr Duration retry_max = std::chrono::seconds{10};

  /// What is to be watched, in which namespace ("" = all) and in which older spellings.
  struct Subject {
    Kind kind;
    std::string space;
    const Dialects* dialects;  ///< null: the kind has none
  };

  KubeWatch(KubeClient& client, Subject subject, WatchHandler& handler);
  ~KubeWatch() override;

 private:
  void list();
  void take_list(Result<json::value> result);
  void follow();
  void take_chunk(unsigned status, std::string_view chunk);
  void take_lines();
  /// False if the stream must be given up.
  bool take_event(json::value& event);
  void ended(const Result<json::value>& result);
  void retry(const Error& error);
  void show(json::value& object);

  KubeClient& client_;
  Kind kind_;
  std::string space_;
  const Dialects* dialects_;
  WatchHandler& handler_;
  std::string revision_;  ///< empty: a list is needed
  bool synced_ = false;
  std::set<ObjectKey> known_;  ///< objects shown
  std::string buffer_;
  MonoTime opened_;
  std::string last_error_;
  std::unique_ptr<link::HttpCall> call_;
  Backoff backoff_;
  net::Timer turn_;   ///< the next list or stream
  net::Timer lines_;  ///< lines of the stream wait to be taken
  net::Timer silence_;
  bool* destroyed_ = nullptr;  ///< set while a handler runs
};

}  // namespace wireway::resource::detail
