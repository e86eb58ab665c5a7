#include "broker/journal_hub.h"

#include <fmt/format.h>

#include "base/log.h"
#include "broker/journal/local_journal.h"

namespace wireway::broker {
namespace {

constexpr std::size_t chunk_bytes = 1024 * 1024;
constexpr std::size_t key_bytes = 32;

}  // namespace

JournalHub::JournalHub(net::Env& env, NodeTable nodes, std::string folder)
    : env_(env), nodes_(std::move(nodes)), folder_(std::move(folder)), retry_(env.loop) {}

JournalHub::~JournalHub() { *alive_ = false; }

void JournalHub::set_plan(const PersistenceSettings& plan, net::Task changed) {
  changed_ = std::move(changed);
  if (wanted_ == plan) return;
  wanted_ = plan;
  plan_trouble_.clear();
  apply();
}

/// The next step towards what is wanted, if one can be made now; each step that ends calls it.
void JournalHub::apply() {
  const PersistenceSettings& plan = *wanted_;
  retry_.cancel();
  if (state_ == State::reading || state_ == State::ending) return;
  // What the shards have read of a journal can only be forgotten by a restart.
  if (state_ == State::broken && has_forwarded_) return;
  if (state_ == State::recording) return plan.enabled ? change(plan) : end();
  const bool is_first = state_ != State::off;
  if (plan.enabled) return open(plan, !is_first);
  disk_trouble_.clear();
  if (!is_first) return;
  if (state_ == State::broken)
    for (const auto& node : nodes_)
      NodeAddress::post(node, [](Node& target) { target.stop_recording(); });
  state_ = State::off;
}

void JournalHub::change(const PersistenceSettings& plan) {
  if (plan.bytes_max != plan_.bytes_max) journal_->set_quota(plan.bytes_max);
  if (plan.encrypted != plan_.encrypted) {
    auto secret = key(plan.encrypted);
    if (!secret) {
      plan_trouble_ =
          fmt::format("{}; until then the journal is written as before", secret.error().message);
      plan_.bytes_max = plan.bytes_max;
      return try_later();
    }
    journal_->set_encrypted(plan.encrypted, *secret);
  }
  PersistenceSettings same = plan;
  same.bytes_max = plan_.bytes_max;
  wants_rewrite_ = wants_rewrite_ || same != plan_;
  plan_trouble_.clear();
  plan_ = plan;
}

/// Persistence is turned off: nobody waits for the disk any more, and what is on it is out of date
/// from now on.
void JournalHub::end() {
  const bool is_broken = journal_->failed();
  if (!is_broken && (checkpoint_left_ > 0 || journal_->checkpointing())) return;  // on_tick()
  state_ = State::ending;
  std::vector<Journal::Position> reached(nodes_.size(), 0);
  for (; !sent_.empty(); sent_.pop_front()) reached[sent_.front().shard] = sent_.front().there;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    NodeAddress::post(nodes_[i], [position = reached[i]](Node& target) {
      target.set_journal_failed(false);
      if (position != 0) target.on_durable(position);
    });
  disk_trouble_.clear();
  plan_.enabled = wants_rewrite_ = false;
  log::info("persistence: turned off; nothing is recorded any more");
  if (is_broken) {
    log::warn("persistence: what stands in {}/journal is out of date; remove it", folder_);
    return ended();
  }
  // A checkpoint of nothing: whenever the process ends, all of the old journal is there, or
  // nothing.
  journal_->begin_checkpoint();
  journal_->end_checkpoint();
}

void JournalHub::ended() {
  env_.loop.defer([this, alive = alive_] {
    if (!*alive || state_ != State::ending) return;
    journal_.reset();
    state_ = State::off;
    apply();
    if (changed_) changed_();
  });
}

std::string JournalHub::trouble() const {
  if (disk_trouble_.empty() || plan_trouble_.empty()) return disk_trouble_ + plan_trouble_;
  return disk_trouble_ + "; " + plan_trouble_;
}

/// 32 random bytes, made at first use. Without `make`, and if there is no file: empty.
Result<Bytes> JournalHub::key(bool make) const {
  const std::string path = folder_ + "/journal.key";
  if (!env_.files.exists(path)) {
    if (!make) return Bytes{};
    Bytes fresh(key_bytes);
    for (std::uint8_t& byte : fresh) byte = std::uint8_t(env_.random.next());
    if (auto made = env_.files.replace(path, as_text(fresh), 0600); !made)
      return std::unexpected(made.error());
  }
  auto text = env_.files.read_secret(path);
  if (!text) return std::unexpected(text.error());
  if (text->size() != key_bytes)
    return fail(Errc::invalid, fmt::format("{}: a key of {} bytes, not {}; put the right file back",
                                           path, text->size(), key_bytes));
  const ByteView bytes = as_bytes(*text);
  return Bytes(bytes.begin(), bytes.end());
}

/// At the start nobody is let in: what was promised before must not be forgotten silently.
void JournalHub::give_up(std::string why, bool live) {
  state_ = live ? State::off : State::broken;
  journal_.reset();
  chunk_.clear();
  records_read_ = 0;
  if (has_forwarded_)
    why += "; start the broker again when it is repaired";
  else if (!folder_.empty())
    try_later();
  if (why != disk_trouble_) log::error("persistence: {}", why);
  disk_trouble_ = std::move(why);
}

void JournalHub::try_later() {
  retry_.arm(retry, [this] {
    const std::string before = trouble();
    const bool was_ready = ready();
    apply();
    if (changed_ && (trouble() != before || ready() != was_ready)) changed_();
  });
}

void JournalHub::open(const PersistenceSettings& plan, bool live) {
  if (folder_.empty())
    return give_up("spec.persistence needs a data folder; start the broker with --data DIR", live);
  if (auto made = env_.files.make_folders(folder_); !made)
    return give_up(made.error().message, live);
  auto secret = key(plan.encrypted);
  if (!secret) return give_up(secret.error().message, live);
  plan_ = plan;
  recorded_by_ = wall_start();
  LocalJournalOptions options;
  options.folder = folder_ + "/journal";
  options.key = std::move(*secret);
  options.encrypted = plan.encrypted;
  options.quota_bytes = plan.bytes_max;
  for (const auto& node : nodes_)
    NodeAddress::post(node, [](Node& target) { target.start_recording(); });
  auto journal = LocalJournal::open(env_.loop, env_.files, std::move(options),
                                    [this, live](ByteView record) -> Result<> {
                                      if (live)
                                        return fail(Errc::conflict,
                                                    "a journal of an earlier run stands in the "
                                                    "folder; start the broker again to go on with "
                                                    "it, or move it aside");
                                      append_record(record, chunk_);
                                      ++records_read_;
                                      forward(true);
                                      return {};
                                    });
  if (!journal) return give_up(journal.error().message, live);
  state_ = State::reading;
  disk_trouble_.clear();
  journal_ = std::move(*journal);
  journal_->set_handler(*this);
  forward(false);
  log::info("persistence: {} records read from {}", records_read_, folder_ + "/journal");
  finish_reading(live);
}

/// What was read goes to every shard; each keeps what is its own.
void JournalHub::forward(bool whole_chunks_only) {
  if (chunk_.empty() || (whole_chunks_only && chunk_.size() < chunk_bytes)) return;
  has_forwarded_ = true;
  const auto chunk = std::make_shared<const Bytes>(std::exchange(chunk_, {}));
  for (const auto& node : nodes_)
    NodeAddress::post(node, [chunk](Node& target) { target.restore(*chunk); });
}

void JournalHub::finish_reading(bool live) {
  auto left = std::make_shared<std::size_t>(nodes_.size());
  for (const auto& node : nodes_)
    NodeAddress::post(node, [this, left, live, home = nodes_[0], alive = alive_](Node& target) {
      std::string wrong = target.finish_restore();
      NodeAddress::post(home, [this, left, live, alive, wrong = std::move(wrong)](Node&) {
        if (!*alive) return;
        if (!wrong.empty()) {
          has_forwarded_ = true;
          give_up(wrong, false);
        }
        if (--*left > 0) return;
        if (state_ == State::reading) {
          state_ = State::recording;
          wants_rewrite_ = !journal_->is_uniform();  // changed while the broker was away
          if (live) begin_checkpoint();
          apply();
        }
        if (changed_) changed_();
      });
    });
}

void JournalHub::take(const JournalGroup& group) {
  if (!journal_ || state_ == State::ending) {  // nobody waits for a disk
    NodeAddress::post(nodes_[group.shard],
                      [last = group.last](Node& target) { target.on_durable(last); });
    return;
  }
  each_record(group.records, [this](ByteView record) { journal_->append(record); });
  sent_.push_back({journal_->appended(), group.shard, group.last});
}

void JournalHub::on_durable() {
  std::vector<Journal::Position> reached(nodes_.size(), 0);
  while (!sent_.empty() && sent_.front().here <= journal_->durable()) {
    reached[sent_.front().shard] = sent_.front().there;
    sent_.pop_front();
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (reached[i] != 0)
      NodeAddress::post(nodes_[i],
                        [position = reached[i]](Node& target) { target.on_durable(position); });
}

void JournalHub::on_failed(const Error& reason) {
  if (state_ == State::ending) {
    log::warn("persistence: {}; what stands in {}/journal is out of date, remove it",
              reason.message, folder_);
    return ended();
  }
  disk_trouble_ = reason.message;
  log::error("persistence: {}; what would have to be recorded is refused", reason.message);
  set_failed(true);
}

void JournalHub::on_recovered() {
  if (state_ == State::ending) return;
  disk_trouble_.clear();
  log::info("persistence: the journal is written again");
  set_failed(false);
}

void JournalHub::set_failed(bool failed) {
  for (const auto& node : nodes_)
    NodeAddress::post(node, [failed](Node& target) { target.set_journal_failed(failed); });
  if (changed_) changed_();
}

void JournalHub::begin_checkpoint() {
  recorded_by_ = wall_start();
  is_rewriting_ = is_rewriting_ || std::exchange(wants_rewrite_, false);
  checkpoint_left_ = nodes_.size();
  journal_->begin_checkpoint();
  for (const auto& node : nodes_)
    NodeAddress::post(node, [](Node& target) { target.begin_checkpoint(); });
}

void JournalHub::on_checkpointed() {
  if (checkpoint_left_ > 0 && --checkpoint_left_ == 0) journal_->end_checkpoint();
}

void JournalHub::on_tick() {
  if (state_ == State::ending && !journal_->checkpointing()) {
    log::info("persistence: nothing is left of the journal");
    return ended();
  }
  if (state_ == State::recording && !wanted_->enabled) apply();
  if (state_ != State::recording || checkpoint_left_ > 0 || journal_->checkpointing()) return;
  if (std::exchange(is_rewriting_, false))
    log::info("persistence: all of the journal is now as spec.persistence says");
  const bool clock_was_set = std::chrono::abs(wall_start() - recorded_by_) > clock_step_min;
  if (clock_was_set || wants_rewrite_ || journal_->wants_checkpoint()) begin_checkpoint();
}

}  // namespace wireway::broker
