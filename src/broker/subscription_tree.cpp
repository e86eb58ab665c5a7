#include "broker/subscription_tree.h"

#include <algorithm>

namespace wireway::broker {

struct SubscriptionTree::Node {
  std::unordered_map<std::string, std::unique_ptr<Node>, TextHash, std::equal_to<>> children;
  std::vector<Subscription> subscriptions;

  bool empty() const { return children.empty() && subscriptions.empty(); }
};

namespace {

struct Split {
  std::string_view level;
  std::string_view rest;
  bool last;
};

Split split(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return {text, {}, true};
  return {text.substr(0, slash), text.substr(slash + 1), false};
}

}  // namespace

SubscriptionTree::SubscriptionTree() : root_(std::make_unique<Node>()) {}
SubscriptionTree::~SubscriptionTree() = default;

bool SubscriptionTree::insert(std::string_view filter, const Subscription& subscription) {
  cache_.clear();
  Node* node = root_.get();
  for (Split part{{}, filter, false}; !part.last;) {
    part = split(part.rest);
    auto found = node->children.find(part.level);
    if (found == node->children.end())
      found = node->children.emplace(part.level, std::make_unique<Node>()).first;
    node = found->second.get();
  }
  const auto same =
      std::ranges::find(node->subscriptions, subscription.session, &Subscription::session);
  if (same != node->subscriptions.end()) {
    *same = subscription;
    return false;
  }
  node->subscriptions.push_back(subscription);
  ++size_;
  return true;
}

bool SubscriptionTree::erase(std::string_view filter, const Session& session) {
  std::vector<std::pair<Node*, std::string_view>> way;  // parents, for pruning
  Node* node = root_.get();
  for (Split part{{}, filter, false}; !part.last;) {
    part = split(part.rest);
    const auto found = node->children.find(part.level);
    if (found == node->children.end()) return false;
    way.emplace_back(node, part.level);
    node = found->second.get();
  }
  const auto removed = std::erase_if(
      node->subscriptions, [&](const Subscription& one) { return one.session == &session; });
  if (removed == 0) return false;
  cache_.clear();
  --size_;
  while (!way.empty() && node->empty()) {
    const auto [parent, level] = way.back();
    parent->children.erase(parent->children.find(level));
    node = parent;
    way.pop_back();
  }
  return true;
}

const std::vector<Receiver>& SubscriptionTree::match(std::string_view topic) {
  if (const auto hit = cache_.find(topic); hit != cache_.end()) return hit->second;
  if (cache_.size() >= cache_topics_max) cache_.clear();
  return cache_.emplace(std::string(topic), collect(topic)).first->second;
}

namespace {

using Found = std::vector<Subscription>;

void append(Found& out, const std::vector<Subscription>& more) {
  out.insert(out.end(), more.begin(), more.end());
}

}  // namespace

std::vector<Receiver> SubscriptionTree::collect(std::string_view topic) const {
  Found found;
  struct Place {
    const Node* node;
    std::string_view rest;
    bool last;
  };
  std::vector<Place> open{{root_.get(), topic, false}};
  const bool reserved = topic.starts_with('$');  // wildcards at the first level do not match it
  while (!open.empty()) {
    const Place place = open.back();
    open.pop_back();
    const bool wildcards = !(reserved && place.node == root_.get());
    const auto& children = place.node->children;
    if (const auto hash = children.find("#"); wildcards && hash != children.end())
      // also the parent level itself: "a/#" matches "a"
      append(found, hash->second->subscriptions);
    if (place.last) {
      append(found, place.node->subscriptions);
      continue;
    }
    const Split part = split(place.rest);
    if (const auto exact = children.find(part.level); exact != children.end())
      open.push_back({exact->second.get(), part.rest, part.last});
    if (const auto plus = children.find("+"); wildcards && plus != children.end())
      open.push_back({plus->second.get(), part.rest, part.last});
  }
  std::ranges::sort(found, std::less<>{}, &Subscription::session);
  std::vector<Receiver> out;
  for (const Subscription& one : found) {
    if (out.empty() || out.back().session != one.session) out.push_back({one.session, {}});
    out.back().subscriptions.push_back(one);
  }
  return out;
}

}  // namespace wireway::broker
