#include "broker/admin.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "broker/gather.h"
#include "wire/mqtt/topic.h"

namespace wireway::broker {
namespace {

link::HttpResponse json_answer(unsigned status, const json::value& body) {
  return {status, {{"Content-Type", "application/json"}}, json::serialize(body) + "\n"};
}

link::HttpResponse refusal(unsigned status, std::string_view message) {
  return json_answer(status, json::object{{"code", status}, {"message", message}});
}

/// Takes as long for a near miss as for a far one.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t at = 0; at < a.size() && at < b.size(); ++at)
    difference |= unsigned(static_cast<unsigned char>(a[at]) ^ static_cast<unsigned char>(b[at]));
  return difference == 0;
}

std::uint64_t number_of(std::string_view text, std::uint64_t fallback) {
  std::uint64_t out = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() ? out : fallback;
}

PageQuery page_of(const link::HttpRequest& request) {
  PageQuery out;
  out.after = request.query_value("after");
  out.search = request.query_value("search");
  out.limit = std::clamp<std::uint64_t>(number_of(request.query_value("limit"), out.limit), 1,
                                        Admin::page_max);
  return out;
}

json::object to_json(const ClientView& view) {
  json::object out{{"id", view.client_identifier},
                   {"connected", view.connected},
                   {"slow", view.slow},
                   {"category", view.category},
                   {"sessionExpirySeconds", view.session_expiry_s},
                   {"subscriptions", view.subscriptions},
                   {"queuedMessages", view.queued_messages},
                   {"queuedBytes", view.queued_bytes},
                   {"bufferedBytes", view.buffered_bytes},
                   {"inFlight", view.in_flight},
                   {"unsentBytes", view.unsent_bytes},
                   {"messagesIn", view.traffic.messages_in},
                   {"messagesOut", view.traffic.messages_out},
                   {"payloadBytesIn", view.traffic.payload_in},
                   {"payloadBytesOut", view.traffic.payload_out}};
  if (view.oldest_message_age)
    out["oldestMessageAgeSeconds"] =
        std::chrono::duration<double>(*view.oldest_message_age).count();
  if (!view.connected) return out;
  out["protocol"] = view.version == mqtt::Version::v5 ? "MQTT 5" : "MQTT 3.1.1";
  out["peer"] = view.peer;
  out["connectedSince"] = to_rfc3339(*view.connected_since);
  return out;
}

std::string_view word(mqtt::PacketType type) {
  static constexpr std::string_view words[] = {"?",         "CONNECT",  "CONNACK",     "PUBLISH",
                                               "PUBACK",    "PUBREC",   "PUBREL",      "PUBCOMP",
                                               "SUBSCRIBE", "SUBACK",   "UNSUBSCRIBE", "UNSUBACK",
                                               "PINGREQ",   "PINGRESP", "DISCONNECT",  "AUTH"};
  return words[static_cast<std::size_t>(type) & 15U];
}

json::value trace_of(Node& node, const std::string& id, std::uint64_t after) {
  const MonoTime now = node.now();
  const ClientTrace* trace = node.shard().trace(id, now);
  if (trace == nullptr) return nullptr;
  json::array events;
  for (const TraceEvent& event : trace->events()) {
    if (event.number <= after) continue;
    json::object one{{"number", event.number},
                     {"time", to_rfc3339(node.shard().wall_at(event.at), 3)},
                     {"direction", event.to_client ? "out" : "in"},
                     {"packet", word(event.type)},
                     {"bytes", event.bytes}};
    if (!event.topic.empty()) one["topic"] = event.topic;
    events.push_back(std::move(one));
  }
  return json::object{{"items", std::move(events)}};
}

/// What is found, or that there is no such client.
auto one_answer(const std::string& id, std::shared_ptr<link::HttpResponder> responder) {
  return [id, responder = std::move(responder)](const std::vector<json::value>& answers) {
    if (answers[0].is_null())
      responder->respond(refusal(404, fmt::format("there is no client \"{}\"", id)));
    else
      responder->respond(json_answer(200, answers[0]));
  };
}

}  // namespace

Result<> Admin::start(const std::string& folder) {
  token_ = env_.random.uuid() + env_.random.uuid();
  link::HttpServerOptions options;
  options.endpoint = {"127.0.0.1", 0};
  auto started = link::HttpServer::start(
      env_, std::move(options), [this](const link::HttpRequest& request, Responder responder) {
        answer(request, std::move(responder));
      });
  if (!started) return wrap("view of clients", started.error());
  if (auto made = env_.files.make_folders(folder); !made)
    return wrap("view of clients", made.error());
  const json::object where{{"url", fmt::format("http://127.0.0.1:{}", (*started)->port())},
                           {"token", token_}};
  auto written = env_.files.replace(fmt::format("{}/{}", folder, file_name),
                                    json::serialize(where) + "\n", 0600);
  if (!written) return wrap("view of clients", written.error());
  door_ = std::move(*started);
  return {};
}

