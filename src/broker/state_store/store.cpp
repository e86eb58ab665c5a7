#include "broker/state_store/store.h"

#include <algorithm>

#include "base/assert.h"

namespace wireway::broker::state_store {
namespace {

std::uint64_t wall_ms(const Now& now) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.wall.since_epoch);
  return ms.count() < 0 ? 0 : static_cast<std::uint64_t>(ms.count());
}

/// A later expiry is this one: sums of times stay within what they can say.
constexpr Duration expiry_max = std::chrono::hours{24 * 365 * 100};

MonoTime deadline_after(const Now& now, std::uint64_t ms) {
  constexpr auto max = std::chrono::duration_cast<std::chrono::milliseconds>(expiry_max);
  return now.mono + std::min(max, std::chrono::milliseconds{ms});
}

}  // namespace

/// One execution: what it was asked, what it found and what comes of it.
struct Store::Call {
  const Request& request;
  const Now& now;
  Command command;
  Entries::iterator entry;
  Outcome outcome;
  std::optional<Hlc> timestamp;
  std::optional<Hlc> fencing_token;

  void fail(std::string_view text) { outcome.reply = error_reply(text); }
  void answer(std::string reply, std::optional<Hlc> version = std::nullopt) {
    outcome.reply = std::move(reply);
    outcome.version = std::move(version);
  }
};

Outcome Store::execute(const Request& request, const Now& now) {
  const auto command = parse_command(request.payload);
  Call call{request, now, command.value_or(Command{}), entries_.end(), {}, {}, {}};
  if (!command) {
    call.fail(command.error());
    return std::move(call.outcome);
  }
  call.entry = entries_.find(call.command.key);
  const bool is_due = call.entry != entries_.end() && call.entry->second.deadline &&
                      *call.entry->second.deadline <= now.mono;
  if (is_due) {
    ++counters_.expirations;
    erase(call.entry, clock_.tick(wall_ms(now)), call.outcome);
    call.entry = entries_.end();
  }
  switch (call.command.verb) {
    case Verb::set: set(call); break;
    case Verb::get: get(call); break;
    case Verb::del:
    case Verb::vdel: del(call); break;
    case Verb::keynotify: keynotify(call); break;
  }
  return std::move(call.outcome);
}

/// `__ts` and `__ft` of a command that writes; the error's text, or empty.
std::string_view Store::check_times(Call& call) const {
  const Request& request = call.request;
  if (call.command.verb == Verb::set && !request.timestamp) return errors::missing_timestamp;
  if (request.timestamp) call.timestamp = parse_hlc(*request.timestamp);
  if (request.fencing_token) call.fencing_token = parse_hlc(*request.fencing_token);
  if (call.timestamp.has_value() != request.timestamp.has_value() ||
      call.fencing_token.has_value() != request.fencing_token.has_value())
    return errors::malformed_timestamp;
  // What our own clock has reached is not ahead of it: after a wall clock that was wrong for a
  // while clients still have tokens of that time, which are the newest that there are.
  const auto ahead = [this, local = wall_ms(call.now)](const Hlc& hlc) {
    return hlc.ms > clock_.last().ms && is_too_far_ahead(hlc, local);
  };
  if (call.timestamp && ahead(*call.timestamp)) return errors::timestamp_ahead;
  if (call.fencing_token && ahead(*call.fencing_token)) return errors::fencing_token_ahead;
  return {};
}

bool Store::passes_fence(Call& call, const Hlc* guard) {
  if (!call.request.authorized) {
    call.fail(errors::not_authorized);
    return false;
  }
  if (const std::string_view error = check_times(call); !error.empty()) {
    call.fail(error);
    return false;
  }
  if (guard == nullptr) return true;
  if (!call.fencing_token) {
    call.fail(errors::fencing_token_required);
    return false;
  }
  if (*call.fencing_token < *guard) {
    call.fail(errors::fencing_token_older);
    return false;
  }
  return true;
}

bool Store::passes_condition(Call& call) {
  if (call.entry == entries_.end() || call.command.condition == Condition::none) return true;
  return call.command.condition == Condition::if_absent_or_equal &&
         call.entry->second.value == call.command.value;
}

void Store::set(Call& call) {
  const bool exists = call.entry != entries_.end();
  ++(exists ? counters_.modifications : counters_.insertions);
  const Hlc* guard =
      exists && call.entry->second.fencing_token ? &*call.entry->second.fencing_token : nullptr;
  if (!passes_fence(call, guard)) return;
  if (!passes_condition(call)) {
    call.answer(number_reply(-1), call.entry->second.version);
    return;
  }
  const std::size_t before = exists ? bytes_of(call.entry->first, call.entry->second) : 0;
  const Hlc* token = call.fencing_token ? &*call.fencing_token : nullptr;
  const std::size_t after = bytes_of(call.command.key, call.command.value, token);
  if (after > before && used_bytes_ - before + after > quota_bytes_) {
    call.fail(errors::quota_exceeded);
    return;
  }
  write(call, before);
}

