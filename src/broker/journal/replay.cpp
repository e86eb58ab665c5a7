#include "broker/journal/replay.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::broker::journal {
namespace {

constexpr std::size_t chunk_bytes = 1024 * 1024;
constexpr std::string_view remedy =
    "restore the folder from a backup, or move it away to start without what it holds";

/// A window that moves over one log.
class Window {
 public:
  explicit Window(net::LogReader& reader) : reader_(reader) {}

  std::uint64_t size() const { return reader_.size_bytes(); }
  /// Up to `count` bytes from `offset` on, less only where the log ends.
  Result<std::span<std::uint8_t>> at(std::uint64_t offset, std::uint64_t count) {
    const std::uint64_t there = size() - std::min(offset, size());
    const auto wanted = static_cast<std::size_t>(std::min(count, there));
    if (offset < begin_ || offset + wanted > begin_ + filled_) {
      const auto length =
          static_cast<std::size_t>(std::min<std::uint64_t>(std::max(wanted, chunk_bytes), there));
      if (buffer_.size() < length) buffer_.resize(length);
      auto got = reader_.read(offset, std::span(buffer_).first(length));
      if (!got) return std::unexpected(got.error());
      begin_ = offset;
      filled_ = *got;
    }
    const auto from = static_cast<std::size_t>(offset - begin_);
    return std::span(buffer_).subspan(from, std::min(wanted, filled_ - from));
  }
  /// What was opened in place is read anew.
  void forget() { filled_ = 0; }

 private:
  net::LogReader& reader_;
  Bytes buffer_;
  std::uint64_t begin_ = 0;
  std::size_t filled_ = 0;
};

/// One segment whose header is known.
class SegmentReplay {
 public:
  SegmentReplay(std::string path, net::LogReader& reader, SegmentCodec codec)
      : path_(std::move(path)), window_(reader), codec_(std::move(codec)) {}

  /// From `position` on; up to the first record of the next segment if there is one.
  Result<> run(Replayed& out, std::optional<std::uint64_t> end, OnRecord& on_record) {
    while (!end || out.position < *end) {
      auto frame = next();
      if (!frame) return std::unexpected(frame.error());
      if (!*frame) break;
      if ((*frame)->position != out.position || (*frame)->number != number_)
        return damaged("a frame is out of order");
      auto read = deliver(**frame, out, on_record);
      if (!read) return read;
      ++number_;
      offset_ += frame_head_bytes + (*frame)->body_bytes;
    }
    out.segments.back().bytes = offset_;
    if (!end) return look_behind();
    if (out.position != *end) return damaged("records are missing or damaged");
    return {};
  }

 private:
  std::unexpected<Error> damaged(std::string_view what) const {
    return fail(Errc::invalid,
                fmt::format("{} at offset {}: {}; {}", path_, offset_, what, remedy));
  }

  Result<std::optional<FrameHead>> frame_at(std::uint64_t offset) {
    auto start = window_.at(offset, frame_head_bytes);
    if (!start) return std::unexpected(start.error());
    const auto head = codec_.peek(*start);
    if (!head || offset + frame_head_bytes + head->body_bytes > window_.size()) return std::nullopt;
    auto frame = window_.at(offset, std::uint64_t{frame_head_bytes} + head->body_bytes);
    if (!frame) return std::unexpected(frame.error());
    if (frame->size() != frame_head_bytes + head->body_bytes || !codec_.open(*head, *frame)) {
      window_.forget();
      return std::nullopt;
    }
    body_ = frame->subspan(frame_head_bytes);
    return head;
  }

  Result<std::optional<FrameHead>> next() { return frame_at(offset_); }

  Result<> deliver(const FrameHead& head, Replayed& out, OnRecord& on_record) {
    ByteView rest = body_;
    for (std::uint32_t i = 0; i < head.records; ++i) {
      if (rest.size() < 4) return damaged("a frame ends within a record");
      const std::size_t length =
          rest[0] | rest[1] << 8 | rest[2] << 16 | static_cast<std::size_t>(rest[3]) << 24;
      rest = rest.subspan(4);
      if (length > rest.size()) return damaged("a frame ends within a record");
      if (auto taken = on_record(rest.first(length)); !taken)
        return wrap(fmt::format("{} at offset {}, record {}", path_, offset_, out.position),
                    std::move(taken.error()));
      rest = rest.subspan(length);
      ++out.position;
    }
    if (!rest.empty()) return damaged("a frame has more than its records");
    out.last_body.assign(body_.begin(), body_.end());
    out.last_records = head.records;
    return {};
  }

