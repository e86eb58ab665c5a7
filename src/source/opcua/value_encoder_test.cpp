/// Golden texts of every builtin type, and of structures that only a description tells how to read.

#include "source/opcua/value_encoder.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <open62541/types_generated.h>

#include "source/opcua/json_write.h"
#include "source/opcua/library.h"
#include "source/opcua/node_id.h"
#include "source/opcua/structure_decoder.h"

namespace wireway::source::opcua {
namespace {

class Encoder : public testing::Test {
 protected:
  template <class T>
  std::string text_of(T value, int type, const EnumerationType* names = nullptr) {
    UA_Variant variant;
    UA_Variant_init(&variant);
    UA_Variant_setScalar(&variant, &value, &UA_TYPES[type]);
    return text_of(variant, names);
  }
  std::string text_of(const UA_Variant& variant, const EnumerationType* names = nullptr) {
    std::string out;
    encoder.append(out, variant, names);
    return out;
  }

  TypeCatalog types;
  ValueEncoder encoder{types};
};

UA_String text(const char* value) { return UA_STRING(const_cast<char*>(value)); }

TEST_F(Encoder, writes_whole_numbers_of_every_width) {
  EXPECT_EQ(text_of<UA_Boolean>(true, UA_TYPES_BOOLEAN), "true");
  EXPECT_EQ(text_of<UA_SByte>(-128, UA_TYPES_SBYTE), "-128");
  EXPECT_EQ(text_of<UA_Byte>(255, UA_TYPES_BYTE), "255");
  EXPECT_EQ(text_of<UA_Int16>(-32768, UA_TYPES_INT16), "-32768");
  EXPECT_EQ(text_of<UA_UInt16>(65535, UA_TYPES_UINT16), "65535");
  EXPECT_EQ(text_of<UA_Int32>(std::numeric_limits<std::int32_t>::min(), UA_TYPES_INT32),
            "-2147483648");
  EXPECT_EQ(text_of<UA_UInt32>(4294967295U, UA_TYPES_UINT32), "4294967295");
  EXPECT_EQ(text_of<UA_Int64>(std::numeric_limits<std::int64_t>::min(), UA_TYPES_INT64),
            "-9223372036854775808");
  EXPECT_EQ(text_of<UA_UInt64>(std::numeric_limits<std::uint64_t>::max(), UA_TYPES_UINT64),
            "18446744073709551615");
}

TEST_F(Encoder, writes_floating_point_numbers_that_read_back_the_same) {
  EXPECT_EQ(text_of(98.22872507286884, UA_TYPES_DOUBLE), "98.22872507286884");
  EXPECT_EQ(text_of(98.0, UA_TYPES_DOUBLE), "98.0");
  EXPECT_EQ(text_of(-0.0, UA_TYPES_DOUBLE), "-0.0");
  EXPECT_EQ(text_of(1e300, UA_TYPES_DOUBLE), "1e+300");
  EXPECT_EQ(text_of(0.1F, UA_TYPES_FLOAT), "0.1");
  EXPECT_EQ(text_of(80.0F, UA_TYPES_FLOAT), "80.0");
  EXPECT_EQ(text_of(std::nan(""), UA_TYPES_DOUBLE), "\"NaN\"");
  EXPECT_EQ(text_of(HUGE_VAL, UA_TYPES_DOUBLE), "\"Infinity\"");
  EXPECT_EQ(text_of(-HUGE_VALF, UA_TYPES_FLOAT), "\"-Infinity\"");
}

TEST_F(Encoder, escapes_texts_and_mends_what_is_no_utf_8) {
  EXPECT_EQ(text_of(text("a\"b\\c\n\x01 \xC3\xA4 \xE2\x82\xAC"), UA_TYPES_STRING),
            "\"a\\\"b\\\\c\\n\\u0001 \xC3\xA4 \xE2\x82\xAC\"");
  EXPECT_EQ(text_of(text("\xC3"), UA_TYPES_STRING), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(text_of(text("\xED\xA0\x80x"), UA_TYPES_STRING).back(), '"');
  EXPECT_EQ(text_of(text("\xC0\xAF"), UA_TYPES_STRING), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(text_of(UA_STRING_NULL, UA_TYPES_STRING), "null");
  EXPECT_EQ(text_of(text(""), UA_TYPES_STRING), "\"\"");
}

TEST_F(Encoder, writes_times_with_100_ns_and_without_trailing_zeros) {
  const UA_DateTime base = UA_DATETIME_UNIX_EPOCH + 1722265337 * UA_DATETIME_SEC;
  EXPECT_EQ(text_of(base + 1'858'435, UA_TYPES_DATETIME), "\"2024-07-29T15:02:17.1858435Z\"");
  EXPECT_EQ(text_of(base + 1'000'000, UA_TYPES_DATETIME), "\"2024-07-29T15:02:17.1Z\"");
  EXPECT_EQ(text_of(base, UA_TYPES_DATETIME), "\"2024-07-29T15:02:17Z\"");
  EXPECT_EQ(text_of<UA_DateTime>(0, UA_TYPES_DATETIME), "\"0001-01-01T00:00:00Z\"");
  EXPECT_EQ(text_of<UA_DateTime>(1, UA_TYPES_DATETIME), "\"1601-01-01T00:00:00.0000001Z\"");
  EXPECT_EQ(text_of(std::numeric_limits<UA_DateTime>::max(), UA_TYPES_DATETIME),
            "\"9999-12-31T23:59:59Z\"");
}

TEST_F(Encoder, writes_ids_names_bytes_and_codes) {
  types.set_namespaces({"http://opcfoundation.org/UA/", "urn:own", "http://x/"});
  const UA_Guid guid{0x09087e75, 0x8e5e, 0x499b, {0x95, 0x4f, 0xf2, 0xa9, 0x60, 0x3d, 0xb2, 0x8a}};
  EXPECT_EQ(text_of(guid, UA_TYPES_GUID), "\"09087e75-8e5e-499b-954f-f2a9603db28a\"");
  EXPECT_EQ(text_of(UA_BYTESTRING(const_cast<char*>("abc")), UA_TYPES_BYTESTRING), "\"YWJj\"");
  EXPECT_EQ(text_of(UA_BYTESTRING_NULL, UA_TYPES_BYTESTRING), "null");
  EXPECT_EQ(text_of(UA_NODEID_NUMERIC(0, 2130), UA_TYPES_NODEID), "\"i=2130\"");
  EXPECT_EQ(text_of(UA_NODEID_STRING(2, const_cast<char*>("a b")), UA_TYPES_NODEID),
            "\"nsu=http://x/;s=a b\"");
  UA_ExpandedNodeId expanded{};
  expanded.nodeId = UA_NODEID_NUMERIC(9, 1);
  EXPECT_EQ(text_of(expanded, UA_TYPES_EXPANDEDNODEID), "\"ns=9;i=1\"");
  EXPECT_EQ(text_of(UA_QUALIFIEDNAME(2, const_cast<char*>("q")), UA_TYPES_QUALIFIEDNAME),
            R"({"Name":"q","Uri":"http://x/"})");
  EXPECT_EQ(text_of(UA_LOCALIZEDTEXT(const_cast<char*>("de"), const_cast<char*>("Ofen")),
                    UA_TYPES_LOCALIZEDTEXT),
            "\"Ofen\"");
  EXPECT_EQ(text_of<UA_StatusCode>(0x80310000, UA_TYPES_STATUSCODE),
            R"({"Code":2150694912,"Symbol":"BadNoCommunication"})");
  EXPECT_EQ(text_of<UA_StatusCode>(0x80310480, UA_TYPES_STATUSCODE),
            R"({"Code":2150696064,"Symbol":"BadNoCommunication"})")
      << "info bits name nothing";
  EXPECT_EQ(text_of(text("<a/>"), UA_TYPES_XMLELEMENT), "\"<a/>\"");
}

TEST_F(Encoder, writes_arrays_and_matrices_and_empty_values) {
  std::array<UA_Int32, 6> numbers{1, 2, 3, 4, 5, 6};
  UA_Variant variant;
  UA_Variant_init(&variant);
  EXPECT_EQ(text_of(variant), "null");
  UA_Variant_setArray(&variant, numbers.data(), 3, &UA_TYPES[UA_TYPES_INT32]);
  EXPECT_EQ(text_of(variant), "[1,2,3]");
  std::array<UA_UInt32, 2> dimensions{2, 3};
  UA_Variant_setArray(&variant, numbers.data(), 6, &UA_TYPES[UA_TYPES_INT32]);
  variant.arrayDimensions = dimensions.data();
  variant.arrayDimensionsSize = 2;
  EXPECT_EQ(text_of(variant), "[[1,2,3],[4,5,6]]");
  std::array<UA_UInt32, 3> cube{3, 1, 2};
  variant.arrayDimensions = cube.data();
  variant.arrayDimensionsSize = 3;
  EXPECT_EQ(text_of(variant), "[[[1,2]],[[3,4]],[[5,6]]]");
  UA_Variant_setArray(&variant, UA_EMPTY_ARRAY_SENTINEL, 0, &UA_TYPES[UA_TYPES_INT32]);
  variant.arrayDimensionsSize = 0;
  EXPECT_EQ(text_of(variant), "[]");
}

TEST_F(Encoder, names_enumerations_and_keeps_the_number_of_unknown_ones) {
  const EnumerationType names{{0, "Off"}, {1, "On"}};
  EXPECT_EQ(text_of<UA_Int32>(1, UA_TYPES_INT32, &names), "\"On_1\"");
  EXPECT_EQ(text_of<UA_Int32>(7, UA_TYPES_INT32, &names), "7");
  std::array<UA_Int32, 2> states{1, 0};
  UA_Variant variant;
  UA_Variant_init(&variant);
  UA_Variant_setArray(&variant, states.data(), 2, &UA_TYPES[UA_TYPES_INT32]);
  EXPECT_EQ(text_of(variant, &names), R"(["On_1","Off_0"])");
}

TEST_F(Encoder, takes_standard_structures_apart) {
  UA_Range range{-1.5, 20};
  EXPECT_EQ(text_of(range, UA_TYPES_RANGE), R"({"Low":-1.5,"High":20.0})");
  UA_Argument argument;
  UA_Argument_init(&argument);
  argument.name = text("On");
  argument.dataType = UA_NODEID_NUMERIC(0, 1);
  argument.valueRank = -1;
  EXPECT_EQ(
      text_of(argument, UA_TYPES_ARGUMENT),
      R"({"Name":"On","DataType":"i=1","ValueRank":-1,"ArrayDimensions":[],"Description":null})");
}

TEST_F(Encoder, writes_nested_variants_and_data_values) {
  UA_Int32 number = 5;
  UA_DataValue value;
  UA_DataValue_init(&value);
  UA_Variant_setScalar(&value.value, &number, &UA_TYPES[UA_TYPES_INT32]);
  value.hasValue = true;
  value.hasStatus = true;
  value.status = UA_STATUSCODE_UNCERTAINLASTUSABLEVALUE;
  EXPECT_EQ(text_of(value, UA_TYPES_DATAVALUE),
            R"({"Value":5,"StatusCode":{"Code":1083179008,"Symbol":"UncertainLastUsableValue"}})");
}

/// Describes `structure Boiler { Inner{Int32 Top; Int32 Bottom} T; Int32 P; enum S; String N;
/// Double[] A }`.
class Structures : public Encoder {
 protected:
  Structures() {
    EnumerationType& state = types.enumeration("4:i=3");
    state = {{0, "Off"}, {1, "On"}};
    StructureType& inner = types.structure("4:i=2");
    inner.is_usable = true;
    inner.fields = {builtin("Top", UA_TYPES_INT32), builtin("Bottom", UA_TYPES_INT32)};
    StructureType& outer = types.structure("4:i=1");
    outer.is_usable = true;
    FieldType temperature{.name = "Temperature"};
    temperature.kind = FieldType::Kind::structure;
    temperature.structure = &inner;
    FieldType heater{.name = "Heater"};
    heater.kind = FieldType::Kind::enumeration;
    heater.enumeration = &state;
    FieldType history = builtin("History", UA_TYPES_DOUBLE);
    history.value_rank = 1;
    outer.fields = {temperature,
                    heater,
                    builtin("Name", UA_TYPES_STRING),
                    history,
                    builtin("Id", UA_TYPES_NODEID),
                    builtin("Last", UA_TYPES_BYTE)};
    types.add_encoding(UA_NODEID_NUMERIC(4, 10), "4:i=1");
  }
  static FieldType builtin(const char* name, int type) {
    FieldType field{.name = name};
    field.kind = FieldType::Kind::builtin;
    field.builtin = &UA_TYPES[type];
    return field;
  }
  std::string text_of_body(const std::string& bytes) {
    UA_ExtensionObject object;
    UA_ExtensionObject_init(&object);
    object.encoding = UA_EXTENSIONOBJECT_ENCODED_BYTESTRING;
    object.content.encoded.typeId = UA_NODEID_NUMERIC(4, 10);
    object.content.encoded.body = library_text(bytes);
    return text_of(object, UA_TYPES_EXTENSIONOBJECT);
  }
  const std::string body = std::string(
      "\x05\0\0\0\x06\0\0\0"            // Temperature
      "\x01\0\0\0"                      // Heater
      "\x02\0\0\0ab"                    // Name
      "\x01\0\0\0\0\0\0\0\0\0\xF8\x3F"  // History: 1.5
      "\x02\x01\0\x05\0\0\0"            // Id: ns=1;i=5 in the long form
      "\x09",
      8 + 4 + 6 + 12 + 7 + 1);
};

TEST_F(Structures, takes_bytes_apart_along_the_description) {
  EXPECT_EQ(text_of_body(body),
            R"({"Temperature":{"Top":5,"Bottom":6},"Heater":"On_1","Name":"ab","History":[1.5],)"
            R"("Id":"ns=1;i=5","Last":9})");
}

TEST_F(Structures, falls_back_to_base64_for_every_truncated_body) {
  for (std::size_t size = 0; size < body.size(); ++size) {
    const std::string out = text_of_body(body.substr(0, size));
    EXPECT_TRUE(out.starts_with(R"({"TypeId":"ns=4;i=10","Body":")")) << size << ": " << out;
  }
}

TEST_F(Structures, refuses_lengths_that_the_body_cannot_hold) {
  std::string hostile = body;
  hostile[18 + 3] = '\x7F';  // History: two billion elements
  EXPECT_TRUE(text_of_body(hostile).starts_with(R"({"TypeId")"));
}

TEST_F(Structures, leaves_out_optional_fields_and_names_the_selected_one_of_a_union) {
  StructureType& optional = types.structure("4:i=5");
  optional.kind = StructureType::Kind::with_optional_fields;
  optional.is_usable = true;
  FieldType maybe = builtin("Maybe", UA_TYPES_BYTE);
  maybe.is_optional = true;
  FieldType also = builtin("Also", UA_TYPES_BYTE);
  also.is_optional = true;
  optional.fields = {maybe, builtin("Always", UA_TYPES_BYTE), also};
  types.add_encoding(UA_NODEID_NUMERIC(4, 10), "4:i=5");
  EXPECT_EQ(text_of_body(std::string("\x02\0\0\0\x07\x08", 6)), R"({"Always":7,"Also":8})");

  optional.kind = StructureType::Kind::union_of_fields;
  EXPECT_EQ(text_of_body(std::string("\x02\0\0\0\x07", 5)), R"({"Always":7})");
  EXPECT_EQ(text_of_body(std::string("\0\0\0\0", 4)), "null");
  EXPECT_TRUE(text_of_body(std::string("\x04\0\0\0\x07", 5)).starts_with(R"({"TypeId")"));
}

TEST(NodeIds, reads_every_documented_form) {
  const std::vector<std::string> namespaces{"http://opcfoundation.org/UA/", "urn:a", "http://b;c/"};
  const auto parsed = [&](const char* source) {
    const Result<OwnedNodeId> id = parse_node_id(source, namespaces);
    return id ? node_text(id->get(), {}) : id.error().message;
  };
  EXPECT_EQ(parsed("ns=3;s=SpikeData"), "ns=3;s=SpikeData");
  EXPECT_EQ(parsed("ns=3;s=a;b=c"), "ns=3;s=a;b=c");
  EXPECT_EQ(parsed("i=2258"), "i=2258");
  EXPECT_EQ(parsed("nsu=urn:a;i=15013"), "ns=1;i=15013");
  EXPECT_EQ(parsed("nsu=http://b%3Bc/;s=x"), "ns=2;s=x");
  EXPECT_EQ(parsed("ns=1;g=09087e75-8e5e-499b-954f-f2a9603db28a"),
            "ns=1;g=09087e75-8e5e-499b-954f-f2a9603db28a");
  EXPECT_EQ(parse_node_id("nsu=urn:zzz;i=1", namespaces).error().code, Errc::not_found);
  for (const char* odd :
       {"", "SpikeData", "ns=;i=1", "ns=x;i=1", "ns=99999;i=1", "i=", "i=a", "nsu=urn:a"}) {
    const Result<OwnedNodeId> id = parse_node_id(odd, namespaces);
    ASSERT_FALSE(id) << odd;
    EXPECT_EQ(id.error().code, Errc::invalid) << odd;
  }
}

}  // namespace
}  // namespace wireway::source::opcua
