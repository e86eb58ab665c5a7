#pragma once
/// Blocks all signals of the calling thread for a scope. Threads started within inherit the block,
/// so that process-wide signals stay with the thread that reads them (OsLoop::on_signals).

#include <initializer_list>

#include <pthread.h>
#include <signal.h>

namespace wireway::net::detail {

class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP})
      ::sigdelset(&all, fault);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace wireway::net::detail
