// Selectors and the tokens of pages: a refusal, or an answer for any object. The first line is the
// labels', the second the fields', the rest a token.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "control/api/list_options.h"
#include "control/api/selector.h"

using namespace wireway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto take_line = [&text] {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
  };
  static const json::value object = json::parse(
      R"({"metadata":{"name":"a","namespace":"b","labels":{"x":"1","y":"","z/z":"-5"}},"spec":{"n":3}})");
  const std::string_view labels = take_line();
  const std::string_view fields = take_line();
  auto selector =
      control::Selector::parse(labels, fields, {"metadata.name", "metadata.namespace", "spec.n"});
  if (selector) {
    const bool matches = selector->matches(object);
    WIREWAY_ASSERT(matches || !selector->everything(), "what selects everything selects this");
    if (const std::string name = control::exact_name(fields); matches && !name.empty())
      WIREWAY_ASSERT(name == "a", "rights by name and the selection mean the same object");
  }
  if (const auto token = control::read_token(text)) {
    const auto again = control::read_token(control::to_text(*token));
    WIREWAY_ASSERT(again && again->name == token->name && again->space == token->space &&
                       again->revision == token->revision,
                   "a token that was read can be written");
  }
  return 0;
}