void Store::write(Call& call, std::size_t bytes_before) {
  if (call.entry == entries_.end())
    call.entry = entries_.emplace(std::string(call.command.key), Entry{}).first;
  Entry& entry = call.entry->second;
  entry.value = std::string(call.command.value);
  entry.version = clock_.update(*call.timestamp, wall_ms(call.now));
  // It has passed the fence: it is not older than the one that stands there.
  if (call.fencing_token) entry.fencing_token = std::move(call.fencing_token);
  entry.keep_asked = call.request.keep_asked;
  const auto expiry = call.command.expiry_ms;
  set_deadline(call.entry,
               expiry ? std::optional(deadline_after(call.now, *expiry)) : std::nullopt);
  used_bytes_ += bytes_of(call.entry->first, entry) - bytes_before;
  call.outcome.changes.push_back(change_of(call.entry->first, entry, call.now));
  notify(call.entry->first, &entry.value, entry.version, call.outcome);
  call.answer(ok_reply(), entry.version);
}

void Store::get(Call& call) {
  ++counters_.retrievals;
  if (!call.request.authorized) {
    call.fail(errors::not_authorized);
  } else if (call.entry == entries_.end()) {
    call.answer(nothing_reply());  // without a version: clients read one as "exists"
  } else {
    call.answer(blob_reply(call.entry->second.value), call.entry->second.version);
  }
}

void Store::del(Call& call) {
  ++counters_.deletions;
  const bool exists = call.entry != entries_.end();
  const Hlc* guard =
      exists && call.entry->second.fencing_token ? &*call.entry->second.fencing_token : nullptr;
  if (!passes_fence(call, guard)) return;
  if (!exists) {
    call.answer(number_reply(0));
    return;
  }
  const Entry& entry = call.entry->second;
  if (call.command.verb == Verb::vdel && entry.value != call.command.value) {
    call.answer(number_reply(-1), entry.version);
    return;
  }
  call.answer(number_reply(1), entry.version);
  const std::uint64_t ms = wall_ms(call.now);
  erase(call.entry, call.timestamp ? clock_.update(*call.timestamp, ms) : clock_.tick(ms),
        call.outcome);
}

void Store::keynotify(Call& call) {
  ++counters_.keynotify_requests;
  const Listener& asker = call.request.asker;
  const std::string_view key = call.command.key;
  if (!call.request.authorized) {
    call.fail(errors::not_authorized);
    return;
  }
  if (call.command.stop) {
    const bool stopped = unregister(asker.client_identifier, key);
    call.answer(stopped ? ok_reply() : number_reply(0));
    return;
  }
  const auto mine = by_client_.find(asker.client_identifier);
  if (mine != by_client_.end() && mine->second.connection != asker.connection)
    forget(asker.client_identifier, mine->second.connection);
  const auto at = listeners_.find(key);
  const bool known = at != listeners_.end() && at->second.contains(asker.client_identifier);
  const std::size_t bytes = key.size() + asker.client_identifier.size() + overhead_bytes;
  if (key.size() > notified_key_bytes_max || (!known && used_bytes_ + bytes > quota_bytes_)) {
    call.fail(errors::quota_exceeded);
    return;
  }
  listeners_[std::string(key)].insert_or_assign(asker.client_identifier, asker);
  Registrations& registrations = by_client_[asker.client_identifier];
  registrations.connection = asker.connection;
  registrations.keys.emplace(key);
  registrations_ += known ? 0 : 1;
  used_bytes_ += known ? 0 : bytes;
  call.answer(ok_reply());
}

bool Store::unregister(std::string_view client_identifier, std::string_view key) {
  const auto mine = by_client_.find(client_identifier);
  if (mine == by_client_.end()) return false;
  const auto registered = mine->second.keys.find(key);
  if (registered == mine->second.keys.end()) return false;
  const auto at = listeners_.find(key);
  WIREWAY_ASSERT(at != listeners_.end(), "a registration is known by its client and by its key");
  used_bytes_ -= key.size() + client_identifier.size() + overhead_bytes;
  --registrations_;
  at->second.erase(at->second.find(client_identifier));
  if (at->second.empty()) listeners_.erase(at);
  mine->second.keys.erase(registered);
  if (mine->second.keys.empty()) by_client_.erase(mine);
  return true;
}

void Store::forget(std::string_view client_identifier, std::uint64_t connection) {
  const auto mine = by_client_.find(client_identifier);
  if (mine == by_client_.end() || mine->second.connection != connection) return;
  const auto keys = mine->second.keys;
  for (const std::string& key : keys) unregister(client_identifier, key);
}

