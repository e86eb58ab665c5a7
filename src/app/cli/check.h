#pragma once
/// `wireway check`: looks at what is there, says what is wrong with it and how to mend it. What is
/// checked is a table (check_table.h); each check is one function over a CheckWorld.
///
/// Source: operations.md section 2.3 (names of the checks, options, the object for programs).

#include <map>

#include "app/cli/command.h"

namespace wireway::app::cli {

/// In the order of badness; skipped says nothing.
enum class Health { skipped, success, warning, error };
std::string_view to_string(Health health);

/// One thing that was looked at.
struct Evaluation {
  std::string name;  ///< of the object
  Health health = Health::success;
  std::string finding;
  std::string fix = {};  ///< what to do; empty if all is well
};

/// Everything that one check has found, by kind of target and namespace.
class Report {
 public:
  void add(const std::string& target, const std::string& space, Evaluation evaluation);
  void skip(const std::string& target, std::string why) {
    add(target, "", {"", Health::skipped, std::move(why)});
  }
  Health health() const;
  const std::map<std::string, std::map<std::string, std::vector<Evaluation>>>& targets() const {
    return targets_;
  }

 private:
  std::map<std::string, std::map<std::string, std::vector<Evaluation>>> targets_;
};

struct CheckOptions {
  std::vector<std::string> services = {};
  std::string resource_name = {};  ///< glob
  int detail_level = 0;
  bool as_object = false;
  bool pre = false;
  bool post = false;
};

/// Exit::failure if anything is an error.
int run_check(Session& session, const CheckOptions& options);
void add_check(CLI::App& root, Chosen& chosen);

/// The object of --as-object.
json::object check_object(Session& session, const CheckOptions& options, Health& worst);

}  // namespace wireway::app::cli
