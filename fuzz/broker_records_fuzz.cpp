// What the broker reads back from its journal: whatever bytes stand there are refused or
// understood; what is understood is written back so that it reads the same; and no sequence of
// records, however absurd, breaks a shard that restores them and goes on to work.

#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "broker/records.h"
#include "conformance/local_mesh.h"
#include "simulation/memory_journal.h"

namespace {

using wireway::Bytes;
using wireway::ByteView;
using wireway::MonoTime;
namespace records = wireway::broker::records;

Bytes written(const records::Record& record) {
  Bytes out;
  std::visit([&out](const auto& one) { records::encode(one, out); }, record);
  return out;
}

void read_and_write(ByteView bytes) {
  const auto record = records::decode(bytes);
  if (!record) return;
  const Bytes once = written(*record);
  const auto again = records::decode(once);
  WIREWAY_ASSERT(again.has_value(), "what was written can be read");
  WIREWAY_ASSERT(written(*again) == once, "what was read is written as the same bytes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MonoTime now{std::chrono::hours{1}};
  wireway::simulation::OneLog log(2, {});
  wireway::conformance::LocalMesh mesh(2);
  for (std::size_t i = 0; i < 2; ++i) {
    mesh.shard(i).set_wall(wireway::WallTime{std::chrono::hours{500'000}}, now);
    mesh.shard(i).record_to(log.journal(i));
  }
  // Records of up to 255 bytes, each with its length before it.
  for (std::size_t at = 0; at < size;) {
    const std::size_t length = std::min<std::size_t>(data[at], size - at - 1);
    const ByteView record(data + at + 1, length);
    read_and_write(record);
    for (std::size_t i = 0; i < 2; ++i) (void)mesh.shard(i).restore(record, now);
    at += 1 + length;
  }
  for (std::size_t i = 0; i < 2; ++i) mesh.shard(i).finish_restore(now);
  mesh.settle(now);
  const MonoTime later = now + std::chrono::hours{24 * 365};
  mesh.tick(later);
  for (std::size_t i = 0; i < 2; ++i) {
    mesh.shard(i).begin_checkpoint();
    while (!mesh.shard(i).checkpoint_step(1000, later)) {
    }
  }
  mesh.settle(later);
  return 0;
}
