#include "control/api/repeated_keys.h"

#include <algorithm>
#include <set>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

namespace wireway::control {
namespace {

std::size_t members_in(const json::value& value) {
  std::size_t count = 0;
  if (value.is_object()) {
    count = value.get_object().size();
    for (const auto& member : value.get_object()) count += members_in(member.value());
  } else if (value.is_array()) {
    for (const json::value& item : value.get_array()) count += members_in(item);
  }
  return count;
}

/// Members in valid JSON, repeated ones too: each has its colon.
std::size_t members_in(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':') ++count;
    if (text[i] != '"') continue;
    for (++i; i < text.size() && text[i] != '"'; ++i)
      if (text[i] == '\\') ++i;
  }
  return count;
}

/// Follows the parser and notes where it is. The names are Boost.JSON's.
class KeyHandler {
 public:
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  std::vector<std::string> repeated;

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return open(false); }
  bool on_object_end(std::size_t, json::error_code&) { return close(); }
  bool on_array_begin(json::error_code&) { return open(true); }
  bool on_array_end(std::size_t, json::error_code&) { return close(); }
  bool on_key_part(std::string_view part, std::size_t, json::error_code&) {
    key_ += part;
    return true;
  }
  bool on_key(std::string_view part, std::size_t, json::error_code&) {
    key_ += part;
    Level& level = levels_.back();
    level.at = std::exchange(key_, {});
    if (!level.keys.insert(level.at).second && repeated.size() < repeated_keys_max) note();
    return true;
  }
  bool on_string_part(std::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string(std::string_view, std::size_t, json::error_code&) { return next_item(); }
  bool on_number_part(std::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, std::string_view, json::error_code&) { return next_item(); }
  bool on_uint64(std::uint64_t, std::string_view, json::error_code&) { return next_item(); }
  bool on_double(double, std::string_view, json::error_code&) { return next_item(); }
  bool on_bool(bool, json::error_code&) { return next_item(); }
  bool on_null(json::error_code&) { return next_item(); }
  bool on_comment_part(std::string_view, json::error_code&) { return true; }
  bool on_comment(std::string_view, json::error_code&) { return true; }

 private:
  struct Level {
    bool is_array = false;
    std::size_t items = 0;  ///< of an array, behind us
    std::string at = {};    ///< of an object, the member that we are in
    std::set<std::string> keys = {};
  };

  bool open(bool is_array) {
    levels_.push_back({.is_array = is_array});
    return true;
  }
  bool close() {
    levels_.pop_back();
    return next_item();
  }
  bool next_item() {
    if (!levels_.empty() && levels_.back().is_array) ++levels_.back().items;
    return true;
  }
  void note() {
    std::string path;
    for (const Level& level : levels_) {
      if (level.is_array)
        path += fmt::format("[{}]", level.items);
      else
        path += (path.empty() ? "" : ".") + level.at;
    }
    if (std::ranges::find(repeated, path) == repeated.end()) repeated.push_back(std::move(path));
  }

  std::vector<Level> levels_;
  std::string key_;
};

}  // namespace

std::vector<std::string> repeated_keys(std::string_view text, const json::value& parsed) {
  if (members_in(text) == members_in(parsed)) return {};
  json::parse_options options;
  options.max_depth = json_depth_max;
  json::basic_parser<KeyHandler> parser(options);
  json::error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  return std::move(parser.handler().repeated);
}

}  // namespace wireway::control
