#pragma once
/// Cuts the text of a formula into tokens, each with its column (1-based) for error messages.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "dataflow/language/value.h"

namespace wireway::dataflow {

enum class Token : std::uint8_t {
  end,
  number,
  string,
  name,
  input,  // literals, identifiers, $1
  open,
  close,
  comma,
  plus,
  minus,
  star,
  slash,
  percent,
  caret,
  not_,
  and_,
  or_,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  /// Reads the next token into the members below.
  Result<> advance();

  Token token = Token::end;
  std::size_t column = 1;
  Value literal;          ///< of number and string
  std::string_view name;  ///< of name: "math::abs", "true"
  std::size_t input = 0;  ///< of input: 1 for `$1`

  std::unexpected<Error> error(std::size_t at_column, std::string_view message) const;

 private:
  Result<> read_number();
  Result<> read_string(char quote);
  Result<> read_input();
  Result<> read_operator();
  void read_name();
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace wireway::dataflow
