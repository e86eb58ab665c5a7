// Goal: a password is told from a wrong one and from nothing else; and a session ends with its
// time, its Secret, its user and its user's password.

#include "control/access/users.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "control/access/credentials.h"

namespace wireway::control {
namespace {

using std::chrono::hours;

std::string encoded(std::string_view text) { return base64_encode(as_bytes(text)); }

json::value user_secret(const std::string& name, const std::string& hash,
                        const std::string& groups = "", const std::string& session_hours = "") {
  json::object data{{"username", encoded(name)}, {"passwordHash", encoded(hash)}};
  if (!groups.empty()) data["groups"] = encoded(groups);
  if (!session_hours.empty()) data["sessionHours"] = encoded(session_hours);
  return json::object{{"type", user_secret_type},
                      {"metadata", {{"name", "ann"}, {"uid", "uid-of-" + name}}},
                      {"data", std::move(data)}};
}

class UsersTest : public testing::Test {
 protected:
  void put(const json::value& secret, const std::string& name = "ann") {
    users_.on_secret(name, &secret);
  }
  NewSession sign_in(const std::string& random = "random bytes") {
    NewSession session = Users::open(*users_.find("ann"), now_, random);
    const json::value secret(session.secret);
    users_.on_secret(text_at(secret, {"metadata", "name"}), &secret);
    return session;
  }

  Users users_;
  WallTime now_{std::chrono::seconds{1'800'000'000}};
};

TEST(Password, is_told_from_others) {
  const auto hash = hash_password("correct horse");
  ASSERT_TRUE(hash.has_value()) << hash.error().message;
  EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << *hash;
  EXPECT_TRUE(is_password(*hash, "correct horse"));
  EXPECT_FALSE(is_password(*hash, "correct horsf"));
  EXPECT_FALSE(is_password(*hash, ""));
  EXPECT_NE(*hash_password("correct horse"), *hash) << "each has a salt of its own";
}

TEST(Password, of_other_programs_is_taken_if_it_is_argon2id) {
  // echo -n "password" | argon2 somesalt -id -t 2 -k 65536 -p 1 -e
  EXPECT_TRUE(
      is_password("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
                  "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                  "password"));
}

TEST(Password, that_is_no_hash_or_costs_too_much_is_wrong) {
  for (const char* hash :
       {"", "correct horse", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$AAAA",
        "$argon2id$v=19$m=999999999,t=2,p=1$c29tZXNhbHQ$"
        "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=9999,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$"})
    EXPECT_FALSE(is_password(hash, "password")) << hash;
}

TEST(Password, has_a_length) {
  EXPECT_FALSE(hash_password("short").has_value());
  EXPECT_FALSE(hash_password(std::string(password_bytes_max + 1, 'x')).has_value());
}

TEST_F(UsersTest, a_user_is_read_with_groups_and_no_system_group_but_the_administrators) {
  put(user_secret("ann", "$argon2id$x", "operators, system:masters\nsystem:nodes\n shift-b \n"));
  const LocalUser* ann = users_.find("ann");
  ASSERT_NE(ann, nullptr);
  EXPECT_EQ(ann->groups, (std::vector<std::string>{"operators", "system:masters", "shift-b"}));
  EXPECT_EQ(ann->session_life, hours{12});
  EXPECT_EQ(users_.find("bob"), nullptr);
}

TEST_F(UsersTest, one_that_is_not_usable_counts_as_a_user_nobody_can_sign_in_by) {
  for (const json::value& secret :
       {user_secret("", "$argon2id$x"), user_secret("system:admin", "$argon2id$x"),
        user_secret("ann", "plain"), user_secret("ann", "$argon2id$x", "", "0"),
        user_secret("ann", "$argon2id$x", "", "many"),
        json::value(json::object{{"type", user_secret_type}})}) {
    put(secret);
    EXPECT_TRUE(users_.any());
    EXPECT_EQ(users_.find("ann"), nullptr) << json::serialize(secret);
  }
  users_.on_secret("ann", nullptr);
  EXPECT_FALSE(users_.any());
}

TEST_F(UsersTest, two_of_one_name_are_none) {
  put(user_secret("ann", "$argon2id$x"), "ann");
  put(user_secret("ann", "$argon2id$y"), "ann-2");
  EXPECT_EQ(users_.find("ann"), nullptr);
  users_.on_secret("ann-2", nullptr);
  EXPECT_NE(users_.find("ann"), nullptr);
}

TEST_F(UsersTest, a_session_is_its_users_until_it_ends) {
  put(user_secret("ann", "$argon2id$x", "operators", "2"));
  const NewSession session = sign_in();
  EXPECT_EQ(json::serialize(session.secret).find(session.token), std::string::npos)
      << "who reads the database cannot sign in by it";
  const auto who = users_.check(session.token, now_);
  ASSERT_TRUE(who.has_value()) << who.error().message;
  EXPECT_EQ(who->user, "ann");
  EXPECT_TRUE(who->in_group("operators"));
  EXPECT_EQ(who->expires, now_ + hours{2});
  EXPECT_EQ(users_.sessions_of("ann"), 1U);
  EXPECT_TRUE(users_.is_living(who->session));
  EXPECT_FALSE(users_.check(session.token, now_ + hours{2}).has_value());
  EXPECT_EQ(users_.over(now_ + hours{2}), std::vector<std::string>{who->session});
  EXPECT_FALSE(users_.check(session.token + "x", now_).has_value());
}

TEST_F(UsersTest, signing_out_ends_one_session_and_a_new_password_all) {
  put(user_secret("ann", "$argon2id$x"));
  const NewSession first = sign_in("one");
  const NewSession second = sign_in("two");
  users_.on_secret(Users::session_name(first.token), nullptr);
  EXPECT_FALSE(users_.check(first.token, now_).has_value());
  EXPECT_TRUE(users_.check(second.token, now_).has_value());
  put(user_secret("ann", "$argon2id$new"));
  EXPECT_FALSE(users_.check(second.token, now_).has_value());
  EXPECT_EQ(users_.over(now_).size(), 1U);
}

}  // namespace
}  // namespace wireway::control
