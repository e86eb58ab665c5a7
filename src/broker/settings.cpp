#include "broker/settings.h"

namespace wireway::broker {

Counters& Counters::operator+=(const Counters& other) {
  messages_in += other.messages_in;
  messages_out += other.messages_out;
  packets_in += other.packets_in;
  packets_out += other.packets_out;
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
  payload_in += other.payload_in;
  payload_out += other.payload_out;
  dropped += other.dropped;
  qos0_dropped_in += other.qos0_dropped_in;
  qos0_dropped_out += other.qos0_dropped_out;
  refused_busy += other.refused_busy;
  connects += other.connects;
  connects_refused += other.connects_refused;
  sessions_expired += other.sessions_expired;
  authenticated += other.authenticated;
  authentications_denied += other.authentications_denied;
  authentications_failed += other.authentications_failed;
  authorized += other.authorized;
  unauthorized += other.unauthorized;
  connections += other.connections;
  sessions += other.sessions;
  subscriptions += other.subscriptions;
  shared_subscriptions += other.shared_subscriptions;
  retained += other.retained;
  retained_bytes += other.retained_bytes;
  routes += other.routes;
  queued_messages += other.queued_messages;
  queued_bytes += other.queued_bytes;
  buffered_messages += other.buffered_messages;
  buffered_bytes += other.buffered_bytes;
  buffer_disk_bytes += other.buffer_disk_bytes;
  buffer_bytes_max += other.buffer_bytes_max;
  buffer_transfers += other.buffer_transfers;
  buffer_transfers_failed += other.buffer_transfers_failed;
  publishers_slowed += other.publishers_slowed;
  store += other.store;
  return *this;
}

CategoryFigures& CategoryFigures::operator+=(const CategoryFigures& other) {
  traffic += other.traffic;
  sessions_v311 += other.sessions_v311;
  sessions_v5 += other.sessions_v5;
  connected += other.connected;
  persistent += other.persistent;
  wills += other.wills;
  will_bytes += other.will_bytes;
  subscriptions_connected += other.subscriptions_connected;
  subscriptions += other.subscriptions;
  return *this;
}

}  // namespace wireway::broker
