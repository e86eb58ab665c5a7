#include "broker/state_store/command.h"

#include <charconv>
#include <limits>

namespace wireway::broker::state_store {
namespace {

using Parsed = std::expected<Command, std::string_view>;

std::optional<std::uint64_t> parse_expiry(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  std::uint64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  constexpr std::uint64_t max = std::numeric_limits<std::int64_t>::max();
  if (error != std::errc{} || ms == 0 || ms > max) return std::nullopt;
  return ms;
}

/// The options behind `SET key value`, in either order, each once.
bool parse_options(const Arguments& arguments, Command& command) {
  for (std::size_t at = 3; at < arguments.count; ++at) {
    const std::string_view option = arguments[at];
    if (option == "NX" || option == "NEX") {
      if (command.condition != Condition::none) return false;
      command.condition = option == "NX" ? Condition::if_absent : Condition::if_absent_or_equal;
    } else if (option == "PX") {
      if (command.expiry_ms || ++at == arguments.count) return false;
      command.expiry_ms = parse_expiry(arguments[at]);
      if (!command.expiry_ms) return false;
    } else {
      return false;
    }
  }
  return true;
}

/// KEYNOTIFY's word behind the key: STOP, or GET, which early clients send; the value is always
/// part of a notification.
bool parse_notify(const Arguments& arguments, Command& command) {
  if (arguments.count == 2) return true;
  command.stop = arguments[2] == "STOP";
  return command.stop || arguments[2] == "GET";
}

struct Shape {
  std::string_view name;
  Verb verb;
  std::size_t arguments_min;
  std::size_t arguments_max;
};

constexpr Shape shapes[] = {
    {"SET", Verb::set, 3, arguments_max},
    {"GET", Verb::get, 2, 2},
    {"DEL", Verb::del, 2, 2},
    {"VDEL", Verb::vdel, 3, 3},
    {"KEYNOTIFY", Verb::keynotify, 2, 3},
};

}  // namespace

Parsed parse_command(std::string_view payload) {
  const auto arguments = parse_request(payload);
  if (!arguments) return std::unexpected(errors::syntax_error);
  const Shape* shape = nullptr;
  for (const Shape& candidate : shapes)
    if (candidate.name == (*arguments)[0]) shape = &candidate;
  if (shape == nullptr) return std::unexpected(errors::unknown_command);
  if (arguments->count < shape->arguments_min || arguments->count > shape->arguments_max)
    return std::unexpected(errors::wrong_number_of_arguments);
  Command command;
  command.verb = shape->verb;
  command.key = (*arguments)[1];
  if (command.key.empty()) return std::unexpected(errors::key_length_is_zero);
  const bool has_value = command.verb == Verb::set || command.verb == Verb::vdel;
  if (has_value) command.value = (*arguments)[2];
  const bool well_formed = command.verb == Verb::set         ? parse_options(*arguments, command)
                           : command.verb == Verb::keynotify ? parse_notify(*arguments, command)
                                                             : true;
  if (!well_formed) return std::unexpected(errors::syntax_error);
  return command;
}

}  // namespace wireway::broker::state_store