bool Admin::admits(const link::HttpRequest& request) const {
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view header = request.header("authorization");
  return header.starts_with(scheme) && equal_in_constant_time(header.substr(scheme.size()), token_);
}

void Admin::answer(const link::HttpRequest& request, Responder responder) {
  if (!admits(request))
    return responder->respond(refusal(401, "the token in the broker's admin.json is needed"));
  const bool reads = request.method == "GET";
  const bool deletes = request.method == "DELETE";
  if (request.path == "/clients" && reads) return clients(request, std::move(responder));
  if (request.path == "/client" && (reads || deletes)) return client(request, std::move(responder));
  if (request.path == "/trace" && reads) return trace(request, std::move(responder));
  if (request.path == "/retained" && (reads || deletes))
    return retained(request, std::move(responder));
  responder->respond(refusal(404, "there are /clients, /client, /trace and /retained"));
}

const std::shared_ptr<NodeAddress>& Admin::home_of(std::string_view client_identifier) const {
  return nodes_[shard_of(client_identifier, nodes_.size())];
}

void Admin::clients(const link::HttpRequest& request, Responder responder) {
  const PageQuery query = page_of(request);
  gather(
      nodes_[0], nodes_, [query](Node& node) { return node.shard().clients(query, node.now()); },
      [query, responder = std::move(responder)](std::vector<std::vector<ClientView>> answers) {
        std::vector<ClientView> all;
        for (auto& answer : answers) std::ranges::move(answer, std::back_inserter(all));
        std::ranges::sort(all, {}, &ClientView::client_identifier);
        json::object out;
        if (all.size() >= query.limit) {
          all.resize(query.limit);
          out["next"] = all.back().client_identifier;
        }
        json::array items;
        for (const ClientView& view : all) items.push_back(to_json(view));
        out["items"] = std::move(items);
        responder->respond(json_answer(200, out));
      });
}

void Admin::client(const link::HttpRequest& request, Responder responder) {
  const std::string id(request.query_value("id"));
  const bool ends = request.method == "DELETE";
  const auto ask = [id, ends](Node& node) -> json::value {
    if (ends) {
      if (!node.shard().kick(id)) return nullptr;
      return json::object{{"ended", id}};
    }
    const auto view = node.shard().client(id, node.now());
    if (!view) return nullptr;
    json::object out = to_json(*view);
    out["filters"] = json::array(view->filters.begin(), view->filters.end());
    return out;
  };
  gather(nodes_[0], {home_of(id)}, ask, one_answer(id, std::move(responder)));
}

void Admin::trace(const link::HttpRequest& request, Responder responder) {
  const std::string id(request.query_value("id"));
  const std::uint64_t after = number_of(request.query_value("after"), 0);
  gather(
      nodes_[0], {home_of(id)}, [id, after](Node& node) { return trace_of(node, id, after); },
      one_answer(id, std::move(responder)));
}

void Admin::retained(const link::HttpRequest& request, Responder responder) {
  const PageQuery query = page_of(request);
  const bool erases = request.method == "DELETE";
  std::string filter(request.query_value("filter"));
  if (filter.empty() && !erases) filter = "#";
  if (!mqtt::is_valid_topic_filter(filter) || mqtt::parse_shared_filter(filter))
    return responder->respond(refusal(400, "filter: a topic filter is needed, as in plant/#"));
  gather(
      nodes_[0], nodes_,
      [query, filter, erases](Node& node) {
        return erases ? node.shard().erase_retained(filter, query, node.now())
                      : node.shard().retained(filter, query, node.now());
      },
      [query, erases, responder = std::move(responder)](std::vector<RetainedPage> pages) {
        std::vector<RetainedView> all;
        std::string next;  // the next page begins where the first of the shards stopped
        for (RetainedPage& page : pages) {
          std::ranges::move(page.messages, std::back_inserter(all));
          if (!page.next.empty() && (next.empty() || page.next < next)) next = page.next;
        }
        std::ranges::sort(all, {}, &RetainedView::topic);
        if (!erases && !next.empty())
          std::erase_if(all, [&next](const RetainedView& one) { return one.topic > next; });
        json::array items;
        for (const RetainedView& one : all)
          items.push_back(json::object{{"topic", one.topic},
                                       {"payloadBytes", one.payload_bytes},
                                       {"qos", static_cast<int>(one.qos)}});
        json::object out{{"items", std::move(items)}};
        if (!next.empty()) out["next"] = next;
        responder->respond(json_answer(200, out));
      });
}

}  // namespace wireway::broker
