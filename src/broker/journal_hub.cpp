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
    : env_(env), nodes_(std::move(nodes)), folder_(std::move(folder)) {}

JournalHub::~JournalHub() { *alive_ = false; }

void JournalHub::set_plan(const PersistenceSettings& plan, net::Task changed) {
  changed_ = std::move(changed);
  if (state_ == State::undecided && !plan.enabled) {
    state_ = State::off;
  } else if (state_ == State::undecided) {
    open(plan, false);
  } else if (state_ == State::off && plan.enabled) {
    open(plan, true);
  } else if (state_ == State::recording) {
    plan_trouble_ = why_not_live(plan);
  }
}

/// What of a changed plan has to wait, or empty.
std::string JournalHub::why_not_live(const PersistenceSettings& plan) const {
  if (!plan.enabled)
    return "spec.persistence was taken away, but what is recorded stays recorded while the broker "
           "runs; start it again to run without, or put spec.persistence back";
  if (plan.bytes_max != plan_.bytes_max || plan.encrypted != plan_.encrypted)
    return "another maxSize or encryption of spec.persistence is for the broker's next start; "
           "until "
           "then the ones before hold";
  return {};
}

std::string JournalHub::trouble() const {
  if (disk_trouble_.empty() || plan_trouble_.empty()) return disk_trouble_ + plan_trouble_;
  return disk_trouble_ + "; " + plan_trouble_;
}

/// 32 random bytes, made at first use.
Result<Bytes> JournalHub::key(const PersistenceSettings& plan) const {
  if (!plan.encrypted) return Bytes{};
  const std::string path = folder_ + "/journal.key";
  if (!env_.files.exists(path)) {
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

void JournalHub::open(const PersistenceSettings& plan, bool live) {
  plan_ = plan;
  state_ = State::reading;
  recorded_by_ = wall_start();
  const auto give_up = [this, live](const std::string& why) {
    // At the start nobody is let in: what was promised before must not be forgotten silently.
    state_ = live ? State::off : State::broken;
    disk_trouble_ = why;
    journal_.reset();
    log::error("persistence: {}", why);
  };
  if (folder_.empty())
    return give_up("spec.persistence needs a data folder; start the broker with --data DIR");
  if (auto made = env_.files.make_folders(folder_); !made) return give_up(made.error().message);
  auto secret = key(plan);
  if (!secret) return give_up(secret.error().message);
  for (const auto& node : nodes_)
    NodeAddress::post(node, [](Node& target) { target.start_recording(); });
  LocalJournalOptions options;
  options.folder = folder_ + "/journal";
  options.key = std::move(*secret);
  options.quota_bytes = plan.bytes_max;
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
  if (!journal) {
    for (const auto& node : nodes_)
      if (live) NodeAddress::post(node, [](Node& target) { target.stop_recording(); });
    return give_up(journal.error().message);
  }
  journal_ = std::move(*journal);
  journal_->set_handler(*this);
  forward(false);
  log::info("persistence: {} records read from {}", records_read_, folder_ + "/journal");
  finish_reading(live);
}

/// What was read goes to every shard; each keeps what is its own.
void JournalHub::forward(bool whole_chunks_only) {
  if (chunk_.empty() || (whole_chunks_only && chunk_.size() < chunk_bytes)) return;
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
          state_ = State::broken;
          disk_trouble_ = wrong;
          log::error("persistence: {}", wrong);
        }
        if (--*left > 0) return;
        if (state_ == State::reading) state_ = State::recording;
        if (live) begin_checkpoint();
        if (changed_) changed_();
      });
    });
}

void JournalHub::take(const JournalGroup& group) {
  if (!journal_) return;
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
  disk_trouble_ = reason.message;
  log::error("persistence: {}; what would have to be recorded is refused", reason.message);
  set_failed(true);
}

void JournalHub::on_recovered() {
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
  checkpoint_left_ = nodes_.size();
  journal_->begin_checkpoint();
  for (const auto& node : nodes_)
    NodeAddress::post(node, [](Node& target) { target.begin_checkpoint(); });
}

void JournalHub::on_checkpointed() {
  if (checkpoint_left_ > 0 && --checkpoint_left_ == 0) journal_->end_checkpoint();
}

void JournalHub::on_tick() {
  if (state_ != State::recording || checkpoint_left_ > 0) return;
  const bool clock_was_set = std::chrono::abs(wall_start() - recorded_by_) > clock_step_min;
  if (clock_was_set || journal_->wants_checkpoint()) begin_checkpoint();
}

}  // namespace wireway::broker
