#pragma once
/// Beliefs about our own code, checked in production too. What a peer, a file or a user can cause
/// is never asserted: that is a Result (see result.h) or a protocol's verdict.
///
/// Effect: prints the condition, the belief and the place to stderr and aborts; the supervisor then
/// restarts the service and says so.

namespace wireway::base {

[[noreturn]] void assertion_failed(const char* condition, const char* belief, const char* file,
                                   int line) noexcept;

}  // namespace wireway::base

#define WIREWAY_ASSERT(condition, belief)                                        \
  do {                                                                           \
    if (!(condition)) [[unlikely]]                                               \
      ::wireway::base::assertion_failed(#condition, belief, __FILE__, __LINE__); \
  } while (false)
