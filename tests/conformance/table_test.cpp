// Goal: docs/reference/mqtt-conformance.md lists every normative statement of both standards once,
// and the tests that it names are there and claim the same.
// Method: the table and the tests are read as text; the standards' numbers stand here by section.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "conformance/dialogue.h"

namespace wireway::conformance {
namespace {

const std::filesystem::path root = PROJECT_FOLDER;
const std::filesystem::path dialogues = root / "tests/conformance/mqtt";

/// The statements of one section: their numbers run from `first` to `last`.
struct Section {
  const char* number;
  int last;
  int first = 1;
};

// Appendix B of MQTT 5.0; MQTT-2.2.1-1 does not exist.
constexpr Section of_v5[] = {
    {"1.5.4", 3},  {"1.5.5", 1},  {"1.5.7", 1},  {"2.1.3", 1},  {"2.2.1", 6, 2}, {"2.2.2", 1},
    {"3.1.0", 2},  {"3.1.2", 30}, {"3.1.3", 12}, {"3.1.4", 6},  {"3.2.0", 2},    {"3.2.2", 22},
    {"3.3.1", 13}, {"3.3.2", 20}, {"3.3.4", 10}, {"3.4.2", 3},  {"3.5.2", 3},    {"3.6.1", 1},
    {"3.6.2", 3},  {"3.7.2", 3},  {"3.8.1", 1},  {"3.8.3", 5},  {"3.8.4", 8},    {"3.9.2", 2},
    {"3.9.3", 2},  {"3.10.1", 1}, {"3.10.3", 2}, {"3.10.4", 6}, {"3.11.2", 2},   {"3.11.3", 2},
    {"3.12.4", 1}, {"3.14.0", 1}, {"3.14.1", 1}, {"3.14.2", 4}, {"3.14.4", 3},   {"3.15.1", 1},
    {"3.15.2", 3}, {"4.1.0", 2},  {"4.2.0", 1},  {"4.3.1", 1},  {"4.3.2", 5},    {"4.3.3", 13},
    {"4.4.0", 2},  {"4.5.0", 2},  {"4.6.0", 6},  {"4.7.0", 1},  {"4.7.1", 2},    {"4.7.2", 1},
    {"4.7.3", 4},  {"4.8.2", 6},  {"4.9.0", 3},  {"4.12.0", 7}, {"4.12.1", 2},   {"4.13.1", 1},
    {"4.13.2", 1}, {"6.0.0", 4}};
constexpr std::size_t count_v5 = 251;

// Appendix B of MQTT 3.1.1.
constexpr Section of_v311[] = {
    {"1.5.3", 3},  {"2.2.2", 2},  {"2.3.1", 7},  {"3.1.0", 2},  {"3.1.2", 24}, {"3.1.3", 11},
    {"3.1.4", 5},  {"3.2.0", 1},  {"3.2.2", 6},  {"3.3.1", 12}, {"3.3.2", 3},  {"3.3.4", 1},
    {"3.3.5", 2},  {"3.6.1", 1},  {"3.8.1", 1},  {"3.8.3", 4},  {"3.8.4", 6},  {"3.9.3", 2},
    {"3.10.1", 1}, {"3.10.3", 2}, {"3.10.4", 6}, {"3.12.4", 1}, {"3.14.1", 1}, {"3.14.4", 3},
    {"4.1.0", 2},  {"4.3.1", 1},  {"4.3.2", 2},  {"4.3.3", 2},  {"4.4.0", 1},  {"4.5.0", 2},
    {"4.6.0", 6},  {"4.7.1", 3},  {"4.7.2", 1},  {"4.7.3", 4},  {"4.8.0", 2},  {"6.0.0", 4},
    {"7.0.0", 2},  {"7.1.1", 1},  {"7.1.2", 1}};
constexpr std::size_t count_v311 = 141;

std::vector<std::string> statements(std::span<const Section> sections) {
  std::vector<std::string> out;
  for (const Section& section : sections)
    for (int i = section.first; i <= section.last; ++i)
      out.push_back(fmt::format("MQTT-{}-{}", section.number, i));
  return out;
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  EXPECT_TRUE(stream) << file << " cannot be read";
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// A test as the table names it.
struct Named {
  std::string file;
  std::string test;
};

struct Row {
  std::string statement;
  std::string binds;
  std::string shown_by;
  std::vector<Named> tests{};
};

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

std::vector<std::string> parts(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) out.push_back(trimmed(part));
  return out;
}

/// "`file`: test, test; `file`: test"
std::vector<Named> tests_of(const std::string& shown_by) {
  std::vector<Named> out;
  static const std::regex form("`([^`]+)`: (.+)");
  for (const std::string& one : parts(shown_by, ';')) {
    std::smatch match;
    if (!std::regex_match(one, match, form)) continue;
    for (const std::string& test : parts(match[2], ',')) out.push_back({match[1], test});
  }
  return out;
}

/// The rows behind the heading of that standard.
std::vector<Row> rows_of(const std::string& heading) {
  static const std::string document = text_of(root / "docs/reference/mqtt-conformance.md");
  const auto begin = document.find("\n## " + heading);
  EXPECT_NE(begin, std::string::npos) << heading;
  if (begin == std::string::npos) return {};
  std::stringstream section(document.substr(begin, document.find("\n## ", begin + 1) - begin));
  std::vector<Row> rows;
  for (std::string line; std::getline(section, line);) {
    if (!line.starts_with("| MQTT-")) continue;
    const auto cells = parts(line, '|');
    EXPECT_EQ(cells.size(), 5U) << line;
    if (cells.size() == 5) rows.push_back({cells[1], cells[3], cells[4], tests_of(cells[4])});
  }
  return rows;
}

/// What the dialogues say of themselves: statement to "file: case".
using Claims = std::map<std::string, std::set<std::string>>;

struct AllClaims {
  Claims of_v5;
  Claims of_v311;
};

const AllClaims& claims() {
  static const AllClaims all = [] {
    AllClaims out;
    for (const auto& entry : std::filesystem::directory_iterator(dialogues)) {
      const std::string file = entry.path().filename();
      const auto cases = parse_dialogues(file, text_of(entry.path()));
      EXPECT_TRUE(cases) << cases.error().message;
      if (!cases) continue;
      for (const Case& one : *cases) {
        for (const auto& each : one.of_v5) out.of_v5[each].insert(file + ": " + one.name);
        for (const auto& each : one.of_v311) out.of_v311[each].insert(file + ": " + one.name);
      }
    }
    return out;
  }();
  return all;
}

bool is_dialogue(const Named& test) { return test.file.ends_with(".txt"); }

/// "Suite.name" in a C++ file.
bool has_test(const Named& test) {
  const auto dot = test.test.find('.');
  if (dot == std::string::npos || !std::filesystem::exists(root / test.file)) return false;
  const std::string where = fmt::format("({},", test.test.substr(0, dot));
  const std::string name = test.test.substr(dot + 1) + ")";
  const std::string text = text_of(root / test.file);
  for (auto at = text.find(where); at != std::string::npos; at = text.find(where, at + 1)) {
    const auto begin = text.find_first_not_of(" \n", at + where.size());
    if (text.compare(begin, name.size(), name) == 0) return true;
  }
  return false;
}

struct Standard {
  const char* heading;
  std::span<const Section> sections;
  std::size_t count;
  const Claims& claims;
};

std::vector<Standard> standards() {
  return {{"MQTT 5.0", of_v5, count_v5, claims().of_v5},
          {"MQTT 3.1.1", of_v311, count_v311, claims().of_v311}};
}

TEST(ConformanceTable, has_every_statement_once_and_in_order) {
  for (const Standard& standard : standards()) {
    const auto expected = statements(standard.sections);
    EXPECT_EQ(expected.size(), standard.count);
    std::vector<std::string> listed;
    for (const Row& row : rows_of(standard.heading)) listed.push_back(row.statement);
    EXPECT_EQ(listed, expected) << standard.heading;
  }
}

TEST(ConformanceTable, has_a_test_for_whatever_binds_a_server) {
  for (const Standard& standard : standards()) {
    for (const Row& row : rows_of(standard.heading)) {
      const bool client = row.binds == "client";
      EXPECT_TRUE(client || row.binds == "server" || row.binds == "both") << row.statement;
      const bool duty = client && row.shown_by.starts_with("the client's duty: ");
      EXPECT_TRUE(duty || !row.tests.empty())
          << standard.heading << " " << row.statement << ": " << row.shown_by;
    }
  }
}

TEST(ConformanceTable, names_tests_that_are_there) {
  for (const Standard& standard : standards()) {
    for (const Row& row : rows_of(standard.heading)) {
      for (const Named& test : row.tests) {
        const bool there = is_dialogue(test) || has_test(test);
        EXPECT_TRUE(there) << row.statement << ": no test " << test.test << " in " << test.file;
      }
    }
  }
}

/// Both ways: the table names just the dialogues that name the statement.
TEST(ConformanceTable, agrees_with_the_dialogues) {
  for (const Standard& standard : standards()) {
    Claims listed;
    for (const Row& row : rows_of(standard.heading))
      for (const Named& test : row.tests)
        if (is_dialogue(test)) listed[row.statement].insert(test.file + ": " + test.test);
    for (const auto& [statement, cases] : standard.claims)
      EXPECT_EQ(listed[statement], cases) << standard.heading << " " << statement;
    for (const auto& [statement, cases] : listed)
      EXPECT_TRUE(standard.claims.contains(statement)) << standard.heading << " " << statement;
  }
}

}  // namespace
}  // namespace wireway::conformance
