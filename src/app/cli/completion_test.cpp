// Goal: what is offered is what would be accepted, live from the parser and the API; silence where
// nothing is known.

#include "app/cli/completion.h"

#include "app/cli/cli_fixture.h"
#include "app/cli/commands.h"

namespace wireway::app::cli {
namespace {

class CompletionTest : public CliTest {
 protected:
  CompletionTest() {
    for (const AddCommand add : commands()) add(root_, chosen_);
  }
  std::string offered(const std::vector<std::string>& words) {
    renew();
    std::string out;
    for (const std::string& each : candidates(root_, *session_, words))
      out += (out.empty() ? "" : " ") + each;
    return out;
  }
  CLI::App root_{"test"};
  Chosen chosen_;
};

TEST_F(CompletionTest, offers_commands_and_options_of_the_parser) {
  EXPECT_EQ(offered({"s"}), "snapshot support-bundle");
  EXPECT_EQ(offered({"__"}), "");
  EXPECT_EQ(offered({"rollback", "--d"}), "--data --dry-run");
  EXPECT_EQ(offered({"nonsense", "x"}), "");
}

TEST_F(CompletionTest, offers_kinds_and_names_that_are_there) {
  post(assets, asset("oven"));
  post(assets, asset("mill"));
  EXPECT_EQ(offered({"get", "assete"}), "assetendpointprofiles");
  EXPECT_EQ(offered({"get", "asset", ""}), "mill oven");
  EXPECT_EQ(offered({"get", "-o", "yaml", "asset", "o"}), "oven");
  EXPECT_EQ(offered({"history", "asset/m"}), "asset/mill");
  EXPECT_EQ(offered({"get", "nothing/"}), "");
}

TEST_F(CompletionTest, without_an_api_commands_are_still_offered) {
  transport_.refuse_all = true;
  EXPECT_EQ(offered({"histo"}), "history");
  EXPECT_EQ(offered({"get", "asset/"}), "");
  EXPECT_EQ(told(), "");
}

TEST_F(CompletionTest, there_is_a_script_for_each_shell) {
  for (const char* shell : {"bash", "zsh", "fish"})
    EXPECT_NE(completion_script(shell).find("__complete -- "), std::string::npos) << shell;
}

}  // namespace
}  // namespace wireway::app::cli
