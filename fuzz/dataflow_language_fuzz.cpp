// Any text as a formula, as a path and as a payload: nothing may crash, and what compiles must
// evaluate to a value or a named error. The first line is the formula, the second a path, the rest
// the payload.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dataflow/plan/rules.h"

using namespace wireway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto take_line = [&text] {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return std::string(line);
  };
  const std::string formula = take_line();
  const std::string path = take_line();
  const json::array inputs{path, "a", "b"};
  const json::object settings{
      {"filter", json::array{json::object{{"inputs", inputs}, {"expression", formula}}}},
      {"map",
       json::array{json::object{{"inputs", json::array{"*"}}, {"output", "*"}},
                   json::object{{"inputs", inputs}, {"output", path}, {"expression", formula}},
                   json::object{{"inputs", json::array{path}}, {"output", "x.*"}}}}};
  for (const bool with_filter : {true, false}) {
    json::object some = settings;
    if (!with_filter) some.erase("filter");
    dataflow::Problems problems;
    auto rules = dataflow::compile_rules(some, "spec", problems);
    if (!problems.empty()) continue;
    dataflow::Transform transform(std::move(rules));
    flow::Message message;
    message.topic = "t";
    message.payload.assign(text.begin(), text.end());
    (void)transform.apply(message);
  }
  return 0;
}
