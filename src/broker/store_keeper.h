#pragma once
/// The state store on the shard that owns its request topic: requests from all shards in, responses
/// published, notifications sent to the connections that asked for them.
///
/// Order:  what one request brings leaves in one go: notifications of a key in the order of its
///         changes, and none behind the response to STOP
/// Durable: with persistence a response leaves when the change is on disk
/// Thread: the shard's
/// Limits: quota: half of Settings::queued_bytes_max

#include <optional>

#include "broker/mesh.h"
#include "broker/state_store/service.h"

namespace wireway::broker {

class Shard;

class StoreKeeper {
 public:
  StoreKeeper(Shard& shard, Mesh& mesh) : shard_(shard), mesh_(mesh) {}

  void on_request(const state_store::Asked& asked, const state_store::Now& now);
  void on_listener_gone(const ListenerGone& gone) {
    store_.forget(gone.client_identifier, gone.connection);
  }
  std::optional<MonoTime> next_deadline() const { return store_.next_expiry(); }
  void tick(const state_store::Now& now);

  /// One record that was read back (records::StoreChanged).
  Result<> restore(ByteView change, const state_store::Now& now);
  /// The keys behind `after`, about `bytes_max` of them, into the journal; `after` moves on. True
  /// at the end.
  bool checkpoint_page(std::string& after, std::size_t bytes_max, const state_store::Now& now);
  state_store::StoreCounters counters() const { return store_.counters(); }

 private:
  bool keeps(const state_store::Change& change) const;
  void record(const std::vector<state_store::Change>& changes);
  void notify(const std::vector<state_store::Notice>& notices, MonoTime now);

  Shard& shard_;
  Mesh& mesh_;
  state_store::Store store_{0};
};

}  // namespace wireway::broker
