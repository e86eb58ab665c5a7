#include "broker/journal/local_journal.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <openssl/crypto.h>

#include "base/assert.h"
#include "base/log.h"

namespace wireway::broker {
namespace {

using journal::frame_head_bytes;
using journal::header_bytes;

constexpr std::size_t group_bytes_initial = 64 * 1024;
/// A buffer that once was larger is not kept.
constexpr std::size_t group_bytes_kept = 8 * 1024 * 1024;
constexpr std::size_t length_bytes = 4;

template <std::size_t size>
std::array<std::uint8_t, size> random_bytes(net::Random& random) {
  std::array<std::uint8_t, size> out{};
  for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random.next();
    std::memcpy(out.data() + at, &word, sizeof word);
  }
  return out;
}

}  // namespace

void LocalJournal::Group::grow(std::size_t wanted) {
  const std::size_t larger = std::max({wanted, 2 * capacity, group_bytes_initial});
  auto room = std::make_unique_for_overwrite<std::uint8_t[]>(larger);
  if (bytes) std::memcpy(room.get(), bytes.get(), size);
  bytes = std::move(room);
  capacity = larger;
}

void LocalJournal::Group::add(ByteView record) {
  std::uint8_t* to = bytes.get() + size;
  for (std::size_t i = 0; i < length_bytes; ++i)
    to[i] = static_cast<std::uint8_t>(record.size() >> (8 * i));
  if (!record.empty()) std::memcpy(to + length_bytes, record.data(), record.size());
  size += length_bytes + record.size();
  ++records;
}

Result<std::unique_ptr<LocalJournal>> LocalJournal::open(net::Loop& loop, net::Files& files,
                                                         LocalJournalOptions options,
                                                         journal::OnRecord on_record) {
  if (!options.key.empty() && options.key.size() != journal::key_bytes)
    return fail(Errc::invalid, fmt::format("the key of the journal in {} has {} bytes; it needs {}",
                                           options.folder, options.key.size(), journal::key_bytes));
  auto logs = files.open_logs(loop, options.folder);
  if (!logs) return wrap("journal", std::move(logs.error()));
  auto replayed = journal::replay(**logs, options.folder, options.key, on_record);
  if (!replayed) return wrap("journal", std::move(replayed.error()));
  return std::unique_ptr<LocalJournal>(
      new LocalJournal(loop, std::move(options), std::move(*logs), std::move(*replayed)));
}

LocalJournal::LocalJournal(net::Loop& loop, LocalJournalOptions options,
                           std::unique_ptr<net::LogFolder> logs, journal::Replayed replayed)
    : loop_(loop),
      options_(std::move(options)),
      appended_(replayed.position),
      durable_(replayed.position - replayed.last_records),
      segments_(std::move(replayed.segments)),
      base_(replayed.base),
      checkpoint_bytes_(replayed.checkpoint_bytes),
      timer_(loop),
      logs_(std::move(logs)) {
  for (const auto& each : segments_) figures_.bytes_on_disk += each.bytes;
  if (!replayed.obsolete.empty())
    logs_->remove(std::move(replayed.obsolete), [folder = options_.folder](Result<> result) {
      if (!result) log::warn("journal: {}; remove it by hand", result.error().message);
    });
  if (replayed.last_records == 0) return;
  // Nobody knows whether the last group was synced before the end of the last process, so it is
  // written once more, into the next segment, before anything may rely on it.
  const auto& body = replayed.last_body;
  open_.grow(frame_head_bytes + body.size());
  std::memcpy(open_.bytes.get() + open_.size, body.data(), body.size());
  open_.size += body.size();
  open_.records = replayed.last_records;
  close_group();
  plan();
}

LocalJournal::~LocalJournal() {
  *alive_ = false;
  logs_.reset();
  OPENSSL_cleanse(options_.key.data(), options_.key.size());
}

void LocalJournal::set_handler(JournalHandler& handler) {
  handler_ = &handler;
  check_quota();
}

Journal::Position LocalJournal::append(ByteView record) {
  const std::size_t wanted = length_bytes + record.size();
  if (open_.size + wanted > open_.capacity) {
    WIREWAY_ASSERT(record.size() <= record_bytes_max, "a record is far below the limit");
    if (open_.records > 0 && open_.size + wanted > group_bytes_max) close_group();
    if (open_.size + wanted > open_.capacity) open_.grow(open_.size + wanted);
  }
  open_.add(record);
  ++figures_.records;
  figures_.bytes += record.size();
  if (!planned_) plan();
  return ++appended_;
}

void LocalJournal::close_group() {
  closed_.push_back(std::move(open_));
  open_ = std::exchange(spare_, Group{});
  spare_ = Group{};
}

