#pragma once
/// The spellings of a kind: how older names, values and versions become the one form that is
/// stored, and how a version that spells natively otherwise reads that form.
///
/// The rules stand in annotation `wireway.io/dialects` of each definition in `crds/` (see its
/// README for the language). The API server applies them at admission; elsewhere they are applied
/// where objects enter a service. Nobody else knows that there was ever another spelling.
///
/// Source: dataflows.md 0.2, broker.md 1.2, connectors.md 3.4
/// Thread: immutable after parse; any
/// Limits: rules_max rules a definition, path_steps_max steps a path
/// Cost:   paths are compiled once; a rule whose first member is absent costs one look-up

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace wireway::resource {

inline constexpr std::string_view dialects_annotation = "wireway.io/dialects";

class Dialects {
 public:
  static constexpr std::size_t rules_max = 1000;
  static constexpr std::size_t path_steps_max = 32;

  /// What to_stored() is given. In an object that a patch has changed, an alias can only come from
  /// the patch, for the living object had none: there it wins over the current name.
  enum class Given { whole, patched };

  /// No rules: every version speaks as stored.
  Dialects();
  Dialects(Dialects&&) noexcept;
  Dialects& operator=(Dialects&&) noexcept;
  ~Dialects();

  /// Of a list of rules. Errors: Errc::invalid that names the rule.
  static Result<Dialects> parse(const json::value& rules);
  /// Of a CustomResourceDefinition: its annotation, checked against its versions and with the
  /// defaults of its schema: a current name that only holds its default gives way to an older one.
  static Result<Dialects> of_definition(const json::value& definition);

  bool empty() const { return rules_ == nullptr; }
  /// Whether reading through `version` needs from_stored().
  bool speaks(std::string_view version) const;

  /// Brings an object written in `version` into the stored form, in place. Gives one sentence for
  /// each older spelling that was used and is not native to the version.
  std::vector<std::string> to_stored(json::value& object, std::string_view version,
                                     Given given = Given::whole) const;
  /// Brings a stored object into the spelling of `version`, in place.
  void from_stored(json::value& object, std::string_view version) const;
  /// Renames the aliases in a JSON merge patch for `version`, so that null removes the field that
  /// the object has. What is native to the version stays. Gives sentences as to_stored().
  std::vector<std::string> patch_to_current(json::value& patch, std::string_view version) const;

  struct Rule;

 private:
  bool native_to(const Rule& rule, std::string_view version) const;

  std::unique_ptr<const std::vector<Rule>> rules_;
  std::vector<std::string> speaking_;  ///< versions that from_stored() rewrites for
};

}  // namespace wireway::resource
