#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace wireway::base {

void assertion_failed(const char* condition, const char* belief, const char* file,
                      int line) noexcept {
  std::fprintf(stderr, "BUG %s:%d: %s (believed: %s); please report it\n", file, line, condition,
               belief);
  std::abort();
}

}  // namespace wireway::base