/// At the end of this turn.
void LocalJournal::plan() {
  if (planned_ || busy_) return;
  planned_ = true;
  loop_.defer([this, alive = alive_] {
    if (!*alive) return;
    planned_ = false;
    step();
  });
}

/// Does the next thing that is to be done, if none is under way.
void LocalJournal::step() {
  if (busy_) return;
  if (closed_.empty() && open_.records > 0) close_group();
  if (closed_.empty() && !checkpoint_ends()) return;
  busy_ = true;
  sync_began_ = loop_.now();
  if (needs_segment()) return start_segment();
  write();
}

bool LocalJournal::needs_segment() const {
  if (!codec_ || checkpoint_ends()) return true;
  if (checkpoint_begin_ && durable_ >= *checkpoint_begin_) return true;
  return frame_number_ > 0 &&
         segments_.back().bytes + closed_.front().size > options_.segment_bytes;
}

ByteView LocalJournal::sealed(Group& group) {
  const journal::FrameHead head{
      .body_bytes = static_cast<std::uint32_t>(group.size - frame_head_bytes),
      .number = frame_number_,
      .position = durable_,
      .records = group.records};
  if (!codec_->is_plain() && cipher_text_.size() < group.size) cipher_text_.resize(group.size);
  return codec_->seal(head, group.frame(), cipher_text_);
}

void LocalJournal::write() {
  logs_->append(sealed(closed_.front()), [this](Result<> result) { written(std::move(result)); });
}

/// The first group goes with the header: the segment appears with it or not at all, so that it may
/// replace one of the same name that holds the same.
void LocalJournal::start_segment() {
  journal::SegmentHeader header;
  if (encrypts()) {
    header.protection = journal::Protection::aes_256_gcm;
    header.key_id = journal::key_id(options_.key);
  }
  header.first = durable_;
  header.base = base_;
  header.checkpoint_bytes = checkpoint_bytes_;
  header.salt = random_bytes<16>(random_);
  header.mark = random_bytes<8>(random_);
  const Beginning beginning{!closed_.empty(), checkpoint_ends()};
  if (beginning.ends_checkpoint) {
    header.base = checkpoint_first_.value_or(durable_);
    header.checkpoint_bytes = 0;
    for (const auto& each : segments_)
      if (each.first >= header.base && each.first < durable_) header.checkpoint_bytes += each.bytes;
  }
  auto codec = journal::SegmentCodec::make(header, options_.key);
  WIREWAY_ASSERT(codec.has_value(), "the key was checked when the journal was opened");
  codec_ = std::move(*codec);
  frame_number_ = 0;
  const auto encoded = encode(header);
  head_.assign(encoded.begin(), encoded.end());
  if (beginning.with_group) {
    const ByteView frame = sealed(closed_.front());
    head_.insert(head_.end(), frame.begin(), frame.end());
  }
  logs_->create(journal::segment_name(durable_), head_, [this, header, beginning](Result<> result) {
    started(std::move(result), header, beginning);
  });
}

void LocalJournal::started(Result<> result, const journal::SegmentHeader& header,
                           const Beginning& beginning) {
  if (!result) {
    codec_.reset();
    return trouble(std::move(result.error()));
  }
  if (!segments_.empty() && segments_.back().first == header.first) {  // it was replaced
    figures_.bytes_on_disk -= segments_.back().bytes;
    segments_.pop_back();
  }
  segments_.push_back(
      {header.first, header_bytes, header.protection != journal::Protection::checksum});
  figures_.bytes_on_disk += header_bytes;
  if (checkpoint_begin_ && header.first >= *checkpoint_begin_) {
    checkpoint_first_ = header.first;
    checkpoint_begin_.reset();
  }
  if (beginning.ends_checkpoint) {
    base_ = header.base;
    checkpoint_bytes_ = header.checkpoint_bytes;
    checkpointing_ = false;
    checkpoint_end_.reset();
    checkpoint_first_.reset();
    remove_older();
  }
  if (beginning.with_group) return written({});
  busy_ = false;
  recovered();
  check_quota();
  plan();
}

void LocalJournal::written(Result<> result) {
  if (!result) {
    const bool in_doubt = result.error().code != Errc::exhausted;
    if (in_doubt) codec_.reset();
    // The first time it goes into a new segment at once.
    if (in_doubt && retry_ == Duration{0} && !disk_failed_) {
      log::error("journal: {}; what was being written goes into a new segment",
                 result.error().message);
      retry_ = retry_min;
      return start_segment();
    }
    return trouble(std::move(result.error()));
  }
  busy_ = false;
  figures_.last_sync = loop_.now() - sync_began_;
  group_is_durable();
  recovered();
  check_quota();
  if (!closed_.empty() || open_.records > 0 || checkpoint_ends()) plan();
  if (handler_ != nullptr) handler_->on_durable();
}

