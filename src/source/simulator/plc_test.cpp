/// The simulator as a client on the network sees it. The server runs on its own thread; the tests
/// wait for conditions with a deadline.

#include "source/simulator/plc.h"

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <open62541/client.h>
#include <open62541/client_config_default.h>
#include <open62541/client_highlevel.h>

#include "net/os/os_loop.h"
#include "net/random.h"

namespace wireway::source::simulator {
namespace {

using namespace std::chrono_literals;

constexpr UA_DateTime patience = 20 * UA_DATETIME_SEC;

struct Client {
  UA_StatusCode connect(const std::string& url) {
    return UA_Client_connect(client.get(), url.c_str());
  }

  /// The value attribute, or null with `status`.
  std::shared_ptr<UA_Variant> read(const UA_NodeId& id) {
    std::shared_ptr<UA_Variant> value(UA_Variant_new(),
                                      [](UA_Variant* v) { UA_Variant_delete(v); });
    status = UA_Client_readValueAttribute(client.get(), id, value.get());
    return value;
  }
  template <class T>
  T read_as(const UA_NodeId& id) {
    const auto value = read(id);
    return status == UA_STATUSCODE_GOOD && value->data != nullptr ? *static_cast<T*>(value->data)
                                                                  : T{};
  }
  bool wait(const std::function<bool()>& condition) {
    const UA_DateTime deadline = UA_DateTime_nowMonotonic() + patience;
    while (UA_DateTime_nowMonotonic() < deadline) {
      if (condition()) return true;
      UA_Client_run_iterate(client.get(), 10);
    }
    return false;
  }
  UA_StatusCode call(const UA_NodeId& object, const UA_NodeId& method,
                     UA_Variant* input = nullptr) {
    return UA_Client_call(client.get(), object, method, input != nullptr ? 1 : 0, input, nullptr,
                          nullptr);
  }

