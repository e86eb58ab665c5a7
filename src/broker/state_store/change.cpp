#include "broker/state_store/change.h"

namespace wireway::broker::state_store {
namespace {

constexpr std::uint8_t format_version = 1;
constexpr std::uint8_t has_value = 1;
constexpr std::uint8_t has_expiry = 2;
constexpr std::uint8_t has_token = 4;
constexpr std::uint8_t is_keep_asked = 8;

template <class T>
void append_number(T number, Bytes& out) {
  for (std::size_t at = 0; at < sizeof(T); ++at)
    out.push_back(static_cast<std::uint8_t>(number >> (8 * at)));
}

void append_text(std::string_view text, Bytes& out) {
  append_number(static_cast<std::uint32_t>(text.size()), out);
  const ByteView bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Takes values from the front; after the first that is not there, nothing is taken.
struct Reader {
  ByteView rest;
  bool good = true;

  ByteView take(std::size_t count) {
    good = good && count <= rest.size();
    if (!good) return {};
    const ByteView out = rest.first(count);
    rest = rest.subspan(count);
    return out;
  }
  template <class T>
  T number() {
    T out = 0;
    int shift = 0;
    for (const std::uint8_t byte : take(sizeof(T))) {
      out |= static_cast<T>(static_cast<T>(byte) << shift);
      shift += 8;
    }
    return out;
  }
  std::string text() { return wireway::to_text(take(number<std::uint32_t>())); }
  Hlc hlc() {
    const std::string written = text();
    auto parsed = parse_hlc(written);
    good = good && parsed.has_value();
    return parsed.value_or(Hlc{});
  }
};

}  // namespace

void append(const Change& change, Bytes& out) {
  out.push_back(format_version);
  out.push_back(static_cast<std::uint8_t>(
      (change.value ? has_value : 0) | (change.expires_at ? has_expiry : 0) |
      (change.fencing_token ? has_token : 0) | (change.keep_asked ? is_keep_asked : 0)));
  append_text(change.key, out);
  if (change.value) append_text(*change.value, out);
  append_text(to_text(change.version), out);
  if (change.expires_at)
    append_number(static_cast<std::uint64_t>(change.expires_at->since_epoch.count()), out);
  if (change.fencing_token) append_text(to_text(*change.fencing_token), out);
}

Result<Change> decode_change(ByteView record) {
  Reader reader{record};
  if (reader.number<std::uint8_t>() != format_version)
    return fail(Errc::unsupported, "state store record: its format is not version 1");
  const auto flags = reader.number<std::uint8_t>();
  Change out;
  out.keep_asked = (flags & is_keep_asked) != 0;
  out.key = reader.text();
  if ((flags & has_value) != 0) out.value = reader.text();
  out.version = reader.hlc();
  if ((flags & has_expiry) != 0)
    out.expires_at = WallTime{Duration{static_cast<std::int64_t>(reader.number<std::uint64_t>())}};
  if ((flags & has_token) != 0) out.fencing_token = reader.hlc();
  constexpr std::uint8_t known = has_value | has_expiry | has_token | is_keep_asked;
  const bool sound = !out.expires_at || out.expires_at->since_epoch.count() >= 0;
  if (!reader.good || !reader.rest.empty() || (flags & ~known) != 0 || !sound)
    return fail(Errc::invalid, "state store record: damaged");
  return out;
}

}  // namespace wireway::broker::state_store
