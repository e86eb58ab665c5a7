#include "broker/subscription_tree.h"

#include <algorithm>

namespace wireway::broker {

struct SubscriptionTree::Node {
  using Children =
      std::unordered_map<std::string, std::unique_ptr<Node>, TextHash, std::equal_to<>>;

  std::unique_ptr<Children> children;  // most nodes are leaves
  std::vector<Subscription> subscriptions;

  bool empty() const { return !children && subscriptions.empty(); }
  const Node* child(std::string_view level) const {
    if (!children) return nullptr;
    const auto found = children->find(level);
    return found == children->end() ? nullptr : found->second.get();
  }
  Node& make_child(std::string_view level) {
    if (!children) children = std::make_unique<Children>();
    auto found = children->find(level);
    if (found == children->end()) found = children->emplace(level, std::make_unique<Node>()).first;
    return *found->second;
  }
  void erase_child(std::string_view level) {
    children->erase(children->find(level));
    if (children->empty()) children.reset();
  }
  bool has_local() const {
    return std::ranges::any_of(
        subscriptions, [](const Subscription& one) { return one.shard == Subscription::no_shard; });
  }
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

SubscriptionTree::Change SubscriptionTree::insert(std::string_view filter,
                                                  const Subscription& subscription) {
  Node* node = root_.get();
  for (Split part{{}, filter, false}; !part.last;) {
    part = split(part.rest);
    node = &node->make_child(part.level);
  }
  const auto same = std::ranges::find_if(
      node->subscriptions, [&](const Subscription& one) { return one.same_target(subscription); });
  if (same != node->subscriptions.end()) {
    if (subscription.shard != Subscription::no_shard) {
      ++same->identifier;  // a shard's count
      return Change::none;
    }
    ++epoch_;
    *same = subscription;
    return Change::none;
  }
  ++epoch_;
  const bool first = !node->has_local();
  node->subscriptions.push_back(subscription);
  if (subscription.shard != Subscription::no_shard) node->subscriptions.back().identifier = 1;
  if (subscription.session != nullptr) ++size_;
  return first ? Change::first_of_filter : Change::another;
}

SubscriptionTree::Change SubscriptionTree::erase(std::string_view filter,
                                                 const Subscription& target) {
  std::vector<std::pair<Node*, std::string_view>> way;  // parents, for pruning
  Node* node = root_.get();
  for (Split part{{}, filter, false}; !part.last;) {
    part = split(part.rest);
    if (node->child(part.level) == nullptr) return Change::none;
    way.emplace_back(node, part.level);
    node = &node->make_child(part.level);
  }
  const auto found = std::ranges::find_if(
      node->subscriptions, [&](const Subscription& one) { return one.same_target(target); });
  if (found == node->subscriptions.end()) return Change::none;
  if (found->shard != Subscription::no_shard && --found->identifier > 0) return Change::none;
  node->subscriptions.erase(found);
  ++epoch_;
  if (target.session != nullptr) --size_;
  const bool last = !node->has_local();
  while (!way.empty() && node->empty()) {
    const auto [parent, level] = way.back();
    parent->erase_child(level);
    node = parent;
    way.pop_back();
  }
  return last ? Change::first_of_filter : Change::another;
}

const Route& SubscriptionTree::match(std::string_view topic) {
  const auto hit = cache_.find(topic);
  if (hit != cache_.end()) {
    if (!current(hit->second)) collect(topic, hit->second);
    return hit->second;
  }
  if (cache_.size() >= std::clamp(size_ * 2, cache_topics_min, cache_topics_max)) {
    cache_.clear();
    ++cache_age_;
  }
  Route& route = cache_[std::string(topic)];
  collect(topic, route);
  return route;
}

namespace {

/// Sorts what one node holds into the route.
void take(const std::vector<Subscription>& subscriptions, Route& out) {
  for (const Subscription& one : subscriptions) {
    if (one.group != nullptr)
      out.groups.push_back(one.group);
    else if (one.shard != Subscription::no_shard)
      out.shards |= std::uint64_t{1} << one.shard;
    else
      out.subscriptions.push_back(one);
  }
}

}  // namespace

void SubscriptionTree::collect(std::string_view topic, Route& out) const {
  out = Route();
  out.epoch = epoch_;
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
    // also the parent level itself: "a/#" matches "a"
    const Node* const rest = wildcards ? place.node->child("#") : nullptr;
    if (rest != nullptr) take(rest->subscriptions, out);
    if (place.last) {
      take(place.node->subscriptions, out);
      continue;
    }
    const Split part = split(place.rest);
    if (const Node* exact = place.node->child(part.level))
      open.push_back({exact, part.rest, part.last});
    if (const Node* plus = wildcards ? place.node->child("+") : nullptr)
      open.push_back({plus, part.rest, part.last});
  }
  std::ranges::sort(out.subscriptions, std::less<>{}, &Subscription::session);
  for (std::uint32_t i = 0; i < out.subscriptions.size(); ++i) {
    Session* const session = out.subscriptions[i].session;
    if (out.receivers.empty() || out.receivers.back().session != session)
      out.receivers.push_back({session, i, 0});
    ++out.receivers.back().count;
  }
}

}  // namespace wireway::broker
