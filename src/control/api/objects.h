#pragma once
/// What may happen to an object, for every kind: create, replace, patch, apply, delete, with the
/// rules of metadata, generation, finalizers, namespaces and versions. Reads and writes the Store,
/// knows no HTTP.
///
/// Source: Kubernetes API conventions; wireway.io/written-version: dataflows.md 2.7.
/// Thread: the server's. Errors: an ApiError leaves the store unchanged.

#include <functional>
#include <string>
#include <vector>

#include "control/access/identity.h"
#include "control/api/catalog.h"
#include "control/store/store.h"

namespace wireway::control {

/// The version in which an object was last written as a whole, if it is not the stored one: the
/// dialect's meaning (polarity of filters) depends on it.
inline constexpr std::string_view written_version_annotation = "wireway.io/written-version";

enum class FieldValidation { ignore, warn, strict };

/// One request about objects: what it is about, who asks and how.
struct Call {
  ResourceTypeRef type;
  const ServedVersion* version = nullptr;  ///< of `type`
  std::string space;
  std::string name;
  std::string subresource;
  std::string author;
  Identity who = {};  ///< whose rights count where a write grants rights
  std::string manager;
  FieldValidation validation = FieldValidation::warn;
  std::vector<std::string> repeated = {};  ///< sentences about keys that the body has twice
  bool dry_run = false;
  bool force = false;  ///< server-side apply takes fields from others
  WallTime now;
  std::vector<std::string> warnings;  ///< out: for Warning headers
};

/// The object as it is now, in its stored version, and the code to answer with.
struct Written {
  unsigned code = 200;
  std::string body;
};

/// Conditions of a deletion.
enum class Propagation { background, foreground, orphan };
struct DeleteOptions {
  std::string uid = {};
  std::string resource_version = {};
  Propagation propagation = Propagation::background;
};

enum class PatchType { json, merge, strategic, apply };

class Objects {
 public:
  using NewUid = std::function<std::string()>;

  Objects(Store& store, Catalog& catalog, NewUid new_uid);
  /// Asked before an object that grants rights is written for somebody.
  void on_grant(std::function<ApiResult<>(const Call&, const json::value&)> check) {
    check_grant_ = std::move(check);
  }

  ApiResult<Revision> get(const Call& call);
  ApiResult<Written> create(Call& call, json::value object);
  ApiResult<Written> replace(Call& call, json::value object);
  /// Server-side apply creates what is not there; the other patches need the object.
  ApiResult<Written> patch(Call& call, PatchType type, const json::value& patch);
  /// The object if finalizers still hold it, else a Status.
  ApiResult<Written> remove(Call& call, const DeleteOptions& options);
  /// Writes the wish of a former revision anew, also after the object's deletion (history.cpp).
  /// `resource_version`, if given, must be the living object's.
  ApiResult<Written> restore(Call& call, const Revision& past, const std::string& resource_version);

 private:
  ApiResult<> identify(const Call& call, json::object& object, bool creating) const;
  ApiResult<> check_namespace(const Call& call);
  ApiResult<std::vector<std::string>> decode(
      Call& call, json::object& object,
      resource::Dialects::Given given = resource::Dialects::Given::whole) const;
  ApiResult<> report_strict(Call& call, const std::vector<std::string>& unknown,
                            const json::value* patch) const;
  ApiResult<> finish(Call& call, json::object& object);
  ApiResult<Written> create_draft(Call& call, json::object object, bool applied);
  ApiResult<Written> update_draft(Call& call, const Revision& living, json::object before,
                                  json::object object, bool applied);
  ApiResult<Written> apply(Call& call, const json::value& patch);
  json::object handed_over(const Call& call, const json::value& live) const;
  ApiResult<Written> store_draft(Call& call, json::object object, Change change,
                                 std::int64_t previous, unsigned code);
  ApiResult<Written> erase(Call& call, const Revision& living, json::object object);
  ApiResult<Written> remove_namespace(Call& call, const Revision& living, json::object object);
  ApiResult<> remove_definition(Call& call, const std::string& name);
  ApiResult<std::int64_t> remove_all(Call& call, const ResourceTypeRef& type,
                                     const std::string& space);
  ApiResult<> after_erase(Call& call);
  ApiResult<json::object> parsed(const Revision& revision) const;

  Store& store_;
  Catalog& catalog_;
  NewUid new_uid_;
  std::function<ApiResult<>(const Call&, const json::value&)> check_grant_;
};

/// Reads `body`, an object of the store; it was checked when it was written.
json::object stored_object(std::string_view body);

}  // namespace wireway::control
