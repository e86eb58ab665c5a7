#pragma once
/// The table of checks and what they look at.

#include "app/cli/check.h"

namespace wireway::app::cli {

/// Objects as checks need them: each kind is read once.
class CheckWorld {
 public:
  CheckWorld(Session& session, std::string name_glob)
      : session_(session), glob_(std::move(name_glob)) {}

  Session& session() { return session_; }
  /// nullptr if the kind is not served or cannot be read.
  const std::vector<json::value>* all(const std::string& qualified);
  /// Those whose name fits --resource-name.
  std::vector<const json::value*> chosen(const std::string& qualified);
  /// True if it is there. For kinds that cannot be read (Secrets, without the right) too.
  bool has(const std::string& qualified, const std::string& space, const std::string& name);

 private:
  Session& session_;
  std::string glob_;
  std::map<std::string, std::optional<std::vector<json::value>>> read_;
};

struct Check {
  const char* name;
  const char* description;
  const char* service;  ///< of --svc; "" belongs to none
  bool pre;
  void (*run)(CheckWorld& world, Report& report);
};

const std::vector<Check>& checks();

/// `*` any text, `?` any character.
bool fits(std::string_view glob, std::string_view text);

// check_host.cpp
void check_server(CheckWorld& world, Report& report);
void check_kinds(CheckWorld& world, Report& report);
void check_certificates(CheckWorld& world, Report& report);
void check_clock(CheckWorld& world, Report& report);
void check_data_folder(CheckWorld& world, Report& report);
void check_services(CheckWorld& world, Report& report);
void check_unserved(CheckWorld& world, Report& report);
// check_broker.cpp
void check_brokers(CheckWorld& world, Report& report);
void check_listeners(CheckWorld& world, Report& report);
void check_authentications(CheckWorld& world, Report& report);
void check_authorizations(CheckWorld& world, Report& report);
// check_dataflow.cpp
void check_dataflows(CheckWorld& world, Report& report);
void check_endpoints(CheckWorld& world, Report& report);
void check_profiles(CheckWorld& world, Report& report);
// check_registry.cpp
void check_assets(CheckWorld& world, Report& report);
void check_endpoint_profiles(CheckWorld& world, Report& report);
void check_namespaced_assets(CheckWorld& world, Report& report);

/// Collects what is wrong with one object, then adds one evaluation a finding, or one that all is
/// well; with what the services say in its status.
class ObjectCheck {
 public:
  ObjectCheck(CheckWorld& world, Report& report, std::string qualified, const json::value& object);
  /// Adds the condition Ready and, if nothing was wrong, the success.
  ~ObjectCheck();
  ObjectCheck(const ObjectCheck&) = delete;
  ObjectCheck& operator=(const ObjectCheck&) = delete;

  void error(std::string finding, std::string fix) {
    add(Health::error, std::move(finding), std::move(fix));
  }
  void warning(std::string finding, std::string fix) {
    add(Health::warning, std::move(finding), std::move(fix));
  }
  /// An object that a field names must be there; nothing if the field is empty.
  void refers(const std::string& field, const std::string& qualified, const std::string& name);
  /// It is switched off: its state says nothing.
  void skip(std::string why);

  const std::string& space() const { return space_; }
  const std::string& name() const { return name_; }

 private:
  void add(Health health, std::string finding, std::string fix);
  void judge_status();

  CheckWorld& world_;
  Report& report_;
  std::string qualified_;
  const json::value& object_;
  std::string space_;
  std::string name_;
  bool clean_ = true;
  bool skipped_ = false;
};

/// Items of a list in an object; none if it is absent.
const json::array& list_at(const json::value& object, std::initializer_list<std::string_view> path);

}  // namespace wireway::app::cli
