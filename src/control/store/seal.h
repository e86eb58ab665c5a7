#pragma once
/// Encryption of Secrets at rest: a sealed body is what the database, its log and its backups hold;
/// everything above the store sees it open.
///
/// Sealed with AES-256-GCM, a nonce for each revision, bound to the object and the revision: a row
/// that was exchanged or changed does not open. The keys are kept outside the database.
///
/// Format: docs/formats/sealed-secrets.md
/// Thread: any; immutable once made. Owns: the keys, wiped at the end.
/// Limits: keys_max keys; one key seals 2^32 revisions at most (random nonces).
/// Errors: Errc::denied for a key that is not there, Errc::invalid for a body that does not open;
///         never what a body or a key holds.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wireway::control {

struct StoreKey;

class Sealer {
 public:
  static constexpr std::size_t keys_max = 16;

  /// Of the text of a key file: a line for each key, "wireway-key-1 <base64 of 32 bytes>". The
  /// first seals; all open.
  static Result<Sealer> from_text(std::string_view text);
  /// A line with a new key.
  static Result<std::string> new_key();

  Sealer(const Sealer&) = default;
  Sealer& operator=(const Sealer&) = default;
  Sealer(Sealer&&) noexcept = default;
  Sealer& operator=(Sealer&&) noexcept = default;
  ~Sealer();

  /// Whether objects of a resource are sealed.
  static bool concerns(std::string_view resource) { return resource == "secrets"; }
  static bool is_sealed(std::string_view body);
  /// Whether the first key has sealed it.
  bool is_current(std::string_view body) const;
  const std::string& current_id() const { return keys_.front().id; }

  Result<std::string> seal(const StoreKey& object, std::int64_t revision,
                           std::string_view body) const;
  Result<std::string> open(const StoreKey& object, std::int64_t revision,
                           std::string_view sealed) const;

 private:
  struct Key {
    std::string id;
    std::string bytes;
  };
  explicit Sealer(std::vector<Key> keys) : keys_(std::move(keys)) {}
  std::vector<Key> keys_;
};

}  // namespace wireway::control
