#pragma once
/// Acknowledgements that wait until what they promise is on disk, here and on the shards that the
/// message went to.
///
/// Way:    a packet's handling records something or sends it to other shards; its acknowledgement
///         joins the turn's ticket. At the end of the turn the ticket is closed: it is done when
///         the journal is durable up to what was recorded by then, and each of those shards has
///         said the same of what the turn sent to it (CommitAsk, CommitDone). Tickets are done in
///         their order, so that acknowledgements of one client keep theirs. A question of another
///         shard waits by itself, so that two shards never wait for each other in a circle.
/// Thread: the shard's

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ring.h"
#include "broker/journal/journal.h"
#include "broker/message.h"

namespace wireway::broker {

class Client;

/// A session, wherever it is by then.
struct SessionName {
  std::string client_identifier;
  std::uint64_t number = 0;
};

/// An acknowledgement: four bytes and perhaps a reason, or a whole packet.
struct HeldReply {
  Client* client = nullptr;  ///< none: it has gone
  mqtt::PacketType type = mqtt::PacketType::puback;
  std::uint16_t identifier = 0;
  mqtt::ReasonCode reason = mqtt::ReasonCode::success;
  /// A PUBREC for a message that went to other shards too: only when they have it is it recorded
  /// that the identifier is taken, and only then the reply may go. The other way round a crash in
  /// between would lose the message.
  bool then_record = false;
  std::unique_ptr<SessionName> session;  ///< of then_record, once the client has gone
  std::unique_ptr<Bytes> packet;         ///< instead, if there is one
};

/// Another shard wants to know when what it sent here is durable.
struct CommitAsk {
  std::uint64_t ticket = 0;
  std::size_t from = 0;
};
struct CommitDone {
  std::uint64_t ticket = 0;
  std::size_t from = 0;
};

class CommitLine {
 public:
  using Position = Journal::Position;

  /// Under the ticket of this turn.
  void hold(HeldReply reply) { open_.push_back(std::move(reply)); }
  bool has_open() const { return !open_.empty(); }
  /// Ends the turn; the number is what `shards` (bits) are to be asked with.
  std::uint64_t close(Position recorded, std::uint64_t shards);
  /// A question that waits for `recorded` and, if something went on from here, for `shards`.
  std::uint64_t add_ask(const CommitAsk& ask, Position recorded, std::uint64_t shards);

  void on_done(const CommitDone& done);
  /// Those that are done now, in order.
  std::vector<HeldReply> take_replies(Position durable);
  std::vector<CommitAsk> take_asks(Position durable);
  /// The client has gone: its replies are nobody's; what they were to record is its session's.
  void forget(const Client& client, const SessionName& session);
  bool empty() const { return tickets_.empty() && asks_.empty() && open_.empty(); }

 private:
  struct Ticket {
    std::uint64_t number = 0;
    Position recorded = 0;
    std::uint64_t shards = 0;  ///< that have not answered
    std::vector<HeldReply> replies;
    bool done(Position durable) const { return shards == 0 && recorded <= durable; }
  };
  struct Asked {
    CommitAsk ask;
    Ticket ticket;
  };

  std::vector<HeldReply> open_;
  Ring<Ticket> tickets_;
  std::vector<Asked> asks_;
  std::uint64_t last_number_ = 0;
};

}  // namespace wireway::broker
