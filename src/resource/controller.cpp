#include "resource/controller.h"

#include <algorithm>
#include <exception>
#include <set>

#include "base/log.h"
#include "net/backoff.h"

namespace wireway::resource {

struct Controller::State {
  State(net::Env& its_env, Resources& its_resources, std::string its_name, Reconcile its_reconcile)
      : env(its_env),
        resources(its_resources),
        name(std::move(its_name)),
        reconcile(std::move(its_reconcile)) {}

  /// One watched kind.
  class Source final : public WatchHandler {
   public:
    Source(State& state, MapToKeys map) : state_(state), map_(std::move(map)) {}

    void on_put(const json::value& object) override {
      json::value& stored = cache.objects_[key_of(object)];
      // What the object led to before may need another look now (a reference that moved).
      if (!stored.is_null()) wake(stored);
      stored = object;
      wake(object);
    }
    void on_erase(const ObjectKey& key) override {
      const auto found = cache.objects_.find(key);
      if (found == cache.objects_.end()) return;
      const json::value gone = std::move(found->second);
      cache.objects_.erase(found);
      wake(gone);
    }
    void on_synced() override {
      synced = true;
      state_.schedule();
    }

    Cache cache;
    bool synced = false;
    std::unique_ptr<Watch> watch;

   private:
    void wake(const json::value& object) {
      if (!map_) {
        state_.enqueue(key_of(object));
        return;
      }
      for (const ObjectKey& key : map_(object)) state_.enqueue(key);
    }

    State& state_;
    MapToKeys map_;
  };

  struct Retry {
    explicit Retry(net::Env& env) : backoff(env.random, retry_min, retry_max), timer(env.loop) {}
    net::Backoff backoff;
    net::Timer timer;
  };

  bool synced() const {
    return started &&
           std::ranges::all_of(sources, [](const auto& source) { return source->synced; });
  }

  void enqueue(const ObjectKey& key) {
    queue.insert(key);
    schedule();
  }

  void schedule() {
    if (!synced() || queue.empty() || turn.armed()) return;
    turn.arm(Duration{0}, [this] { work(); });
  }

  /// Works off the keys that are queued now; what they queue waits for the next turn.
  void work() {
    std::set<ObjectKey> keys;
    keys.swap(queue);
    for (const ObjectKey& key : keys) step(key);
  }

  void step(const ObjectKey& key) {
    const Step result = outcome_of(key);
    if (result.error) {
      const Duration delay = retries.try_emplace(key, env).first->second.backoff.take();
      log::warn("{} {}: {}; next try in {} ms", name, key.to_string(), result.error->message,
                std::chrono::duration_cast<std::chrono::milliseconds>(delay).count());
      later(key, delay);
      return;
    }
    retries.erase(key);
    if (result.again_after) later(key, *result.again_after);
  }

  /// What a library throws over one object must not end the others.
  Step outcome_of(const ObjectKey& key) {
    try {
      return reconcile(key);
    } catch (const std::exception& trouble) {
      return {.again_after = {}, .error = Error{Errc::internal, trouble.what()}};
    }
  }

  void later(const ObjectKey& key, Duration delay) {
    net::Timer& timer = retries.try_emplace(key, env).first->second.timer;
    timer.arm(delay, [this, key] { enqueue(key); });
  }

  net::Env env;
  Resources& resources;
  std::string name;
  Reconcile reconcile;
  bool started = false;
  std::vector<std::unique_ptr<Source>> sources;
  std::set<ObjectKey> queue;
  std::map<ObjectKey, Retry> retries;
  net::Timer turn{env.loop};
};

const json::value* Cache::find(const ObjectKey& key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : &found->second;
}

Controller::Controller(net::Env& env, Resources& resources, std::string name, Reconcile reconcile)
    : state_(std::make_unique<State>(env, resources, std::move(name), std::move(reconcile))) {}

Controller::~Controller() = default;

const Cache& Controller::watch(const Kind& kind, const std::string& space, MapToKeys map) {
  auto source = std::make_unique<State::Source>(*state_, std::move(map));
  source->watch = state_->resources.watch(kind, space, *source);
  state_->sources.push_back(std::move(source));
  return state_->sources.back()->cache;
}

void Controller::start() {
  state_->started = true;
  state_->schedule();
}

void Controller::enqueue(const ObjectKey& key) { state_->enqueue(key); }

bool Controller::synced() const { return state_->synced(); }

std::uint64_t Controller::attempts(const ObjectKey& key) const {
  const auto found = state_->retries.find(key);
  return found == state_->retries.end() ? 0 : found->second.backoff.attempts();
}

}  // namespace wireway::resource
