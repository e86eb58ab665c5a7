#include "app/cli/console.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include <termios.h>
#include <unistd.h>

#include <fmt/format.h>

namespace wireway::app::cli {

std::string Console::paint(Colour colour, std::string_view text) const {
  if (!colours() || colour == Colour::none || text.empty()) return std::string(text);
  constexpr std::array codes{"0", "32", "33", "31", "90", "1"};
  return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<std::size_t>(colour)], text);
}

SystemConsole::SystemConsole() : terminal_(::isatty(STDIN_FILENO) && ::isatty(STDERR_FILENO)) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  const bool refused = no_colour != nullptr && *no_colour != '\0';
  colours_ = ::isatty(STDOUT_FILENO) && !refused && !dumb;
}

void SystemConsole::out(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void SystemConsole::err(std::string_view text) {
  std::fflush(stdout);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

std::string SystemConsole::in() {
  std::string text;
  std::array<char, 16 * 1024> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), stdin))
    text.append(buffer.data(), count);
  return text;
}

std::string SystemConsole::ask(std::string_view question) {
  if (!terminal_) return "";
  err(question);
  std::string answer;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar())
    answer += static_cast<char>(c);
  return answer;
}

std::string SystemConsole::ask_secret(std::string_view question) {
  if (!terminal_) return "";
  termios shown{};
  const bool known = ::tcgetattr(STDIN_FILENO, &shown) == 0;
  if (known) {
    termios hidden = shown;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  std::string answer = ask(question);
  if (known) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    err("\n");
  }
  return answer;
}

}  // namespace wireway::app::cli
