#include "dataflow/language/lexer.h"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace wireway::dataflow {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return begins_name(c) || is_digit(c) || c == ':'; }

struct Symbol {
  std::string_view text;
  Token token;
};

// Longer symbols first.
constexpr std::array symbols{
    Symbol{"&&", Token::and_},       Symbol{"||", Token::or_},
    Symbol{"==", Token::equal},      Symbol{"!=", Token::not_equal},
    Symbol{"<=", Token::less_equal}, Symbol{">=", Token::greater_equal},
    Symbol{"<", Token::less},        Symbol{">", Token::greater},
    Symbol{"!", Token::not_},        Symbol{"(", Token::open},
    Symbol{")", Token::close},       Symbol{",", Token::comma},
    Symbol{"+", Token::plus},        Symbol{"-", Token::minus},
    Symbol{"*", Token::star},        Symbol{"/", Token::slash},
    Symbol{"%", Token::percent},     Symbol{"^", Token::caret},
};

}  // namespace

std::unexpected<Error> Lexer::error(std::size_t at_column, std::string_view message) const {
  return fail(Errc::invalid, fmt::format("column {}: {}", at_column, message));
}

Result<> Lexer::advance() {
  while (at_ < text_.size() && std::string_view(" \t\r\n").contains(text_[at_])) ++at_;
  column = at_ + 1;
  if (at_ == text_.size()) {
    token = Token::end;
    return {};
  }
  const char c = text_[at_];
  if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return read_number();
  if (c == '"' || c == '\'') return read_string(c);
  if (c == '$' || c == '{') return read_input();
  if (begins_name(c)) {
    read_name();
    return {};
  }
  return read_operator();
}

Result<> Lexer::read_number() {
  const char* begin = text_.data() + at_;
  const char* end = text_.data() + text_.size();
  std::uint64_t integer = 0;
  const auto as_integer = std::from_chars(begin, end, integer);
  double number = 0;
  const auto as_double = std::from_chars(begin, end, number);
  if (as_double.ec != std::errc{}) return error(column, "this number is too large for a float");
  const bool whole = as_integer.ptr == as_double.ptr;
  if (whole && as_integer.ec != std::errc{})
    return error(column, "this integer has more than 64 bits; write it as a float");
  literal = whole ? Value{Integer(integer)} : Value{number};
  at_ = static_cast<std::size_t>(as_double.ptr - text_.data());
  if (continues_name(peek())) return error(at_ + 1, "a number must be followed by an operator");
  token = Token::number;
  return {};
}

Result<> Lexer::read_string(char quote) {
  std::string out;
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == quote) {
      ++at_;
      literal = Value{std::move(out)};
      token = Token::string;
      return {};
    }
    if (text_[at_] == '\\') {
      const char escaped = peek(1);
      if (escaped != '"' && escaped != '\'' && escaped != '\\')
        return error(at_ + 1, R"(after \ only ", ' or \ may follow)");
      ++at_;
    }
    out.push_back(text_[at_]);
  }
  return error(column, fmt::format("this string has no closing {}", quote));
}

/// `$1`, or `{1}` of the first preview.
Result<> Lexer::read_input() {
  const bool braces = text_[at_] == '{';
  const char* end = text_.data() + text_.size();
  const auto read = std::from_chars(text_.data() + at_ + 1, end, input);
  if (read.ec != std::errc{} || input == 0)
    return error(column, "inputs are written $1, $2 and so on, in the order of `inputs`");
  at_ = static_cast<std::size_t>(read.ptr - text_.data());
  if (braces) {
    if (peek() != '}') return error(at_ + 1, "a } is missing");
    ++at_;
  }
  if (continues_name(peek())) return error(at_ + 1, "an input must be followed by an operator");
  token = Token::input;
  return {};
}

void Lexer::read_name() {
  const std::size_t begin = at_;
  while (continues_name(peek())) ++at_;
  name = text_.substr(begin, at_ - begin);
  token = Token::name;
}

Result<> Lexer::read_operator() {
  for (const Symbol& symbol : symbols) {
    if (!text_.substr(at_).starts_with(symbol.text)) continue;
    token = symbol.token;
    at_ += symbol.text.size();
    return {};
  }
  if (text_[at_] == '=') return error(column, "a comparison is written ==");
  if (text_[at_] == '&' || text_[at_] == '|') return error(column, "write && or ||");
  const auto c = static_cast<unsigned char>(text_[at_]);
  const bool printable = c > 0x20 && c < 0x7F;
  return error(column, printable ? fmt::format("`{}` is not part of the language", text_[at_])
                                 : std::string("a character that is not part of the language"));
}

}  // namespace wireway::dataflow
