#include "broker/buffer/disk_buffer.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/log.h"
#include "broker/buffer/run_codec.h"
#include "broker/session.h"

namespace wireway::broker::buffer {

Run::Run(DiskBuffer& buffer, Session& owner, std::vector<Delivery> deliveries, OnDisk& sum)
    : buffer_(buffer),
      owner_(owner),
      sum_(sum),
      deliveries_(std::move(deliveries)),
      id_(++buffer.last_id_),
      count_(deliveries_.size()),
      since_(deliveries_.front().since) {
  for (const Delivery& one : deliveries_) {
    bytes_ += one.size_bytes();
    if (one.sequence == 0) continue;
    if (first_sequence_ == 0) first_sequence_ = one.sequence;
    last_sequence_ = one.sequence;
  }
}

Run::~Run() { buffer_.forget(*this); }

bool Run::write() { return buffer_.write(*this); }

void Run::read() {
  if (!in_memory() && !is_busy_) buffer_.read(*this);
}

void Run::unload() {
  if (!is_on_disk_ || !in_memory()) return;
  deliveries_ = std::vector<Delivery>();
  buffer_.counters_.queued_bytes -= bytes_;
  buffer_.count_on_disk(*this);
}

DiskBuffer::DiskBuffer(net::Env env, std::string folder, Counters& counters, net::Task on_room,
                       const BufferOptions& options)
    : env_(env),
      options_(options),
      folder_(std::move(folder)),
      counters_(counters),
      on_room_(std::move(on_room)),
      retry_timer_(env.loop),
      room_timer_(env.loop) {
  for (std::size_t i = 0; i < journal::key_bytes; ++i)
    key_.push_back(std::uint8_t(env.random.next()));
}

DiskBuffer::~DiskBuffer() = default;

void DiskBuffer::set_max(std::uint64_t bytes) {
  extents_.set_max(bytes);
  is_full_ = false;
  counters_.buffer_bytes_max = bytes;
}

std::string DiskBuffer::trouble() const {
  if (!write_trouble_.empty()) return write_trouble_;
  if (!read_trouble_.empty()) return read_trouble_;
  if (!is_full_) return {};
  return fmt::format(
      "the disk-backed message buffer is full (maxSize, {} MiB on this shard): subscribers do not "
      "read what waits for them; give it a larger maxSize, or end their sessions",
      extents_.bytes_max() / (1024 * 1024));
}

void DiskBuffer::count_on_disk(Run& run) {
  run.is_counted_on_disk_ = true;
  ++run.sum_.runs;
  run.sum_.bytes += run.bytes_;
  counters_.buffered_bytes += run.bytes_;
  counters_.buffered_messages += run.count_;
}

void DiskBuffer::uncount_on_disk(Run& run) {
  if (!std::exchange(run.is_counted_on_disk_, false)) return;
  --run.sum_.runs;
  run.sum_.bytes -= run.bytes_;
  counters_.buffered_bytes -= run.bytes_;
  counters_.buffered_messages -= run.count_;
}

bool DiskBuffer::open() {
  if (file_) return true;
  auto opened = env_.files.open_scratch(env_.loop, folder_);
  if (opened) file_ = std::move(*opened);
  on_write_result(opened ? Result<>() : std::unexpected(opened.error()));
  return file_ != nullptr;
}

/// The key that seals next.
std::uint32_t DiskBuffer::epoch() {
  if (codecs_.empty() || sealed_ == std::numeric_limits<std::uint32_t>::max()) {
    journal::SegmentHeader header;
    header.protection = journal::Protection::aes_256_gcm;
    header.key_id = journal::key_id(key_);
    header.first = codecs_.size();
    codecs_.push_back(*journal::SegmentCodec::make(header, key_));
    sealed_ = 0;
  }
  return std::uint32_t(codecs_.size() - 1);
}

bool DiskBuffer::write(Run& run) {
  if (!takes_more() || !run.in_memory() || run.is_busy_ || run.is_on_disk_ || !open()) return false;
  Bytes plain(journal::frame_head_bytes);
  plain.reserve(plain.size() + run.bytes_);
  for (const Delivery& one : run.deliveries_) encode(one, plain);
  const auto place = extents_.take(plain.size());
  if (!place) {
    is_full_ = extents_.used_bytes() > extents_.bytes_max() / 100 * reopen_percent;
    if (is_full_) log::warn("{}", trouble());
    return false;
  }
  run.epoch_ = epoch();
  Bytes frame(plain.size());
  const journal::FrameHead head{std::uint32_t(plain.size() - journal::frame_head_bytes), sealed_++,
                                run.id_, std::uint32_t(run.count_)};
  codecs_[run.epoch_].seal(head, plain, frame);
  run.offset_ = *place;
  run.frame_bytes_ = frame.size();
  run.has_place_ = run.is_busy_ = true;
  busy_.emplace(run.id_, &run);
  writing_bytes_ += frame.size();
  counters_.buffer_disk_bytes = extents_.used_bytes();
  file_->write(*place, std::move(frame),
               [this, id = run.id_, bytes = run.frame_bytes_](const Result<>& result) {
                 on_written(id, bytes, result);
               });
  return true;
}

void DiskBuffer::on_written(std::uint64_t id, std::size_t bytes, const Result<>& result) {
  writing_bytes_ -= bytes;
  ++(result ? counters_.buffer_transfers : counters_.buffer_transfers_failed);
  const auto found = busy_.find(id);
  if (found != busy_.end()) {  // else it was wanted back, or has ended
    Run& run = *found->second;
    busy_.erase(found);
    run.is_busy_ = false;
    run.is_on_disk_ = result.has_value();
    if (result)
      run.unload();
    else
      give_place(run);
  }
  on_write_result(result);
}

void DiskBuffer::on_write_result(const Result<>& result) {
  if (!result) {
    set_trouble(write_trouble_, result.error(), "what would go there stays in memory");
    return try_again_later();
  }
  if (!write_trouble_.empty()) log::info("the disk-backed message buffer is written again");
  write_trouble_.clear();
  if (failed_.empty()) retry_ = retry_min;
  room_timer_.arm(Duration{0}, [this] { on_room_(); });
}

void DiskBuffer::read(Run& run) {
  run.is_busy_ = true;
  busy_.emplace(run.id_, &run);
  waiting_.push_back(run.id_);
  next_reads();
}

void DiskBuffer::next_reads() {
  while (reading_ < reads_max && !waiting_.empty()) {
    const auto found = busy_.find(waiting_.front());
    waiting_.pop_front();
    if (found != busy_.end()) begin_read(*found->second);
  }
}

void DiskBuffer::begin_read(Run& run) {
  ++reading_;
  file_->read(run.offset_, run.frame_bytes_,
              [this, id = run.id_](const Result<Bytes>& result) { on_read(id, result); });
}

void DiskBuffer::on_read(std::uint64_t id, const Result<Bytes>& result) {
  --reading_;
  const auto found = busy_.find(id);
  if (found == busy_.end()) return next_reads();
  Run& run = *found->second;
  const Result<> taken = result ? take_in(run, *result) : Result<>(std::unexpected(result.error()));
  ++(taken ? counters_.buffer_transfers : counters_.buffer_transfers_failed);
  if (!taken) {
    set_trouble(read_trouble_, taken.error(),
                fmt::format("{} messages for client {} wait until it can be read again", run.count_,
                            run.owner_.client_identifier()));
    failed_.push_back(id);
    try_again_later();
    return next_reads();
  }
  busy_.erase(found);
  run.is_busy_ = false;
  if (failed_.empty()) read_trouble_.clear();
  next_reads();
  run.owner_.on_buffer_read(env_.loop.now());  // may end the run
}

Result<> DiskBuffer::take_in(Run& run, Bytes frame) {
  journal::SegmentCodec& codec = codecs_[run.epoch_];
  const auto head = codec.peek(frame);
  const bool is_whole = head && head->position == run.id_ && head->records == run.count_ &&
                        head->body_bytes == frame.size() - journal::frame_head_bytes &&
                        codec.open(*head, frame);
  if (!is_whole)
    return fail(Errc::invalid, fmt::format("read the scratch file in {}: what stands at {} is not "
                                           "what was written there",
                                           folder_, run.offset_));
  auto deliveries = decode(ByteView(frame).subspan(journal::frame_head_bytes), run.count_);
  if (!deliveries) return std::unexpected(deliveries.error());
  run.deliveries_ = std::move(*deliveries);
  for (Delivery& one : run.deliveries_)
    if (run.is_recorded_ && one.sequence != 0 && one.position == 0) one.position = 1;
  uncount_on_disk(run);
  counters_.queued_bytes += run.bytes_;
  return {};
}

void DiskBuffer::give_place(Run& run) {
  if (!std::exchange(run.has_place_, false)) return;
  extents_.give(run.offset_, run.frame_bytes_);
  file_->discard(run.offset_, Extents::rounded(run.frame_bytes_));
  run.is_on_disk_ = false;
  counters_.buffer_disk_bytes = extents_.used_bytes();
  if (!is_full_ || extents_.used_bytes() > extents_.bytes_max() / 100 * reopen_percent) return;
  is_full_ = false;
  room_timer_.arm(Duration{0}, [this] { on_room_(); });
}

void DiskBuffer::forget(Run& run) {
  busy_.erase(run.id_);
  if (std::erase(failed_, run.id_) > 0 && failed_.empty()) read_trouble_.clear();
  uncount_on_disk(run);
  give_place(run);
}

void DiskBuffer::set_trouble(std::string& trouble, const Error& reason, std::string_view outcome) {
  std::string sentence = fmt::format(
      "the disk-backed message buffer: {}; {}. Make room or repair the disk; it is "
      "tried again",
      reason.message, outcome);
  if (sentence != trouble) log::error("{}", sentence);
  trouble = std::move(sentence);
}

void DiskBuffer::try_again_later() {
  if (retry_timer_.armed()) return;
  retry_timer_.arm(retry_, [this] { try_again(); });
  retry_ = std::min(retry_ * 2, retry_max);
}

/// What could not be read; and whether a page can be written.
void DiskBuffer::try_again() {
  for (const std::uint64_t id : std::exchange(failed_, {})) waiting_.push_back(id);
  next_reads();
  if (write_trouble_.empty() || !file_) {
    if (!write_trouble_.empty()) open();
    return;
  }
  const auto place = extents_.take(Extents::page_bytes);
  if (!place) return on_write_result({});  // being full says it all
  file_->write(*place, Bytes(Extents::page_bytes), [this, at = *place](const Result<>& result) {
    extents_.give(at, Extents::page_bytes);
    file_->discard(at, Extents::page_bytes);
    counters_.buffer_disk_bytes = extents_.used_bytes();
    on_write_result(result);
  });
}

}  // namespace wireway::broker::buffer
