// Goal: a record comes back as it was written, and nothing else is taken for one.

#include "broker/state_store/change.h"

#include <gtest/gtest.h>

namespace wireway::broker::state_store {
namespace {

Change whole() {
  return {std::string("k\0y", 3), "value",         Hlc{5, 6, "StateStore"},
          WallTime{Duration{7}},  Hlc{3, 4, "c1"}, true};
}

TEST(Change, comes_back_as_it_was_written) {
  const Change changes[] = {whole(),
                            {"k", std::nullopt, Hlc{1, 2, "n"}, {}, {}, false},
                            {"k", "", Hlc{1, 2, "n"}, {}, {}, false},
                            {"", {}, Hlc{1696374425000, 1, "StateStore"}, {}, {}, false}};
  for (const Change& change : changes) {
    Bytes record;
    append(change, record);
    const auto back = decode_change(record);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, change);
  }
}

TEST(Change, is_refused_when_it_is_cut_longer_or_of_another_format) {
  Bytes record;
  append(whole(), record);
  for (std::size_t size = 0; size < record.size(); ++size)
    EXPECT_FALSE(decode_change(ByteView(record).first(size))) << size;
  Bytes longer = record;
  longer.push_back(0);
  EXPECT_FALSE(decode_change(longer));
  Bytes newer = record;
  newer[0] = 2;
  EXPECT_EQ(decode_change(newer).error().code, Errc::unsupported);
  Bytes unknown = record;
  unknown[1] |= 16;
  EXPECT_FALSE(decode_change(unknown));
}

}  // namespace
}  // namespace wireway::broker::state_store
