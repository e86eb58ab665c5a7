#include "conformance/dialogue.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

namespace wireway::conformance {
namespace {

void parse_pairs(std::istringstream& line, Words& words) {
  std::getline(line, words.rest);
  std::istringstream rest(words.rest);
  for (std::string word; rest >> word;) {
    const auto equals = word.find('=');
    if (equals == std::string::npos)
      words.pairs.emplace_back(word, "");
    else
      words.pairs.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
}

Words parse_words(std::istringstream& line) {
  Words words;
  line >> words.verb;
  parse_pairs(line, words);
  return words;
}

bool parse_wait(const std::string& word, long& out_ms) {
  std::size_t used = 0;
  try {
    out_ms = std::stol(word, &used);
  } catch (const std::exception&) {
    return false;
  }
  if (word.substr(used) == "s")
    out_ms *= 1000;
  else if (word.substr(used) != "ms")
    return false;
  return true;
}

bool parse_step(const std::string& text, Step& step) {
  std::istringstream line(text);
  line >> step.who;
  if (step.who == "broker") {
    step.kind = Step::Kind::broker;
    parse_pairs(line, step.words);
    return !step.words.pairs.empty();
  }
  std::string action;
  line >> action;
  if (step.who == "wait") {
    step.kind = Step::Kind::wait;
    return parse_wait(action, step.wait_ms);
  }
  static const std::vector<std::pair<std::string, Step::Kind>> actions = {
      {">", Step::Kind::send},        {"<", Step::Kind::expect},  {"silent", Step::Kind::silent},
      {"closed", Step::Kind::closed}, {"open", Step::Kind::open}, {"lost", Step::Kind::lost}};
  const auto found = std::ranges::find(actions, action, [](const auto& one) { return one.first; });
  if (found == actions.end()) return false;
  step.kind = found->second;
  if (step.kind == Step::Kind::send || step.kind == Step::Kind::expect)
    step.words = parse_words(line);
  return true;
}

/// "of 5: MQTT-1.5.4-1 MQTT-3.3.2-1"
bool parse_statements(const std::string& text, Case& into) {
  std::istringstream line(text);
  std::string word;
  line >> word >> word;
  const bool v5 = word == "5:";
  if (!v5 && word != "3.1.1:") return false;
  std::vector<std::string>& statements = v5 ? into.of_v5 : into.of_v311;
  const std::size_t before = statements.size();
  while (line >> word) statements.push_back(word);
  return statements.size() > before;
}

}  // namespace

std::string Words::get(const std::string& key, const std::string& fallback) const {
  const auto found = std::ranges::find(pairs, key, [](const auto& pair) { return pair.first; });
  return found == pairs.end() ? fallback : found->second;
}

bool Words::has(const std::string& key) const {
  return std::ranges::any_of(pairs, [&](const auto& pair) { return pair.first == key; });
}

unsigned Words::number(const std::string& key, unsigned fallback) const {
  return has(key) ? unsigned(std::stoul(get(key))) : fallback;
}

Result<std::vector<Case>> parse_dialogues(const std::string& file, const std::string& text) {
  std::vector<Case> cases;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const auto begin = line.find_first_not_of(' ');
    if (begin == std::string::npos || line[begin] == '#') continue;
    if (line.starts_with("case ")) {
      cases.push_back({.name = line.substr(5), .file = file, .line = number});
      continue;
    }
    Step step{.line = number};
    const bool statements = line.find("of ") == begin;
    const bool good = !cases.empty() &&
                      (statements ? parse_statements(line, cases.back()) : parse_step(line, step));
    if (!good) return fail(Errc::invalid, fmt::format("{}:{}: not a step: {}", file, number, line));
    if (!statements) cases.back().steps.push_back(std::move(step));
  }
  return cases;
}

}  // namespace wireway::conformance
