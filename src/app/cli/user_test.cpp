// Goal: a plant gets its people in with one command each, and loses nobody by mistake.

#include "app/cli/user.h"

#include <filesystem>
#include <fstream>

#include "app/cli/cli_fixture.h"
#include "control/access/credentials.h"

namespace wireway::app::cli {
namespace {

class UserCommands : public CliTest {
 protected:
  UserCommands() {
    control::AccessOptions options;
    options.clock = [this] { return now_; };
    options.new_uid = [] { return "id"; };
    options.keys.push_back(*control::SigningKey::generate());
    access_ = std::make_unique<control::Access>(std::move(options));
    console_.input = "correct horse\n";
  }
  ~UserCommands() override { server_.reset(); }

  /// The commands' own requests come past the guard here; this one looks at what it would do.
  void look() {
    for (const char* resource : {"secrets", "configmaps"}) {
      auto all = store_->list(resource, {});
      ASSERT_TRUE(all.has_value());
      for (const control::Revision& each : all->items) {
        const json::value object = json::parse(each.body);
        access_->on_object(resource, each.key.space, each.key.name, &object);
      }
    }
  }

  std::unique_ptr<control::Access> access_;
};

TEST_F(UserCommands, add_makes_a_user_who_can_sign_in_with_his_roles) {
  ASSERT_EQ(run(&run_user_add, UserOptions{.name = "Ann@plant",
                                           .groups = {"operators"},
                                           .roles = {"wireway:viewer"},
                                           .session_hours = 720,
                                           .password_file = "-"}),
            3)
      << "a role that is not there is an error: " << told();
  EXPECT_NE(told().find("wireway:viewer"), std::string::npos) << told();
  post("/apis/rbac.authorization.k8s.io/v1/clusterroles",
       yaml("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: "
            "'wireway:viewer'}, rules: []}"));
  ASSERT_EQ(run(&run_user_remove, UserOptions{.name = "Ann@plant", .yes = true}), 0) << told();
  ASSERT_EQ(run(&run_user_add, UserOptions{.name = "Ann@plant",
                                           .groups = {"operators"},
                                           .roles = {"wireway:viewer"},
                                           .session_hours = 720,
                                           .password_file = "-"}),
            0)
      << told();
  EXPECT_NE(told().find("first user"), std::string::npos) << told();
  look();
  const control::LocalUser* ann = access_->users().find("Ann@plant");
  ASSERT_NE(ann, nullptr);
  EXPECT_TRUE(control::is_password(ann->hash, "correct horse"));
  EXPECT_EQ(ann->groups, std::vector<std::string>{"operators"});
  EXPECT_EQ(ann->session_life, std::chrono::hours{720});
  ASSERT_EQ(run(&run_user_list, UserOptions{}), 0);
  EXPECT_NE(printed().find("Ann@plant"), std::string::npos) << printed();
  EXPECT_NE(printed().find("wireway:viewer"), std::string::npos) << printed();
  EXPECT_EQ(printed().find("argon2id"), std::string::npos);

  ASSERT_EQ(run(&run_user_remove, UserOptions{.name = "Ann@plant", .yes = true}), 0) << told();
  EXPECT_NE(told().find("last user"), std::string::npos) << told();
  const json::value left = get("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings");
  EXPECT_EQ(json::serialize(left).find("Ann@plant"), std::string::npos) << "his rights go with him";
}

TEST_F(UserCommands, refuse_what_cannot_be) {
  EXPECT_EQ(run(&run_user_add, UserOptions{.name = "system:admin", .password_file = "-"}), 2);
  EXPECT_EQ(run(&run_user_add, UserOptions{.name = "ann"}), 1) << "no terminal to ask on";
  EXPECT_NE(told().find("--password-file"), std::string::npos) << told();
  console_.input = "short";
  EXPECT_EQ(run(&run_user_add, UserOptions{.name = "ann", .password_file = "-"}), 1);
  EXPECT_NE(told().find("8 to"), std::string::npos) << told();
  console_.input = "correct horse";
  ASSERT_EQ(run(&run_user_add, UserOptions{.name = "ann", .password_file = "-"}), 0) << told();
  EXPECT_NE(told().find("do nothing yet"), std::string::npos) << told();
  EXPECT_EQ(run(&run_user_add, UserOptions{.name = "ann", .password_file = "-"}), 4);
  EXPECT_EQ(run(&run_user_remove, UserOptions{.name = "bob", .yes = true}), 3);
  EXPECT_EQ(run(&run_user_password, UserOptions{.name = "bob", .password_file = "-"}), 3);
  EXPECT_EQ(run(&run_user_remove, UserOptions{.name = "ann"}), 2) << "no terminal to ask on";
  console_.terminal = true;
  console_.answer = "n";
  EXPECT_EQ(run(&run_user_remove, UserOptions{.name = "ann"}), 1);
  look();
  EXPECT_NE(access_->users().find("ann"), nullptr);
}

TEST_F(UserCommands, password_changes_it_and_ends_the_sessions) {
  ASSERT_EQ(run(&run_user_add, UserOptions{.name = "ann", .admin = true, .password_file = "-"}), 0);
  look();
  const std::string before = access_->users().find("ann")->stamp();
  console_.terminal = true;
  console_.answer = "battery staple";  // asked twice
  ASSERT_EQ(run(&run_user_password, UserOptions{.name = "ann"}), 0) << told();
  look();
  EXPECT_TRUE(control::is_password(access_->users().find("ann")->hash, "battery staple"));
  EXPECT_TRUE(access_->users().find("ann")->groups == std::vector<std::string>{"system:masters"});
  EXPECT_NE(access_->users().find("ann")->stamp(), before);
}

}  // namespace
}  // namespace wireway::app::cli
