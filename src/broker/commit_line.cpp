#include "broker/commit_line.h"

#include <algorithm>
#include <utility>

namespace wireway::broker {

std::uint64_t CommitLine::close(Position recorded, std::uint64_t shards) {
  Ticket ticket;
  ticket.number = ++last_number_;
  ticket.recorded = recorded;
  ticket.shards = shards;
  ticket.replies = std::exchange(open_, {});
  tickets_.push_back(std::move(ticket));
  return last_number_;
}

std::uint64_t CommitLine::add_ask(const CommitAsk& ask, Position recorded, std::uint64_t shards) {
  Asked asked;
  asked.ask = ask;
  asked.ticket.number = ++last_number_;
  asked.ticket.recorded = recorded;
  asked.ticket.shards = shards;
  asks_.push_back(std::move(asked));
  return last_number_;
}

void CommitLine::on_done(const CommitDone& done) {
  const std::uint64_t answered = ~(std::uint64_t{1} << done.from);
  for (std::size_t i = 0; i < tickets_.size(); ++i)
    if (tickets_[i].number == done.ticket) tickets_[i].shards &= answered;
  for (Asked& asked : asks_)
    if (asked.ticket.number == done.ticket) asked.ticket.shards &= answered;
}

std::vector<HeldReply> CommitLine::take_replies(Position durable) {
  std::vector<HeldReply> out;
  while (!tickets_.empty() && tickets_.front().done(durable)) {
    std::vector<HeldReply> replies = std::move(tickets_.front().replies);
    tickets_.pop_front();
    if (out.empty())
      out = std::move(replies);
    else
      std::ranges::move(replies, std::back_inserter(out));
  }
  return out;
}

std::vector<CommitAsk> CommitLine::take_asks(Position durable) {
  std::vector<CommitAsk> out;
  std::erase_if(asks_, [&](const Asked& asked) {
    if (!asked.ticket.done(durable)) return false;
    out.push_back(asked.ask);
    return true;
  });
  return out;
}

void CommitLine::forget(const Client& client, const SessionName& session) {
  const auto let_go = [&](std::vector<HeldReply>& replies) {
    for (HeldReply& reply : replies) {
      if (reply.client != &client) continue;
      reply.client = nullptr;
      if (reply.then_record) reply.session = std::make_unique<SessionName>(session);
    }
  };
  let_go(open_);
  for (std::size_t i = 0; i < tickets_.size(); ++i) let_go(tickets_[i].replies);
}

}  // namespace wireway::broker
