// Expression::compile(): one pass over the tokens by precedence climbing, code emitted as it goes.

#include <array>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "dataflow/language/expression.h"
#include "dataflow/language/functions.h"
#include "dataflow/language/lexer.h"

namespace wireway::dataflow {
namespace {

struct BinaryOperator {
  Token token;
  int level;  ///< higher binds tighter
  Op op;
};

constexpr int power_level = 7;

constexpr std::array binary_operators{
    BinaryOperator{Token::or_, 1, Op::or_left},
    BinaryOperator{Token::and_, 2, Op::and_left},
    BinaryOperator{Token::equal, 3, Op::equal},
    BinaryOperator{Token::not_equal, 3, Op::not_equal},
    BinaryOperator{Token::less, 4, Op::less},
    BinaryOperator{Token::less_equal, 4, Op::less_equal},
    BinaryOperator{Token::greater, 4, Op::greater},
    BinaryOperator{Token::greater_equal, 4, Op::greater_equal},
    BinaryOperator{Token::plus, 5, Op::add},
    BinaryOperator{Token::minus, 5, Op::subtract},
    BinaryOperator{Token::star, 6, Op::multiply},
    BinaryOperator{Token::slash, 6, Op::divide},
    BinaryOperator{Token::percent, 6, Op::remainder},
    BinaryOperator{Token::caret, power_level, Op::power},
};

const BinaryOperator* find_binary(Token token) {
  for (const BinaryOperator& known : binary_operators)
    if (known.token == token) return &known;
  return nullptr;
}

}  // namespace

class Compiler {
 public:
  Compiler(std::string_view text, std::size_t inputs) : lexer_(text), inputs_(inputs) {}

  Result<Expression> run() {
    if (auto read = lexer_.advance(); !read) return std::unexpected(read.error());
    if (lexer_.token == Token::end) return lexer_.error(1, "the expression is empty");
    if (auto parsed = parse_binary(1); !parsed) return std::unexpected(parsed.error());
    if (lexer_.token != Token::end) return unexpected_token();
    return std::move(out_);
  }

 private:
  std::unexpected<Error> unexpected_token() const {
    if (lexer_.token == Token::end)
      return lexer_.error(lexer_.column, "the expression ends where a value is expected");
    if (lexer_.token == Token::name &&
        (lexer_.name == "and" || lexer_.name == "or" || lexer_.name == "not"))
      return lexer_.error(lexer_.column, "write &&, || or ! instead of words");
    if (lexer_.token == Token::close)
      return lexer_.error(lexer_.column, "this ) closes nothing, or a value before it is missing");
    return lexer_.error(lexer_.column, "an operator is expected here, or a value before it");
  }

  std::size_t emit(Op op, std::size_t argument = 0, std::size_t function = 0) {
    out_.code_.push_back({op, static_cast<std::uint8_t>(function),
                          static_cast<std::uint16_t>(column_),
                          static_cast<std::uint32_t>(argument)});
    return out_.code_.size() - 1;
  }

  void land(std::size_t jump) {
    out_.code_[jump].argument = static_cast<std::uint32_t>(out_.code_.size());
  }

  void emit_constant(Value value) {
    emit(Op::constant, out_.constants_.size());
    out_.constants_.push_back(std::move(value));
  }

  /// Operators of at least `level`, left-associative.
  Result<> parse_binary(int level) {
    if (auto parsed = parse_prefix(); !parsed) return parsed;
    while (const BinaryOperator* found = find_binary(lexer_.token)) {
      if (found->level < level) break;
      const std::size_t column = lexer_.column;
      if (auto read = lexer_.advance(); !read) return read;
      column_ = column;
      const bool lazy = found->op == Op::and_left || found->op == Op::or_left;
      const std::size_t jump = lazy ? emit(found->op) : 0;
      if (auto parsed = parse_binary(found->level + 1); !parsed) return parsed;
      column_ = column;
      emit(lazy ? Op::require_bool : found->op);
      if (lazy) land(jump);
    }
    return {};
  }

  Result<> parse_prefix() {
    if (lexer_.token != Token::minus && lexer_.token != Token::not_) return parse_primary();
    const Op op = lexer_.token == Token::minus ? Op::negate : Op::logical_not;
    const std::size_t column = lexer_.column;
    if (++depth_ > expression_depth_max) return too_deep();
    if (auto read = lexer_.advance(); !read) return read;
    // `^` binds tighter than a sign: -2 ^ 2 is -(2 ^ 2).
    if (auto parsed = parse_binary(power_level); !parsed) return parsed;
    --depth_;
    column_ = column;
    emit(op);
    return {};
  }

  Result<> parse_primary() {
    column_ = lexer_.column;
    switch (lexer_.token) {
      case Token::number:
      case Token::string: emit_constant(std::move(lexer_.literal)); return lexer_.advance();
      case Token::input: return parse_input();
      case Token::open: return parse_parentheses();
      case Token::name: return parse_name();
      default: return unexpected_token();
    }
  }

