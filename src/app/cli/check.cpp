#include "app/cli/check.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "app/cli/check_table.h"
#include "app/cli/output.h"

namespace wireway::app::cli {
namespace {

struct Done {
  const Check* check;
  Report report;
};

std::vector<Done> run_all(Session& session, const CheckOptions& options) {
  CheckWorld world(session, options.resource_name);
  std::vector<Done> out;
  for (const Check& check : checks()) {
    const bool wanted_phase =
        options.pre == options.post || (check.pre ? options.pre : options.post);
    const bool wanted_service =
        options.services.empty() || check.pre ||
        std::ranges::find(options.services, check.service) != options.services.end();
    if (!wanted_phase || !wanted_service) continue;
    out.push_back({&check, {}});
    check.run(world, out.back().report);
  }
  return out;
}

json::object to_object(const Done& done) {
  json::object targets;
  for (const auto& [target, spaces] : done.report.targets()) {
    json::object by_space;
    for (const auto& [space, evaluations] : spaces) {
      json::array listed;
      Health worst = Health::skipped;
      for (const Evaluation& each : evaluations) {
        worst = std::max(worst, each.health);
        json::object value{{"finding", each.finding}};
        if (!each.fix.empty()) value["fix"] = each.fix;
        listed.push_back(json::object{{"name", each.name},
                                      {"kind", target},
                                      {"value", std::move(value)},
                                      {"status", to_string(each.health)}});
      }
      by_space[space.empty() ? "_all_" : space] = json::object{{"conditions", json::array()},
                                                               {"status", to_string(worst)},
                                                               {"evaluations", std::move(listed)}};
    }
    targets[target] = std::move(by_space);
  }
  return {{"name", done.check->name},
          {"description", done.check->description},
          {"status", to_string(done.report.health())},
          {"targets", std::move(targets)}};
}

std::string_view sign_of(Health health) {
  constexpr std::array signs{"-", "✔", "!", "✘"};
  return signs[static_cast<std::size_t>(health)];
}

Colour colour_of(Health health) {
  constexpr std::array colours{Colour::grey, Colour::green, Colour::yellow, Colour::red};
  return colours[static_cast<std::size_t>(health)];
}

/// Level 0 tells what is wrong, 1 every object too, 2 also why things were skipped.
bool is_shown(Health health, int level) {
  if (health == Health::warning || health == Health::error) return true;
  return level >= (health == Health::success ? 1 : 2);
}

std::string to_text(const Console& console, const Done& done, int level) {
  const Health health = done.report.health();
  std::string out = fmt::format("{} {}\n", console.paint(colour_of(health), sign_of(health)),
                                done.check->description);
  for (const auto& [target, spaces] : done.report.targets())
    for (const auto& [space, evaluations] : spaces)
      for (const Evaluation& each : evaluations) {
        if (!is_shown(each.health, level)) continue;
        const std::string where = (space.empty() ? "" : space + "/") + each.name;
        out += fmt::format("    {} {}{}{}\n",
                           console.paint(colour_of(each.health), sign_of(each.health)), where,
                           where.empty() ? "" : ": ", each.finding);
        if (!each.fix.empty()) out += fmt::format("      -> {}\n", each.fix);
      }
  return out;
}

Health worst_of(const std::vector<Done>& all) {
  Health worst = Health::skipped;
  for (const Done& done : all) worst = std::max(worst, done.report.health());
  return worst;
}

json::object as_object(const std::vector<Done>& all) {
  json::object out{{"title", "Evaluation of Wireway"}};
  for (const bool pre : {true, false}) {
    json::array phase;
    for (const Done& done : all)
      if (done.check->pre == pre) phase.push_back(to_object(done));
    if (!phase.empty()) out[pre ? "preDeployment" : "postDeployment"] = std::move(phase);
  }
  return out;
}

}  // namespace

std::string_view to_string(Health health) {
  constexpr std::array words{"skipped", "success", "warning", "error"};
  return words[static_cast<std::size_t>(health)];
}

void Report::add(const std::string& target, const std::string& space, Evaluation evaluation) {
  targets_[target][space].push_back(std::move(evaluation));
}

Health Report::health() const {
  Health worst = Health::skipped;
  for (const auto& [target, spaces] : targets_)
    for (const auto& [space, evaluations] : spaces)
      for (const Evaluation& each : evaluations) worst = std::max(worst, each.health);
  return worst;
}

json::object check_object(Session& session, const CheckOptions& options, Health& worst) {
  const std::vector<Done> all = run_all(session, options);
  worst = worst_of(all);
  return as_object(all);
}

int run_check(Session& session, const CheckOptions& options) {
  const std::vector<Done> all = run_all(session, options);
  const Health worst = worst_of(all);
  if (options.as_object) {
    session.console.out(to_text(json::value(as_object(all)), Form::json));
  } else {
    std::array<int, 4> count{};
    for (const Done& done : all) {
      ++count[static_cast<std::size_t>(done.report.health())];
      session.console.out(to_text(session.console, done, options.detail_level));
    }
    session.console.out(fmt::format("\n{} checks: {} success, {} warning, {} error, {} skipped\n",
                                    all.size(), count[1], count[2], count[3], count[0]));
  }
  return worst == Health::error ? to_int(Exit::failure) : to_int(Exit::ok);
}

void add_check(CLI::App& root, Chosen& chosen) {
  auto [check, options] = add_api_command<CheckOptions>(
      root, chosen, {"check", "Look for what is wrong, and say how to mend it"}, &run_check);
  check.add_option("--svc", options.services, "Only these services")
      ->check(CLI::IsMember({"broker", "dataflow", "deviceregistry", "opcua"}));
  check.add_option("--resource-name", options.resource_name, "Only objects of this name; * and ?");
  check
      .add_option("--detail-level", options.detail_level,
                  "0: what is wrong, 1: every object, 2: what was skipped too")
      ->check(CLI::Range(0, 2));
  check.add_flag("--as-object", options.as_object, "JSON, for programs");
  check.add_flag("--pre", options.pre, "Only the machine and the API");
  check.add_flag("--post", options.post, "Only the resources");
}

}  // namespace wireway::app::cli
