#include "base/bytes.h"

#include <gtest/gtest.h>

namespace wireway {
namespace {

TEST(Base64, encodes_every_remainder_with_padding) {
  EXPECT_EQ(base64_encode(as_bytes("")), "");
  EXPECT_EQ(base64_encode(as_bytes("f")), "Zg==");
  EXPECT_EQ(base64_encode(as_bytes("fo")), "Zm8=");
  EXPECT_EQ(base64_encode(as_bytes("foobar")), "Zm9vYmFy");
}

TEST(Base64, decodes_what_it_encodes_and_refuses_the_rest) {
  for (const char* text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    EXPECT_EQ(base64_decode(base64_encode(as_bytes(text))), text);
  EXPECT_EQ(base64_decode("Zm9v\nYmFy"), "foobar");
  EXPECT_EQ(base64_decode("Zg"), "f");
  EXPECT_EQ(base64_decode("Z"), std::nullopt);
  EXPECT_EQ(base64_decode("Zg==Zg=="), std::nullopt);
  EXPECT_EQ(base64_decode("Zm 9v"), std::nullopt);
}

TEST(Hex, writes_two_lower_case_digits_a_byte) {
  EXPECT_EQ(hex_encode(Bytes{0x00, 0xAB, 0xFF}), "00abff");
}

TEST(MqttUtf8, accepts_well_formed_text_of_every_length) {
  EXPECT_TRUE(is_mqtt_utf8("plain"));
  EXPECT_TRUE(is_mqtt_utf8("\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80"));
  EXPECT_TRUE(is_mqtt_utf8("\xEF\xBB\xBF"));  // a byte order mark is allowed [MQTT-1.5.4-3]
}

TEST(MqttUtf8, refuses_null_surrogates_overlong_and_truncated_sequences) {
  EXPECT_FALSE(is_mqtt_utf8(std::string_view("a\0b", 3)));  // [MQTT-1.5.4-2]
  EXPECT_FALSE(is_mqtt_utf8("\xED\xA0\x80"));               // U+D800 [MQTT-1.5.4-1]
  EXPECT_FALSE(is_mqtt_utf8("\xC0\xAF"));
  EXPECT_FALSE(is_mqtt_utf8("\xE2\x82"));
  EXPECT_FALSE(is_mqtt_utf8("\xF4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(is_mqtt_utf8("\x80"));
}

}  // namespace
}  // namespace wireway
