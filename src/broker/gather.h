#pragma once
/// One question to nodes, and what to do with all the answers.
///
/// Thread: called on the loop of `home`, where `done` comes and ends; `ask` runs on each node's own
///         loop.
/// Errors: if a node has gone, `done` never comes and is destroyed: what it holds must bear that.

#include <memory>
#include <utility>
#include <vector>

#include "broker/node.h"

namespace wireway::broker {

/// `ask(Node&)` gives a movable answer; `done(std::vector<Answer>)` gets them in the nodes' order.
template <class Ask, class Done>
void gather(const std::shared_ptr<NodeAddress>& home, const NodeTable& nodes, const Ask& ask,
            Done done) {
  using Answer = decltype(ask(std::declval<Node&>()));
  struct Round {
    Done done;
    std::vector<Answer> answers;
    std::size_t left;
  };
  auto round =
      std::make_shared<Round>(std::move(done), std::vector<Answer>(nodes.size()), nodes.size());
  for (std::size_t at = 0; at < nodes.size(); ++at) {
    // The round goes home with each answer, so that it ends there.
    NodeAddress::post(nodes[at], [round, at, ask, home](Node& node) mutable {
      NodeAddress::post(home, [round = std::move(round), at, answer = ask(node)](Node&) mutable {
        round->answers[at] = std::move(answer);
        if (--round->left == 0) round->done(std::move(round->answers));
      });
    });
  }
}

}  // namespace wireway::broker
