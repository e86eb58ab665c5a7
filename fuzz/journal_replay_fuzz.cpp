// Segments that somebody has damaged: replay ends with an error or with whole records, and what a
// start accepts a second start gives back again, with what was appended in between.
//
// The first byte chooses: a journal as it is written, with bytes of it changed (two bytes of place
// and one of value each), or the input itself as a segment.

#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "base/log.h"
#include "broker/journal/local_journal.h"
#include "net/sim/sim_world.h"

using namespace wireway;

namespace {

const std::string folder = "/journal";

struct Opened {
  std::vector<std::string> records;
  Result<std::unique_ptr<broker::LocalJournal>> journal;
};

Opened open(net::SimWorld& world, bool encrypted) {
  net::Env env = world.env("broker");
  std::vector<std::string> records;
  auto journal = broker::LocalJournal::open(
      env.loop, env.files,
      {.folder = folder,
       .key = encrypted ? std::vector<std::uint8_t>(32, 5) : std::vector<std::uint8_t>{},
       .segment_bytes = 400},
      [&](ByteView record) -> Result<> {
        records.push_back(to_text(record));
        return {};
      });
  return {std::move(records), std::move(journal)};
}

void append(net::SimWorld& world, broker::LocalJournal& journal, const std::string& record) {
  journal.append(as_bytes(record));
  const bool settled = world.run_until([&] { return journal.durable() == journal.appended(); },
                                       std::chrono::seconds{10});
  WIREWAY_ASSERT(settled, "a sound disk takes a record");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  log::set_level(log::Level::off);
  if (size == 0) return 0;
  const bool encrypted = (data[0] & 1) != 0;
  const bool is_raw = (data[0] & 2) != 0;
  const ByteView input = ByteView(data, size).subspan(1);
  net::SimWorld world(1);
  net::Files& files = world.env("broker").files;
  std::vector<std::string> written;
  if (is_raw) {
    (void)files.make_folders(folder);
    (void)files.replace(folder + "/" + broker::journal::segment_name(0), as_text(input));
  } else {
    Opened first = open(world, encrypted);
    for (int i = 0; i < 9; ++i) {
      written.push_back(std::string(static_cast<std::size_t>(i * 13), static_cast<char>('a' + i)));
      append(world, **first.journal, written.back());
    }
    first.journal->reset();
    const auto entries = files.list(folder);
    for (std::size_t at = 0; at + 3 <= input.size(); at += 3) {
      const auto& entry = (*entries)[input[at] % entries->size()];
      const std::string path = folder + "/" + entry.name;
      std::string content = *files.read(path);
      const std::size_t place = input[at] * 3U + input[at + 1];
      if (place >= content.size()) continue;
      content[place] = static_cast<char>(input[at + 2]);
      (void)files.replace(path, content);
    }
  }
  Opened again = open(world, encrypted);
  if (!is_raw)
    for (std::size_t i = 0; i < again.records.size(); ++i)
      WIREWAY_ASSERT(again.records[i] == written[i], "damage gives no wrong record");
  if (!again.journal) return 0;
  append(world, **again.journal, "one more");
  again.journal->reset();
  again.records.push_back("one more");
  const Opened third = open(world, encrypted);
  WIREWAY_ASSERT(third.journal.has_value(), "what a start has accepted the next one reads");
  WIREWAY_ASSERT(third.records == again.records, "and gives back");
  return 0;
}