Outcome Store::expire(const Now& now) {
  Outcome outcome;
  for (std::size_t count = 0; count < expire_batch; ++count) {
    if (deadlines_.empty() || deadlines_.begin()->first > now.mono) break;
    const auto at = entries_.find(deadlines_.begin()->second);
    WIREWAY_ASSERT(at != entries_.end(), "a deadline is that of a key");
    ++counters_.expirations;
    erase(at, clock_.tick(wall_ms(now)), outcome);
  }
  return outcome;
}

std::optional<MonoTime> Store::next_expiry() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

void Store::erase(Entries::iterator at, const Hlc& version, Outcome& outcome) {
  set_deadline(at, std::nullopt);
  used_bytes_ -= bytes_of(at->first, at->second);
  const std::string key = at->first;
  entries_.erase(at);
  notify(key, nullptr, version, outcome);
  outcome.changes.push_back({key, std::nullopt, version, std::nullopt, std::nullopt, false});
}

void Store::set_deadline(Entries::iterator at, std::optional<MonoTime> deadline) {
  if (at->second.deadline) deadlines_.erase({*at->second.deadline, at->first});
  at->second.deadline = deadline;
  if (deadline) deadlines_.emplace(*deadline, at->first);
}

void Store::notify(std::string_view key, const std::string* value, const Hlc& version,
                   Outcome& outcome) {
  const auto at = listeners_.find(key);
  if (at == listeners_.end()) return;
  const std::string_view now_is = value == nullptr ? std::string_view{} : *value;
  const std::string_view set[] = {"NOTIFY", "SET", "VALUE", now_is};
  const std::string_view deleted[] = {"NOTIFY", "DELETE"};
  const std::string payload = value == nullptr ? array_of(deleted) : array_of(set);
  for (const auto& [client, listener] : at->second)
    outcome.notices.push_back({listener, std::string(key), payload, version});
  counters_.notifications_sent += at->second.size();
}

void Store::restore(Change change, const Now& now) {
  clock_.restore(change.version);
  if (change.key.empty()) return;
  auto at = entries_.find(change.key);
  if (at != entries_.end()) {
    set_deadline(at, std::nullopt);
    used_bytes_ -= bytes_of(at->first, at->second);
    if (!change.value) entries_.erase(at);
  }
  if (!change.value) return;
  if (at == entries_.end()) at = entries_.emplace(std::move(change.key), Entry{}).first;
  at->second = {std::move(*change.value), std::move(change.version), std::nullopt,
                std::move(change.fencing_token), change.keep_asked};
  used_bytes_ += bytes_of(at->first, at->second);
  // What has run out meanwhile goes the usual way, with the next expire().
  if (change.expires_at)
    set_deadline(at, now.mono + std::clamp(*change.expires_at - now.wall, Duration{0}, expiry_max));
}

std::vector<Change> Store::page(std::string_view after, std::size_t bytes_max,
                                const Now& now) const {
  std::vector<Change> out;
  std::size_t bytes = 0;
  if (after.empty()) out.push_back({"", {}, clock_.last(), {}, {}, false});
  for (auto at = entries_.upper_bound(after); at != entries_.end() && bytes < bytes_max; ++at) {
    out.push_back(change_of(at->first, at->second, now));
    bytes += bytes_of(at->first, at->second);
  }
  return out;
}

Change Store::change_of(const std::string& key, const Entry& entry, const Now& now) const {
  Change out{key, entry.value, entry.version, {}, entry.fencing_token, entry.keep_asked};
  if (entry.deadline) out.expires_at = now.wall + (*entry.deadline - now.mono);
  return out;
}

StoreCounters& StoreCounters::operator+=(const StoreCounters& other) {
  insertions += other.insertions;
  modifications += other.modifications;
  retrievals += other.retrievals;
  deletions += other.deletions;
  keynotify_requests += other.keynotify_requests;
  notifications_sent += other.notifications_sent;
  expirations += other.expirations;
  keys += other.keys;
  bytes += other.bytes;
  registrations += other.registrations;
  return *this;
}

StoreCounters Store::counters() const {
  StoreCounters out = counters_;
  out.keys = entries_.size();
  out.bytes = used_bytes_;
  out.registrations = registrations_;
  return out;
}

std::size_t Store::bytes_of(std::string_view key, std::string_view value, const Hlc* token) {
  return key.size() + value.size() + (token == nullptr ? 0 : token->node.size()) + overhead_bytes;
}

std::size_t Store::bytes_of(const std::string& key, const Entry& entry) {
  return bytes_of(key, entry.value, entry.fencing_token ? &*entry.fencing_token : nullptr);
}

}  // namespace wireway::broker::state_store
