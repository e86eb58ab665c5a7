#pragma once
/// Lets answers that come after their asker is gone fall silent: requests and workers cannot always
/// be called back.

#include <memory>
#include <utility>

namespace wireway::control {

class Answers {
 public:
  /// `call`, as long as this lives; else nothing.
  template <class Call>
  auto while_alive(Call call) const {
    return
        [alive = std::weak_ptr<const int>(alive_), call = std::move(call)](auto&&... args) mutable {
          if (!alive.expired()) call(std::forward<decltype(args)>(args)...);
        };
  }

 private:
  std::shared_ptr<const int> alive_ = std::make_shared<const int>(0);
};

}  // namespace wireway::control
