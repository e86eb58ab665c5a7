#include "app/cli/text_diff.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/yaml.h"

namespace wireway::app::cli {
namespace {

constexpr std::ptrdiff_t context_lines = 3;

using Lines = std::vector<std::string_view>;

Lines lines_of(std::string_view text) {
  Lines out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// One line of the result: ' ' in both, '-' only before, '+' only after.
struct Edit {
  char sign;
  std::string_view line;
};

/// Myers' greedy search for the shortest edit script, forwards with the furthest points of each
/// step kept, then walked back.
class Script {
 public:
  Script(const Lines& before, const Lines& after) : a_(before), b_(after) {}

  std::vector<Edit> find() {
    const int steps_max = std::min<int>(edits_max, static_cast<int>(a_.size() + b_.size()));
    std::vector<int> furthest(2 * static_cast<std::size_t>(steps_max) + 3, 0);
    const int middle = steps_max + 1;
    for (int step = 0; step <= steps_max; ++step) {
      trace_.push_back(furthest);
      for (int k = -step; k <= step; k += 2) {
        const bool down = k == -step || (k != step && at(furthest, middle + k - 1) <
                                                          at(furthest, middle + k + 1));
        int x = down ? at(furthest, middle + k + 1) : at(furthest, middle + k - 1) + 1;
        int y = x - k;
        while (x < size(a_) && y < size(b_) && a_[index(x)] == b_[index(y)]) ++x, ++y;
        furthest[index(middle + k)] = x;
        if (x >= size(a_) && y >= size(b_)) return walk_back(step, middle);
      }
    }
    return replaced();
  }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }
  static int at(const std::vector<int>& values, int i) { return values[index(i)]; }
  static int size(const Lines& lines) { return static_cast<int>(lines.size()); }

  std::vector<Edit> walk_back(int steps, int middle) {
    std::vector<Edit> out;
    int x = size(a_);
    int y = size(b_);
    for (int step = steps; step >= 0; --step) {
      const std::vector<int>& furthest = trace_[index(step)];
      const int k = x - y;
      const bool down =
          k == -step || (k != step && at(furthest, middle + k - 1) < at(furthest, middle + k + 1));
      const int k_before = down ? k + 1 : k - 1;
      const int x_before = step == 0 ? 0 : at(furthest, middle + k_before);
      const int y_before = step == 0 ? 0 : x_before - k_before;
      while (x > x_before && y > y_before) out.push_back({' ', a_[index(--x)]}), --y;
      if (step == 0) break;
      if (down)
        out.push_back({'+', b_[index(--y)]});
      else
        out.push_back({'-', a_[index(--x)]});
    }
    std::ranges::reverse(out);
    return out;
  }

  std::vector<Edit> replaced() const {
    std::vector<Edit> out;
    for (const auto line : a_) out.push_back({'-', line});
    for (const auto line : b_) out.push_back({'+', line});
    return out;
  }

  const Lines& a_;
  const Lines& b_;
  std::vector<std::vector<int>> trace_;
};

/// The edits [begin, end) as one hunk; the line numbers count from 1.
std::string hunk(const std::vector<Edit>& edits, std::size_t begin, std::size_t end) {
  std::size_t before_line = 1;
  std::size_t after_line = 1;
  for (std::size_t i = 0; i < begin; ++i) {
    before_line += edits[i].sign != '+';
    after_line += edits[i].sign != '-';
  }
  std::size_t before_count = 0;
  std::size_t after_count = 0;
  std::string body;
  for (std::size_t i = begin; i < end; ++i) {
    before_count += edits[i].sign != '+';
    after_count += edits[i].sign != '-';
    body += edits[i].sign;
    body += edits[i].line;
    body += '\n';
  }
  // An empty side is named by the line in front of it.
  before_line -= before_count == 0;
  after_line -= after_count == 0;
  return fmt::format("@@ -{},{} +{},{} @@\n{}", before_line, before_count, after_line, after_count,
                     body);
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after,
                         std::string_view before_name, std::string_view after_name) {
  if (before == after) return "";
  const Lines a = lines_of(before);
  const Lines b = lines_of(after);
  const std::vector<Edit> edits = Script(a, b).find();
  std::string out = fmt::format("--- {}\n+++ {}\n", before_name, after_name);
  std::size_t begin = 0;
  const auto is_change = [](const Edit& edit) { return edit.sign != ' '; };
  while (true) {
    const auto first =
        std::find_if(edits.begin() + static_cast<std::ptrdiff_t>(begin), edits.end(), is_change);
    if (first == edits.end()) return out;
    auto last = first;
    for (auto it = first; it != edits.end() && it - last <= 2 * context_lines; ++it)
      if (is_change(*it)) last = it;
    const auto from = std::max<std::ptrdiff_t>(first - edits.begin() - context_lines,
                                               static_cast<std::ptrdiff_t>(begin));
    const auto to =
        std::min<std::ptrdiff_t>(last - edits.begin() + 1 + context_lines, std::ssize(edits));
    out += hunk(edits, static_cast<std::size_t>(from), static_cast<std::size_t>(to));
    begin = static_cast<std::size_t>(to);
  }
}

std::string coloured_diff(const Console& console, std::string_view diff) {
  if (!console.colours()) return std::string(diff);
  std::string out;
  for (const std::string_view line : lines_of(diff)) {
    Colour colour = Colour::none;
    if (line.starts_with("---") || line.starts_with("+++"))
      colour = Colour::bold;
    else if (line.starts_with('-'))
      colour = Colour::red;
    else if (line.starts_with('+'))
      colour = Colour::green;
    else if (line.starts_with("@@"))
      colour = Colour::grey;
    out += console.paint(colour, line) + "\n";
  }
  return out;
}

std::string comparable_yaml(const json::value& object, bool with_status) {
  if (!object.is_object()) return "";
  json::object shown = object.get_object();
  if (json::value* metadata = shown.if_contains("metadata"); metadata && metadata->is_object())
    for (const char* key :
         {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"})
      metadata->get_object().erase(key);
  if (!with_status) shown.erase("status");
  return to_yaml(shown);
}

}  // namespace wireway::app::cli
