#pragma once
/// What a service may use of the outside world, handed down from `main` or from a simulation:
/// nothing above `net/` reaches the system by another way.

#include "net/file.h"
#include "net/loop.h"
#include "net/random.h"
#include "net/stream.h"

namespace wireway::net {

/// Owns nothing; all of it outlives the service.
struct Env {
  Loop& loop;
  Network& network;
  Files& files;
  Random& random;
};

}  // namespace wireway::net
