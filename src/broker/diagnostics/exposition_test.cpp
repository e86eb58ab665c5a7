// Goal: the metrics page has the documented names with their labels, in a form that Prometheus
// reads.

#include "broker/diagnostics/exposition.h"

#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace wireway::broker::diagnostics {
namespace {

Figures some() {
  Figures out;
  out.hostname = "edge\"1";
  out.version = "1.2.3";
  out.total.messages_in = 7;
  out.total.qos0_dropped_out = 3;
  out.total.sessions = 5;
  out.total.connects = 9;
  out.total.connections = 2;
  out.total.store.insertions = 4;
  out.queued_bytes_max = 200;
  out.total.queued_bytes = 50;
  out.categories["uncategorized"].traffic.messages_in = 5;
  out.categories["aiosdk-go"].traffic = {2, 3, 20, 30};
  out.categories["aiosdk-go"].sessions_v5 = 1;
  out.categories["aiosdk-go"].connected = 1;
  out.categories["aiosdk-go"].persistent = 1;
  return out;
}

TEST(Exposition, has_both_prefixes_host_and_category) {
  const std::string page = exposition(some());
  for (const std::string line :
       {R"(aio_broker_publishes_received{hostname="edge\"1",category="aiosdk-go"} 2)",
        R"(aio_mq_publishes_received{hostname="edge\"1",category="uncategorized"} 5)",
        R"(aio_broker_payload_bytes_sent{hostname="edge\"1",category="aiosdk-go"} 30)",
        R"(aio_broker_qos0_messages_dropped{hostname="edge\"1",direction="outgoing",)"
        R"(category="uncategorized",pod_type="BE"} 3)",
        R"(aio_broker_total_sessions{hostname="edge\"1",mqtt_version="v5"} 1)",
        R"(aio_broker_store_total_sessions{hostname="edge\"1",is_persistent="true",is_tail="true",)"
        R"(chain_id="1"} 1)",
        R"(aio_broker_store_total_sessions{hostname="edge\"1",is_persistent="false",)"
        R"(is_tail="true",chain_id="1"} 4)",
        R"(aio_broker_client_disconnected{hostname="edge\"1"} 7)",
        R"(aio_mq_state_store_insertions{hostname="edge\"1"} 4)",
        R"(aio_broker_buffer_pool_used_percent{hostname="edge\"1",name="reader"} 25)",
        R"(wireway_broker_info{hostname="edge\"1",version="1.2.3"} 1)"})
    EXPECT_TRUE(page.contains("\n" + line + "\n")) << line << "\n" << page;
}

TEST(Exposition, gives_names_that_came_later_no_older_prefix) {
  const std::string page = exposition(some());
  EXPECT_TRUE(page.contains("\naio_broker_state_store_keynotify_requests{"));
  EXPECT_FALSE(page.contains("aio_mq_state_store_keynotify_requests"));
  EXPECT_FALSE(page.contains("aio_mq_client_connected"));
}

TEST(Exposition, names_each_metric_once_and_says_its_type_before) {
  Figures figures = some();
  figures.check.ran = true;
  figures.check.routes.resize(2);
  figures.check.routes[1].operations[std::size_t(Operation::publish)].note(true, 2.5);
  const std::string page = exposition(figures);
  std::set<std::string> typed;
  std::string last_type;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      last_type = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(typed.insert(last_type).second) << last_type;
    } else if (!line.starts_with("#")) {
      EXPECT_TRUE(line.starts_with(last_type + "{")) << line;
    }
  }
  EXPECT_TRUE(page.contains(R"(publish_latency_mu_ms{hostname="edge\"1",route="shard-1"} 2.5)"));
  EXPECT_TRUE(page.contains(
      R"(aio_mq_publish_route_replication_correctness{hostname="edge\"1",route="shard-0"} 0)"));
  EXPECT_TRUE(page.contains(
      R"(aio_mq_publish_route_replication_correctness{hostname="edge\"1",route="shard-1"} 1)"));
}

TEST(OperationFigures, has_mean_and_deviation) {
  OperationFigures figures;
  for (const double ms : {2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) figures.note(true, ms);
  figures.note(false, 0);
  EXPECT_FALSE(figures.good);
  EXPECT_DOUBLE_EQ(figures.mean_ms(), 5);
  EXPECT_DOUBLE_EQ(figures.deviation_ms(), 2);
  EXPECT_DOUBLE_EQ(figures.last_ms, 9);
}

}  // namespace
}  // namespace wireway::broker::diagnostics
