#include "app/cli/targets.h"

#include <algorithm>

#include <fmt/format.h>

namespace wireway::app::cli {
namespace {

ApiFailure misuse(std::string message) { return {400, "Usage", std::move(message), {}}; }

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const auto end = std::min(text.find(separator, begin), text.size());
    if (end > begin) out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

}  // namespace

std::string title_of(const KindInfo& kind, const std::string& name) {
  return kind.title() + "/" + name;
}

Answer<std::vector<Target>> read_targets(Kinds& kinds, const std::vector<std::string>& words) {
  std::vector<Target> out;
  if (words.empty())
    return std::unexpected(misuse("name a kind, as in `asset`, or an object, as in `asset/oven`"));
  const bool pairs =
      std::ranges::any_of(words, [](const std::string& word) { return word.contains('/'); });
  if (pairs) {
    for (const std::string& word : words) {
      const auto parts = split(word, '/');
      if (parts.size() != 2)
        return std::unexpected(misuse(fmt::format(
            "\"{}\" is not KIND/NAME; write all as KIND/NAME, or one KIND and then names", word)));
      auto kind = kinds.find(parts[0]);
      if (!kind) return std::unexpected(kind.error());
      out.push_back({std::move(*kind), parts[1]});
    }
    return out;
  }
  for (const std::string& name : split(words.front(), ',')) {
    auto kind = kinds.find(name);
    if (!kind) return std::unexpected(kind.error());
    if (words.size() == 1) out.push_back({*kind, ""});
    for (std::size_t i = 1; i < words.size(); ++i) out.push_back({*kind, words[i]});
  }
  return out;
}

Answer<Target> read_target(Kinds& kinds, const std::vector<std::string>& words) {
  auto targets = read_targets(kinds, words);
  if (!targets) return std::unexpected(targets.error());
  if (targets->size() == 1 && !targets->front().name.empty()) return std::move(targets->front());
  return std::unexpected(misuse("name exactly one object, as in `asset/oven`"));
}

}  // namespace wireway::app::cli
