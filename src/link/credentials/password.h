#pragma once
/// Passwords as they are kept: argon2id, with a salt and its cost inside the text.
///
/// Source: RFC 9106; the cost is OWASP's first recommendation (19 MiB, 2 passes).
/// Thread: any. Cost: about 30 ms and 19 MiB each: call it on a worker.

#include <string>
#include <string_view>

#include "base/result.h"

namespace wireway::link {

inline constexpr std::size_t password_bytes_min = 8;
inline constexpr std::size_t password_bytes_max = 1024;

/// Errors: Errc::invalid with a sentence for people if it is too short or too long.
Result<std::string> hash_password(std::string_view password);

/// False for a wrong password, and for a text that is no hash of ours or would cost too much.
bool is_password(std::string_view hash, std::string_view password);

/// Costs as much as a real check: for users that do not exist, so that nobody learns who does.
void spend_a_check(std::string_view password);

}  // namespace wireway::link
