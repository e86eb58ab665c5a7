#include "base/crc32c.h"

#include <gtest/gtest.h>

namespace wireway {
namespace {

// The check value of the catalogue of CRC algorithms, and RFC 3720 B.4.
TEST(Crc32c, has_the_published_values) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(Bytes(32, 0)), 0x8A9136AAU);
  EXPECT_EQ(crc32c(Bytes(32, 0xFF)), 0x62A8AB43U);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, goes_on_and_is_the_same_without_the_instruction) {
  Bytes bytes(1000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
  const ByteView all = bytes;
  for (std::size_t cut = 0; cut <= all.size(); cut += 13) {
    EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all));
    EXPECT_EQ(crc32c_portable(all.first(cut)), crc32c(all.first(cut)));
  }
}

}  // namespace
}  // namespace wireway
