#include "broker/subscription_tree.h"

#include <algorithm>
#include <functional>
#include <memory>

namespace wireway::broker {

struct SubscriptionTree::Node {
  std::string level;
  std::vector<Subscription> subscriptions;
  std::uint32_t hash = 0;
  NodeId parent = none;
  std::uint32_t children = 0;
  // So that a topic, which has them at no level, need not look for them.
  NodeId plus = none;
  NodeId rest = none;

  bool has_local() const {
    return std::ranges::any_of(
        subscriptions, [](const Subscription& one) { return one.shard == Subscription::no_shard; });
  }
  NodeId* wildcard(std::string_view name) {
    if (name == "+") return &plus;
    return name == "#" ? &rest : nullptr;
  }
};

namespace {

/// The sizes of the tables are powers of two.
constexpr std::size_t first_table_size = 64;
constexpr std::size_t route_alignment = 64;  // a line of the processor's cache

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

std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text); }

std::uint32_t hash_of(std::uint32_t parent, std::string_view level) {
  const std::uint64_t mixed = (hash_of(level) ^ parent) * 0x9E3779B97F4A7C15ULL;
  return std::uint32_t(mixed >> 32);
}

/// Copies a list behind the route that is made.
template <class Item>
std::span<const Item> lay(const std::vector<Item>& items, std::uint8_t*& at) {
  auto* const begin = reinterpret_cast<Item*>(at);
  std::ranges::uninitialized_copy(items, std::span(begin, items.size()));
  at += items.size() * sizeof(Item);
  return {begin, items.size()};
}

}  // namespace

SubscriptionTree::SubscriptionTree()
    : nodes_(1), edges_(first_table_size), cache_(first_table_size) {}
SubscriptionTree::~SubscriptionTree() = default;

/// Where the child stands in edges_, or the free place where it would.
std::size_t SubscriptionTree::edge_of(NodeId parent, std::string_view level,
                                      std::uint32_t hash) const {
  const std::size_t mask = edges_.size() - 1;
  std::size_t at = hash & mask;
  for (; edges_[at].node != none; at = (at + 1) & mask) {
    if (edges_[at].hash != hash) continue;
    const Node& node = nodes_[edges_[at].node];
    if (node.parent == parent && node.level == level) break;
  }
  return at;
}

SubscriptionTree::NodeId SubscriptionTree::child(NodeId parent, std::string_view level) const {
  return edges_[edge_of(parent, level, hash_of(parent, level))].node;
}

SubscriptionTree::NodeId SubscriptionTree::make_child(NodeId parent, std::string_view level) {
  const std::uint32_t hash = hash_of(parent, level);
  std::size_t at = edge_of(parent, level, hash);
  if (edges_[at].node != none) return edges_[at].node;
  if ((nodes_.size() - free_nodes_.size()) * 4 > edges_.size() * 3) {
    widen_edges();
    at = edge_of(parent, level, hash);
  }
  NodeId id = none;
  if (free_nodes_.empty()) {
    id = NodeId(nodes_.size());
    nodes_.emplace_back();
  } else {
    id = free_nodes_.back();
    free_nodes_.pop_back();
  }
  Node& node = nodes_[id];
  node.level = level;
  node.hash = hash;
  node.parent = parent;
  ++nodes_[parent].children;
  if (NodeId* const wildcard = nodes_[parent].wildcard(level)) *wildcard = id;
  edges_[at] = {hash, id};
  return id;
}

void SubscriptionTree::widen_edges() {
  std::vector<Edge> wider(edges_.size() * 2);
  const std::size_t mask = wider.size() - 1;
  for (const Edge& edge : edges_) {
    if (edge.node == none) continue;
    std::size_t at = edge.hash & mask;
    while (wider[at].node != none) at = (at + 1) & mask;
    wider[at] = edge;
  }
  edges_ = std::move(wider);
}

/// A node that nobody needs; what stands behind it in the table moves up.
void SubscriptionTree::remove(NodeId id) {
  Node& node = nodes_[id];
  const std::size_t mask = edges_.size() - 1;
  std::size_t gap = edge_of(node.parent, node.level, node.hash);
  for (std::size_t at = (gap + 1) & mask; edges_[at].node != none; at = (at + 1) & mask) {
    const std::size_t home = edges_[at].hash & mask;
    if (((at - home) & mask) < ((at - gap) & mask)) continue;
    edges_[gap] = edges_[at];
    gap = at;
  }
  edges_[gap] = {};
  Node& parent = nodes_[node.parent];
  --parent.children;
  if (NodeId* const wildcard = parent.wildcard(node.level)) *wildcard = none;
  node = Node();
  free_nodes_.push_back(id);
  if (free_nodes_.size() + 1 < nodes_.size()) return;
  nodes_.resize(1);
  nodes_.shrink_to_fit();
  free_nodes_ = {};
  edges_ = std::vector<Edge>(first_table_size);
}

SubscriptionTree::Change SubscriptionTree::insert(std::string_view filter,
                                                  const Subscription& subscription) {
  NodeId id = root;
  for (Split part{{}, filter, false}; !part.last;) {
    part = split(part.rest);
    id = make_child(id, part.level);
  }
  Node& node = nodes_[id];
  const auto same = std::ranges::find_if(
      node.subscriptions, [&](const Subscription& one) { return one.same_target(subscription); });
  if (same != node.subscriptions.end()) {
    if (subscription.shard != Subscription::no_shard) {
      ++same->identifier;  // a shard's count
      return Change::none;
    }
    ++epoch_;
    *same = subscription;
    return Change::none;
  }
  ++epoch_;
  const bool first = !node.has_local();
  node.subscriptions.push_back(subscription);
  if (subscription.shard != Subscription::no_shard) node.subscriptions.back().identifier = 1;
  if (subscription.session != nullptr) ++size_;
  return first ? Change::first_of_filter : Change::another;
}

