// Requests with any payload and clocks, times that pass: what is answered is one of the protocol's
// answers, bytes and registrations add up, each record comes back as it was written, and a request
// that is a command again, taken apart and put together, is the same bytes.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "broker/state_store/store.h"

using namespace wireway;
using namespace wireway::broker::state_store;

namespace {

/// Cuts the input into pieces with a byte of length in front of each.
struct Input {
  std::string_view rest;

  std::uint8_t byte() {
    if (rest.empty()) return 0;
    const auto out = static_cast<std::uint8_t>(rest[0]);
    rest.remove_prefix(1);
    return out;
  }
  std::string_view piece() {
    const std::size_t size = std::min<std::size_t>(byte(), rest.size());
    const std::string_view out = rest.substr(0, size);
    rest.remove_prefix(size);
    return out;
  }
};

void check(const Outcome& out) {
  for (const Change& change : out.changes) {
    Bytes record;
    append(change, record);
    const auto back = decode_change(record);
    WIREWAY_ASSERT(back && *back == change, "a record comes back as it was written");
  }
  for (const Notice& notice : out.notices)
    WIREWAY_ASSERT(parse_request(notice.payload).has_value(), "a notice is an array of blobs");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)decode_change({data, size});
  Input input{{reinterpret_cast<const char*>(data), size}};
  Store store{4096};
  Now now{{}, {std::chrono::seconds{1}}};
  while (!input.rest.empty()) {
    const std::uint8_t way = input.byte();
    const Duration passed = std::chrono::milliseconds{way >> 4};
    now = {now.mono + passed, now.wall + passed};
    Request request;
    std::string built;
    if ((way & 1) != 0) {  // words of a command, so that commands are met soon
      static constexpr std::string_view verbs[] = {"SET", "GET", "DEL", "VDEL", "KEYNOTIFY"};
      std::vector<std::string_view> words{verbs[input.byte() % 5]};
      for (std::size_t count = input.byte() % 6; count > 0; --count) words.push_back(input.piece());
      built = array_of(words);
      request.payload = built;
    } else {
      request.payload = input.piece();
    }
    if ((way & 2) != 0) request.timestamp = (way & 4) != 0 ? input.piece() : "1000:0:c";
    if ((way & 8) != 0) request.fencing_token = input.piece();
    request.asker = {std::string(1, static_cast<char>('a' + way % 3)), way % 2U, false};
    const auto words = parse_request(request.payload);
    if (words)
      WIREWAY_ASSERT(array_of({words->values.data(), words->count}) == request.payload,
                     "only the canonical form is taken");
    const Outcome out = store.execute(request, now);
    WIREWAY_ASSERT(out.reply.ends_with("\r\n"), "there is an answer");
    WIREWAY_ASSERT(words || out.reply == "-ERR syntax error\r\n", "malformed is said so");
    check(out);
    if (way % 7 == 0) check(store.expire(now));
    WIREWAY_ASSERT(store.counters().bytes <= 4096, "the quota holds");
  }
  for (const char* client : {"a", "b", "c"})
    for (std::uint64_t connection = 0; connection < 2; ++connection)
      store.forget(client, connection);
  WIREWAY_ASSERT(store.counters().registrations == 0, "registrations end with their connections");
  Store copy{4096};
  for (Change& change : store.page("", 1 << 20, now)) copy.restore(std::move(change), now);
  WIREWAY_ASSERT(copy.counters().bytes == store.counters().bytes,
                 "a checkpoint is the whole store");
  WIREWAY_ASSERT(copy.counters().keys == store.counters().keys, "a checkpoint is the whole store");
  return 0;
}
