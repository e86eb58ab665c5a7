#include "resource/kube_resources.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "resource/detail/kube_client.h"
#include "resource/detail/kube_events.h"
#include "resource/detail/kube_status.h"
#include "resource/detail/kube_watch.h"
#include "resource/kind_table.h"

namespace wireway::resource {
namespace {

class KubeResources final : public Resources {
 public:
  KubeResources(net::OsLoop& loop, KubeOptions options)
      : client_(loop, std::move(options)), status_(client_), events_(client_) {}

  std::unique_ptr<Watch> watch(const Kind& kind, const std::string& space,
                               WatchHandler& handler) override {
    detail::KubeWatch::Subject subject{kind, space, dialects_of(kind)};
    return std::make_unique<detail::KubeWatch>(client_, std::move(subject), handler);
  }

  void get(const Kind& kind, const ObjectKey& key, Done done) override {
    const Dialects* dialects = dialects_of(kind);
    const auto take = [dialects, version = std::string(kind.version),
                       done](Result<json::value> object) {
      if (object && dialects != nullptr) (void)dialects->to_stored(*object, version);
      done(std::move(object));
    };
    client_.send_detached({.path = detail::KubeClient::path_of(kind, key.space, key.name)}, take);
  }

  void apply(const json::value& object, const ApplyOptions& how, Done done) override {
    const auto send = [this, object, how, done](const Result<std::string>& collection) {
      if (!collection) return done(std::unexpected(collection.error()));
      client_.send_detached(
          {.method = "PATCH",
           .path = fmt::format("{}/{}?fieldManager={}&fieldValidation=Strict{}{}", *collection,
                               detail::percent_encode(key_of(object).name),
                               detail::percent_encode(how.manager), how.force ? "&force=true" : "",
                               how.dry_run ? "&dryRun=All" : ""),
           .content_type = "application/apply-patch+yaml",
           .body = json::serialize(object)},
          done);
    };
    with_collection(object, send);
  }

  void patch(const Kind& kind, const ObjectKey& key, const json::object& changes,
             Done done) override {
    client_.send_detached(
        {.method = "PATCH",
         .path = fmt::format("{}?fieldManager={}",
                             detail::KubeClient::path_of(kind, key.space, key.name),
                             detail::percent_encode(client_.component())),
         .content_type = "application/merge-patch+json",
         .body = json::serialize(changes)},
        std::move(done));
  }

  void create(const json::value& object, Done done) override {
    const auto send = [this, object, done](const Result<std::string>& collection) {
      if (!collection) return done(std::unexpected(collection.error()));
      client_.send_detached({.method = "POST",
                             .path = fmt::format("{}?fieldManager={}&fieldValidation=Strict",
                                                 *collection, client_.component()),
                             .body = json::serialize(object)},
                            done);
    };
    with_collection(object, send);
  }

  void remove(const Kind& kind, const ObjectKey& key, Done done) override {
    client_.send_detached(
        {.method = "DELETE", .path = detail::KubeClient::path_of(kind, key.space, key.name)},
        std::move(done));
  }

  void patch_status(const Kind& kind, const ObjectKey& key, json::object status) override {
    status_.patch(kind, key, std::move(status));
  }

  void emit(EventRecord record) override { events_.emit(record); }

 private:
  const Dialects* dialects_of(const Kind& kind) const {
    const KindEntry* entry = kinds_.find(std::string(kind.group), std::string(kind.kind));
    return entry == nullptr || entry->dialects.empty() ? nullptr : &entry->dialects;
  }

  using WithCollection = std::function<void(const Result<std::string>& path)>;

  /// The address of the object's collection; kinds that we do not know are asked of the server.
  void with_collection(const json::value& object, const WithCollection& then) {
    const std::string api_version = text_at(object, {"apiVersion"});
    const std::string kind = text_at(object, {"kind"});
    const std::string space = key_of(object).space;
    const auto [group, version] = split_api_version(api_version);
    // A question, not an object: it is in no table of kinds, and not in every server's discovery.
    if (group == "authentication.k8s.io" && kind == "TokenReview")
      return then(collection(api_version, {"tokenreviews", false}, space));
    if (const KindEntry* entry = kinds_.find(group, kind))
      return then(collection(api_version, {entry->plural, entry->namespaced}, space));
    client_.send_detached(
        {.path = (group.empty() ? "/api/" : "/apis/") + api_version},
        [api_version, kind, space, then](const Result<json::value>& list) {
          const json::value* resources = list ? find(*list, "resources") : nullptr;
          if (resources != nullptr && resources->is_array())
            for (const json::value& each : resources->get_array())
              if (text_at(each, {"kind"}) == kind && !text_at(each, {"name"}).contains('/'))
                return then(collection(
                    api_version, {text_at(each, {"name"}), bool_at(each, {"namespaced"}, true)},
                    space));
          const bool transient = !list && list.error().code != Errc::not_found;
          if (transient) return then(std::unexpected(list.error()));
          then(fail(Errc::invalid,
                    fmt::format("there is no kind {} in {}; check the spelling of both", kind,
                                api_version)));
        });
  }

  struct Address {
    std::string plural;
    bool namespaced = true;
  };
  static std::string collection(const std::string& api_version, const Address& address,
                                const std::string& space) {
    std::string path = (api_version.contains('/') ? "/apis/" : "/api/") + api_version;
    if (address.namespaced)
      path += "/namespaces/" +
              detail::percent_encode(space.empty() ? default_namespace : std::string_view(space));
    return path + "/" + address.plural;
  }

  KindTable kinds_;
  detail::KubeClient client_;
  detail::KubeStatus status_;
  detail::KubeEvents events_;
};

}  // namespace

std::unique_ptr<Resources> make_kube_resources(net::OsLoop& loop, KubeOptions options) {
  return std::make_unique<KubeResources>(loop, std::move(options));
}

}  // namespace wireway::resource