SubscriptionTree::Change SubscriptionTree::erase(std::string_view filter,
                                                 const Subscription& target) {
  NodeId id = root;
  for (Split part{{}, filter, false}; !part.last;) {
    part = split(part.rest);
    id = child(id, part.level);
    if (id == none) return Change::none;
  }
  Node& node = nodes_[id];
  const auto found = std::ranges::find_if(
      node.subscriptions, [&](const Subscription& one) { return one.same_target(target); });
  if (found == node.subscriptions.end()) return Change::none;
  if (found->shard != Subscription::no_shard && --found->identifier > 0) return Change::none;
  node.subscriptions.erase(found);
  ++epoch_;
  if (target.session != nullptr) --size_;
  const bool last = !node.has_local();
  while (id != root && nodes_[id].children == 0 && nodes_[id].subscriptions.empty()) {
    const NodeId parent = nodes_[id].parent;
    remove(id);
    id = parent;
  }
  return last ? Change::first_of_filter : Change::another;
}

const Route& SubscriptionTree::match(std::string_view topic) {
  const std::uint64_t hash = hash_of(topic);
  if (const Route* known = cached(hash, topic).route; known != nullptr && current(*known))
    return *known;
  const std::size_t topics_max = std::clamp(size_ * 2, cache_topics_min, cache_topics_max);
  if (cache_made_ >= topics_max || cache_bytes_ >= cache_bytes_max) drop_cache();
  if (cache_topics_ * 2 >= cache_.size()) widen_cache();
  collect(topic);
  Cached& place = cached(hash, topic);
  if (place.route == nullptr) ++cache_topics_;
  place = {hash, keep(topic)};
  return *place.route;
}

/// The topic's place, or the free one where it would stand.
SubscriptionTree::Cached& SubscriptionTree::cached(std::uint64_t hash, std::string_view topic) {
  const std::size_t mask = cache_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    Cached& one = cache_[at];
    if (one.route == nullptr) return one;
    if (one.hash != hash) continue;
    // Its lists and its topic lie right behind: they come from memory together with it.
    __builtin_prefetch(one.route + 1);
    if (one.route->topic == topic) return one;
  }
}

void SubscriptionTree::drop_cache() {
  cache_ = std::vector<Cached>(first_table_size);
  cache_topics_ = cache_made_ = cache_bytes_ = 0;
  memory_.release();
  ++cache_age_;
}

void SubscriptionTree::widen_cache() {
  std::vector<Cached> wider(cache_.size() * 2);
  const std::size_t mask = wider.size() - 1;
  for (const Cached& one : cache_) {
    if (one.route == nullptr) continue;
    std::size_t at = one.hash & mask;
    while (wider[at].route != nullptr) at = (at + 1) & mask;
    wider[at] = one;
  }
  cache_ = std::move(wider);
}

/// What was found, in one piece of memory.
const Route* SubscriptionTree::keep(std::string_view topic) {
  const std::size_t bytes = sizeof(Route) + found_.size() * sizeof(Subscription) +
                            found_groups_.size() * sizeof(SharedGroup*) + topic.size();
  auto* at = static_cast<std::uint8_t*>(memory_.allocate(bytes, route_alignment));
  Route* const route = std::construct_at(reinterpret_cast<Route*>(at));
  at += sizeof(Route);
  route->epoch = epoch_;
  route->shards = found_shards_;
  route->subscriptions = lay(found_, at);
  route->groups = lay(found_groups_, at);
  std::ranges::copy(topic, reinterpret_cast<char*>(at));
  route->topic = {reinterpret_cast<const char*>(at), topic.size()};
  ++cache_made_;
  cache_bytes_ += bytes + route_alignment;
  return route;
}

/// Sorts what one node holds into the answer.
void SubscriptionTree::take(const Node& node) {
  for (const Subscription& one : node.subscriptions) {
    if (one.group != nullptr)
      found_groups_.push_back(one.group);
    else if (one.shard != Subscription::no_shard)
      found_shards_ |= std::uint64_t{1} << one.shard;
    else
      found_.push_back(one);
  }
}

void SubscriptionTree::collect(std::string_view topic) {
  found_.clear();
  found_groups_.clear();
  found_shards_ = 0;
  open_.assign(1, {root, topic, false});
  const bool reserved = topic.starts_with('$');  // wildcards at the first level do not match it
  while (!open_.empty()) {
    const Place place = open_.back();
    open_.pop_back();
    const Node& node = nodes_[place.node];
    const bool wildcards = !(reserved && place.node == root);
    // also the parent level itself: "a/#" matches "a"
    if (wildcards && node.rest != none) take(nodes_[node.rest]);
    if (place.last) {
      take(node);
      continue;
    }
    const Split part = split(place.rest);
    if (const NodeId exact = child(place.node, part.level); exact != none)
      open_.push_back({exact, part.rest, part.last});
    if (wildcards && node.plus != none) open_.push_back({node.plus, part.rest, part.last});
  }
  std::ranges::sort(found_, std::less<>{}, &Subscription::session);
}

}  // namespace wireway::broker