void LocalJournal::group_is_durable() {
  Group group = std::move(closed_.front());
  closed_.pop_front();
  durable_ += group.records;
  segments_.back().bytes += group.size;
  figures_.bytes_on_disk += group.size;
  ++figures_.groups;
  ++frame_number_;
  group.size = frame_head_bytes;
  group.records = 0;
  if (group.capacity <= group_bytes_kept) spare_ = std::move(group);
  if (cipher_text_.size() > group_bytes_kept) cipher_text_ = Bytes();
  if (head_.capacity() > group_bytes_kept) head_ = Bytes();
}

/// Nothing becomes durable until an attempt succeeds.
void LocalJournal::trouble(Error error) {
  retry_ = std::clamp(2 * retry_, retry_min, retry_max);
  timer_.arm(retry_, [this] {
    busy_ = false;
    step();
  });
  if (std::exchange(disk_failed_, true)) return;
  error.message = fmt::format("journal: {}; {}; it is tried again every {} s", error.message,
                              error.code == Errc::exhausted ? "free some space on this disk"
                                                            : "check the disk and its cables",
                              std::chrono::duration_cast<std::chrono::seconds>(retry_max).count());
  if (handler_ != nullptr) handler_->on_failed(error);
}

void LocalJournal::recovered() {
  retry_ = Duration{0};
  if (!std::exchange(disk_failed_, false) || quota_failed_) return;
  if (handler_ != nullptr) handler_->on_recovered();
}

/// Outside a checkpoint half of the quota is kept for the next one.
void LocalJournal::check_quota() {
  if (options_.quota_bytes == 0) return;
  const std::uint64_t limit = checkpointing_ ? options_.quota_bytes : options_.quota_bytes / 2;
  const bool beyond = figures_.bytes_on_disk > limit;
  if (beyond == quota_failed_ || (!beyond && checkpointing_)) return;
  quota_failed_ = beyond;
  if (handler_ == nullptr || disk_failed_) return;
  if (!beyond) return handler_->on_recovered();
  handler_->on_failed(
      {Errc::exhausted,
       fmt::format("journal: {} holds {} bytes, its quota is {} (half of it is kept for writing "
                   "what lives anew); let queues drain, or raise persistence.maxSize",
                   options_.folder, figures_.bytes_on_disk, options_.quota_bytes)});
}

void LocalJournal::set_quota(std::uint64_t bytes) {
  options_.quota_bytes = bytes;
  if (bytes > 0) return check_quota();
  if (std::exchange(quota_failed_, false) && handler_ != nullptr && !disk_failed_)
    handler_->on_recovered();
}

void LocalJournal::set_encrypted(bool encrypted, ByteView key) {
  options_.encrypted = encrypted;
  if (!key.empty()) options_.key.assign(key.begin(), key.end());
  codec_.reset();  // the next group begins a segment
}

bool LocalJournal::is_uniform() const {
  return std::ranges::all_of(
      segments_, [this](const journal::Segment& each) { return each.encrypted == encrypts(); });
}

bool LocalJournal::wants_checkpoint() const {
  if (checkpointing_) return false;
  const std::uint64_t since =
      figures_.bytes_on_disk - std::min(figures_.bytes_on_disk, checkpoint_bytes_);
  if (since > std::max(checkpoint_bytes_min, 2 * checkpoint_bytes_)) return true;
  // A quarter of the quota is half of what may be used outside a checkpoint.
  return options_.quota_bytes > 0 && figures_.bytes_on_disk > options_.quota_bytes / 4 &&
         since > std::max(options_.quota_bytes / 16, checkpoint_bytes_ / 4);
}

void LocalJournal::begin_checkpoint() {
  WIREWAY_ASSERT(!checkpointing_, "a checkpoint ends before the next begins");
  checkpointing_ = true;
  if (open_.records > 0) close_group();
  checkpoint_begin_ = appended_;
}

void LocalJournal::end_checkpoint() {
  WIREWAY_ASSERT(checkpointing_ && !checkpoint_end_, "a checkpoint that began ends once");
  checkpoint_end_ = appended_;
  plan();
}

void LocalJournal::remove_older() {
  std::vector<std::string> names;
  while (segments_.front().first < base_) {
    names.push_back(journal::segment_name(segments_.front().first));
    figures_.bytes_on_disk -= segments_.front().bytes;
    segments_.erase(segments_.begin());
  }
  if (names.empty()) return;
  logs_->remove(std::move(names), [](Result<> result) {
    if (!result) log::warn("journal: {}; the next start removes it", result.error().message);
  });
}

JournalFigures LocalJournal::figures() const {
  JournalFigures figures = figures_;
  figures.quota_bytes = options_.quota_bytes;
  return figures;
}

}  // namespace wireway::broker