  UA_Logger silent{nullptr, nullptr, nullptr};
  struct Deleter {
    void operator()(UA_Client* c) const { UA_Client_delete(c); }
  };
  static UA_Client* make(UA_Logger* logger) {
    UA_ClientConfig config{};
    config.logging = logger;
    UA_ClientConfig_setDefault(&config);
    return UA_Client_newWithConfig(&config);
  }
  std::unique_ptr<UA_Client, Deleter> client{make(&silent)};
  UA_StatusCode status = UA_STATUSCODE_GOOD;
};

UA_NodeId plc(const char* name) { return UA_NODEID_STRING(3, const_cast<char*>(name)); }
UA_NodeId boiler(std::uint32_t id) { return UA_NODEID_NUMERIC(4, id); }

class PlcTest : public testing::Test {
 protected:
  PlcSimulator& start(PlcOptions options = {.port = 0}) {
    simulator = std::make_unique<PlcSimulator>(env, options);
    const Result<> started = simulator->start();
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
    return *simulator;
  }

  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SeededRandom random{1};
  net::Env env{loop, loop, *files, random};
  std::unique_ptr<PlcSimulator> simulator;
};

TEST_F(PlcTest, lists_the_documented_namespaces_in_their_order) {
  Client client;
  ASSERT_EQ(client.connect(start().url()), UA_STATUSCODE_GOOD);
  const auto uris = client.read(UA_NODEID_NUMERIC(0, UA_NS0ID_SERVER_NAMESPACEARRAY));
  ASSERT_EQ(uris->arrayLength, 6U);
  const auto* text = static_cast<UA_String*>(uris->data);
  const auto uri = [&](int i) {
    return std::string(reinterpret_cast<char*>(text[i].data), text[i].length);
  };
  EXPECT_EQ(uri(1), "urn:OpcPlc:opcplc-000000");
  EXPECT_EQ(uri(2), "http://opcfoundation.org/UA/DI/");
  EXPECT_EQ(uri(3), "http://microsoft.com/Opc/OpcPlc/");
  EXPECT_EQ(uri(4), "http://microsoft.com/Opc/OpcPlc/Boiler");
  EXPECT_EQ(uri(5), "http://microsoft.com/Opc/OpcPlc/BoilerInstance");
}

TEST_F(PlcTest, shows_the_values_of_the_quickstart_asset) {
  Client client;
  ASSERT_EQ(client.connect(start().url()), UA_STATUSCODE_GOOD);
  EXPECT_EQ(client.read(plc("SpikeData"))->type, &UA_TYPES[UA_TYPES_DOUBLE]);
  const auto energy = client.read_as<std::uint32_t>(plc("FastUInt10"));
  EXPECT_GE(energy, 212U);
  EXPECT_LE(energy, 273U);
  client.read(plc("FastUInt11"));
  EXPECT_EQ(client.status, UA_STATUSCODE_BADNODEIDUNKNOWN);
  EXPECT_TRUE(
      client.wait([&] { return client.read_as<std::uint32_t>(plc("FastUInt10")) != energy; }));
}

TEST_F(PlcTest, describes_the_structure_of_boiler_1_to_clients_that_do_not_know_it) {
  Client client;
  ASSERT_EQ(client.connect(start().url()), UA_STATUSCODE_GOOD);
  const auto value = client.read(boiler(15013));
  ASSERT_EQ(value->type, &UA_TYPES[UA_TYPES_EXTENSIONOBJECT]);
  const auto& object = *static_cast<UA_ExtensionObject*>(value->data);
  EXPECT_EQ(object.content.encoded.typeId.identifier.numeric, 15072U);
  EXPECT_EQ(object.content.encoded.body.length, 16U);

  UA_ReadValueId item;
  UA_ReadValueId_init(&item);
  item.nodeId = boiler(15032);
  item.attributeId = UA_ATTRIBUTEID_DATATYPEDEFINITION;
  UA_ReadRequest request;
  UA_ReadRequest_init(&request);
  request.nodesToRead = &item;
  request.nodesToReadSize = 1;
  UA_ReadResponse response = UA_Client_Service_read(client.client.get(), request);
  ASSERT_EQ(response.resultsSize, 1U);
  ASSERT_EQ(response.results[0].value.type, &UA_TYPES[UA_TYPES_STRUCTUREDEFINITION]);
  const auto& structure = *static_cast<UA_StructureDefinition*>(response.results[0].value.data);
  ASSERT_EQ(structure.fieldsSize, 3U);
  EXPECT_EQ(structure.fields[2].dataType.identifier.numeric, 15014U);
  UA_ReadResponse_clear(&response);

  item.nodeId = boiler(15014);
  response = UA_Client_Service_read(client.client.get(), request);
  ASSERT_EQ(response.resultsSize, 1U);
  ASSERT_EQ(response.results[0].value.type, &UA_TYPES[UA_TYPES_ENUMDEFINITION]);
  EXPECT_EQ(static_cast<UA_EnumDefinition*>(response.results[0].value.data)->fieldsSize, 2U);
  UA_ReadResponse_clear(&response);
  EXPECT_EQ(client.read(boiler(15015))->arrayLength, 2U) << "names of the heater's states";
}

TEST_F(PlcTest, switches_the_heaters_by_method_call) {
  Client client;
  ASSERT_EQ(client.connect(start().url()), UA_STATUSCODE_GOOD);
  const UA_NodeId heater_off = UA_NODEID_STRING(4, const_cast<char*>("HeaterOff"));
  EXPECT_EQ(client.call(plc("Methods"), heater_off), UA_STATUSCODE_GOOD);
  const auto heater = [&] {
    const auto value = client.read(boiler(15013));
    const auto& body = static_cast<UA_ExtensionObject*>(value->data)->content.encoded.body;
    return body.data[12];
  };
  EXPECT_EQ(heater(), 0);
  EXPECT_EQ(client.call(boiler(15070), UA_NODEID_STRING(4, const_cast<char*>("HeaterOn"))),
            UA_STATUSCODE_GOOD);
  EXPECT_EQ(heater(), 1);

  bool on = false;
  UA_Variant input;
  UA_Variant_init(&input);
  UA_Variant_setScalar(&input, &on, &UA_TYPES[UA_TYPES_BOOLEAN]);
  EXPECT_EQ(client.call(boiler(5019), boiler(7019), &input), UA_STATUSCODE_GOOD);
  EXPECT_FALSE(client.read_as<bool>(boiler(6212)));
}

TEST_F(PlcTest, takes_writes_where_documented_and_refuses_them_elsewhere) {
  Client client;
  ASSERT_EQ(client.connect(start().url()), UA_STATUSCODE_GOOD);
  float target = 95.5F;
  UA_Variant value;
  UA_Variant_init(&value);
  UA_Variant_setScalar(&value, &target, &UA_TYPES[UA_TYPES_FLOAT]);
  EXPECT_EQ(UA_Client_writeValueAttribute(client.client.get(), boiler(6217), &value),
            UA_STATUSCODE_GOOD);
  EXPECT_FLOAT_EQ(client.read_as<float>(boiler(6217)), 95.5F);
  EXPECT_EQ(UA_Client_writeValueAttribute(client.client.get(), boiler(6211), &value),
            UA_STATUSCODE_BADNOTWRITABLE);
  EXPECT_EQ(UA_Client_writeValueAttribute(client.client.get(), plc("StepUp"), &value),
            UA_STATUSCODE_BADTYPEMISMATCH);
}

TEST_F(PlcTest, shows_bad_quality_without_a_value) {
  Client client;
  ASSERT_EQ(client.connect(start().url()), UA_STATUSCODE_GOOD);
  EXPECT_TRUE(client.wait([&] {
    client.read(plc("BadFastUInt1"));
    return client.status == UA_STATUSCODE_BADNOCOMMUNICATION;
  }));
}

TEST_F(PlcTest, serves_ten_thousand_changing_variables) {
  Client client;
  ASSERT_EQ(client.connect(start({.port = 0, .nodes = 10'000}).url()), UA_STATUSCODE_GOOD);
  const auto first = client.read_as<std::uint32_t>(plc("Node10000"));
  EXPECT_GE(first, 9999U);
  EXPECT_TRUE(client.wait([&] { return client.read_as<std::uint32_t>(plc("Node10000")) > first; }));
  client.read(plc("Node10001"));
  EXPECT_EQ(client.status, UA_STATUSCODE_BADNODEIDUNKNOWN);
}

TEST_F(PlcTest, names_the_port_and_the_option_when_the_port_is_in_use) {
  const std::uint16_t port = start().port();
  PlcSimulator second(env, {.port = port});
  const Result<> started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::conflict);
  EXPECT_NE(started.error().message.find(std::to_string(port)), std::string::npos);
  EXPECT_NE(started.error().message.find("--port"), std::string::npos);
}

TEST_F(PlcTest, starts_again_on_the_same_port_while_old_connections_linger) {
  PlcSimulator& plc_simulator = start();
  const std::uint16_t port = plc_simulator.port();
  Client before;
  ASSERT_EQ(before.connect(plc_simulator.url()), UA_STATUSCODE_GOOD);
  plc_simulator.stop();
  simulator.reset();
  PlcSimulator& again = start({.port = port});
  EXPECT_EQ(again.port(), port);
  Client after;
  EXPECT_EQ(after.connect(again.url()), UA_STATUSCODE_GOOD);
}

}  // namespace
}  // namespace wireway::source::simulator
