#pragma once
/// Where a command writes and whom it may ask. Results go to `out`, what is said about them to
/// `err`, so that output can be piped.
///
/// Colour: only on a terminal, and never with NO_COLOR; tests use a console that keeps the text.

#include <string>
#include <string_view>

namespace wireway::app::cli {

enum class Colour { none, green, yellow, red, grey, bold };

class Console {
 public:
  virtual ~Console() = default;
  virtual void out(std::string_view text) = 0;
  virtual void err(std::string_view text) = 0;
  /// Everything on standard input.
  virtual std::string in() = 0;
  /// The answer's first line; "" without a terminal.
  virtual std::string ask(std::string_view question) = 0;
  /// As ask(), without showing what is typed.
  virtual std::string ask_secret(std::string_view question) { return ask(question); }
  virtual bool is_terminal() const = 0;
  virtual bool colours() const = 0;

  std::string paint(Colour colour, std::string_view text) const;
};

/// Standard input, output and error of this process.
class SystemConsole final : public Console {
 public:
  SystemConsole();
  void out(std::string_view text) override;
  void err(std::string_view text) override;
  std::string in() override;
  std::string ask(std::string_view question) override;
  std::string ask_secret(std::string_view question) override;
  bool is_terminal() const override { return terminal_; }
  bool colours() const override { return colours_; }

 private:
  bool terminal_;
  bool colours_;
};

}  // namespace wireway::app::cli