  /// Behind the last whole frame of the last segment: a group was written only after the one before
  /// was synced, so a power cut tears one frame, and no whole one can follow it.
  Result<> look_behind() {
    std::uint64_t torn_end = offset_;
    for (std::uint64_t at = offset_; at < window_.size();) {
      auto piece = window_.at(at, chunk_bytes);
      if (!piece) return std::unexpected(piece.error());
      if (piece->empty()) break;
      const auto last = std::ranges::find_if(piece->rbegin(), piece->rend(),
                                             [](std::uint8_t byte) { return byte != 0; });
      if (last != piece->rend()) torn_end = at + static_cast<std::uint64_t>(piece->rend() - last);
      const std::size_t count = piece->size();
      auto whole = has_frame(at, *piece);
      if (!whole) return std::unexpected(whole.error());
      if (*whole) return damaged("a frame is damaged, and whole ones follow it");
      if (count < chunk_bytes) break;
      at += count - codec_.mark().size() + 1;  // a mark may lie across the edge
    }
    if (torn_end > offset_)
      log::warn(
          "{}: the last write was cut off by a crash or a power cut: {} bytes from offset {} "
          "on are left out; nothing in them was acknowledged",
          path_, torn_end - offset_, offset_);
    return {};
  }

  Result<bool> has_frame(std::uint64_t begin, std::span<std::uint8_t> piece) {
    std::vector<std::uint64_t> places;
    for (auto from = piece.begin();;) {
      from = std::search(from, piece.end(), codec_.mark().begin(), codec_.mark().end());
      if (from == piece.end()) break;
      places.push_back(begin + static_cast<std::uint64_t>(from - piece.begin()));
      ++from;
    }
    for (const std::uint64_t place : places) {
      if (place == offset_) continue;
      auto frame = frame_at(place);
      if (!frame) return std::unexpected(frame.error());
      if (*frame) return true;
    }
    return false;
  }

  std::string path_;
  Window window_;
  SegmentCodec codec_;
  std::span<std::uint8_t> body_;
  std::uint64_t offset_ = header_bytes;
  std::uint32_t number_ = 0;
};

struct Found {
  std::string name;
  std::uint64_t first = 0;
};

Result<SegmentHeader> read_header(net::LogReader& reader, const std::string& path,
                                  std::uint64_t first) {
  std::array<std::uint8_t, header_bytes> bytes{};
  auto got = reader.read(0, bytes);
  if (!got) return std::unexpected(got.error());
  auto header = decode_header(ByteView(bytes).first(*got));
  if (!header) {
    if (header.error().code == Errc::invalid) header.error().message += fmt::format("; {}", remedy);
    return wrap(path, std::move(header.error()));
  }
  if (header->first != first)
    return fail(Errc::invalid,
                fmt::format("{}: its header says record {}: it was renamed; give it its name {}",
                            path, header->first, segment_name(header->first)));
  return header;
}

}  // namespace

Result<Replayed> replay(net::LogFolder& logs, const std::string& folder, ByteView key,
                        OnRecord& on_record) {
  auto entries = logs.list();
  if (!entries) return std::unexpected(entries.error());
  std::vector<Found> found;
  for (const auto& entry : *entries)
    if (const auto first = segment_first(entry.name)) found.push_back({entry.name, *first});
  Replayed out;
  if (found.empty()) return out;
  const auto path = [&](const Found& one) { return fmt::format("{}/{}", folder, one.name); };
  const auto open = [&](const Found& one) { return logs.read(one.name); };

  auto newest = open(found.back());
  if (!newest) return std::unexpected(newest.error());
  auto governing = read_header(**newest, path(found.back()), found.back().first);
  if (!governing) return std::unexpected(governing.error());
  out.base = governing->base;
  out.checkpoint_bytes = governing->checkpoint_bytes;
  while (!found.empty() && found.front().first < out.base) {
    out.obsolete.push_back(found.front().name);
    found.erase(found.begin());
  }
  if (found.empty() || found.front().first != out.base)
    return fail(Errc::invalid, fmt::format("{}/{} is missing, and {} needs it; {}", folder,
                                           segment_name(out.base), path(found.back()), remedy));
  out.position = out.base;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::string place = path(found[i]);
    auto reader = open(found[i]);
    if (!reader) return std::unexpected(reader.error());
    auto header = read_header(**reader, place, found[i].first);
    if (!header) return std::unexpected(header.error());
    auto codec = SegmentCodec::make(*header, key);
    if (!codec) return wrap(place, std::move(codec.error()));
    out.segments.push_back(
        {found[i].first, header_bytes, header->protection != Protection::checksum});
    out.last_body.clear();
    out.last_records = 0;
    const bool is_last = i + 1 == found.size();
    SegmentReplay one(place, **reader, std::move(*codec));
    auto done = one.run(out, is_last ? std::nullopt : std::optional(found[i + 1].first), on_record);
    if (!done) return std::unexpected(done.error());
  }
  return out;
}

}  // namespace wireway::broker::journal