  Result<> parse_input() {
    if (lexer_.input > inputs_)
      return lexer_.error(
          lexer_.column, fmt::format("${} has no input: `inputs` lists {}", lexer_.input, inputs_));
    emit(Op::input, lexer_.input - 1);
    return lexer_.advance();
  }

  /// `()`, a value in parentheses, or a tuple.
  Result<> parse_parentheses() {
    const std::size_t column = lexer_.column;
    const auto count = parse_arguments();
    if (!count) return std::unexpected(count.error());
    column_ = column;
    if (*count == 0) emit_constant({});
    if (*count > 1) emit(Op::tuple, *count);
    return {};
  }

  /// From `(` to the matching `)`: the number of values between.
  Result<std::size_t> parse_arguments() {
    const std::size_t open = lexer_.column;
    if (++depth_ > expression_depth_max) return std::unexpected(too_deep().error());
    if (auto read = lexer_.advance(); !read) return std::unexpected(read.error());
    std::size_t count = 0;
    while (lexer_.token != Token::close) {
      if (auto parsed = parse_binary(1); !parsed) return std::unexpected(parsed.error());
      ++count;
      if (lexer_.token == Token::close) break;
      if (lexer_.token == Token::end) return lexer_.error(open, "this ( has no matching )");
      if (lexer_.token != Token::comma) return unexpected_token();
      if (auto read = lexer_.advance(); !read) return std::unexpected(read.error());
      if (lexer_.token == Token::close) return unexpected_token();
    }
    --depth_;
    if (auto read = lexer_.advance(); !read) return std::unexpected(read.error());
    return count;
  }

  Result<> parse_name() {
    const std::string_view name = lexer_.name;
    const std::size_t column = lexer_.column;
    if (name == "true" || name == "false") {
      emit_constant({name == "true"});
      return lexer_.advance();
    }
    if (auto read = lexer_.advance(); !read) return read;
    if (lexer_.token != Token::open) return unknown_name(name, column);
    if (name == "if") return parse_if(column);
    const auto function = find_function(name);
    if (!function) return unknown_name(name, column);
    const auto count = parse_arguments();
    if (!count) return std::unexpected(count.error());
    column_ = column;
    return emit_call(*function, *count);
  }

  Result<> emit_call(std::size_t index, std::size_t count) {
    const Function& function = functions()[index];
    const bool enough = count >= function.arguments_min;
    const bool any = function.arguments_max == arguments_any;
    if (!enough || (!any && count > function.arguments_max))
      return lexer_.error(column_, fmt::format("{}() takes {}{} argument{}, not {}", function.name,
                                               any ? "at least " : "", function.arguments_min,
                                               function.arguments_min == 1 ? "" : "s", count));
    emit(Op::call, count, index);
    return {};
  }

  /// `if(condition, then, else)`: only the branch that is taken is evaluated.
  Result<> parse_if(std::size_t column) {
    if (++depth_ > expression_depth_max) return too_deep();
    if (auto parsed = if_part(Token::comma); !parsed) return parsed;
    column_ = column;
    const std::size_t to_else = emit(Op::jump_if_false);
    if (auto parsed = if_part(Token::comma); !parsed) return parsed;
    const std::size_t to_end = emit(Op::jump);
    land(to_else);
    if (auto parsed = if_part(Token::close); !parsed) return parsed;
    land(to_end);
    --depth_;
    return lexer_.advance();
  }

  /// Steps over `(` or `,`, parses one part and stops at `next`.
  Result<> if_part(Token next) {
    if (auto read = lexer_.advance(); !read) return read;
    if (auto parsed = parse_binary(1); !parsed) return parsed;
    if (lexer_.token == next) return {};
    return lexer_.error(lexer_.column, "if() takes a condition, a value and another value");
  }

  std::unexpected<Error> unknown_name(std::string_view name, std::size_t column) const {
    if (name == "str::regex_matches" || name == "str::regex_replace")
      return lexer_.error(column, fmt::format("{}() exists in dataflow graphs only", name));
    const std::string_view near = nearest_function(name);
    if (!near.empty())
      return lexer_.error(column, fmt::format("`{}` is not known; did you mean {}()?", name, near));
    return lexer_.error(column, fmt::format("`{}` is not a function of the language; text is "
                                            "written in quotes, fields come in by `inputs` as $1",
                                            name.substr(0, 64)));
  }

  std::unexpected<Error> too_deep() const {
    return lexer_.error(lexer_.column,
                        fmt::format("nested deeper than {} levels", expression_depth_max));
  }

  Lexer lexer_;
  std::size_t inputs_;
  std::size_t column_ = 1;
  std::size_t depth_ = 0;
  Expression out_;
};

Result<Expression> Expression::compile(std::string_view text, std::size_t inputs) {
  if (text.size() > expression_bytes_max)
    return fail(Errc::invalid, fmt::format("column {}: the expression is longer than {} bytes",
                                           expression_bytes_max + 1, expression_bytes_max));
  return Compiler(text, inputs).run();
}

}  // namespace wireway::dataflow
