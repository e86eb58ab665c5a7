#pragma once
/// All GitRepositories: one GitSource each, from its first sight until it is gone.
///
/// Thread: the Loop's.
/// Cost:   without a GitRepository one watch; the first one starts the watches of SourceObjects.

#include <map>
#include <memory>
#include <string>

#include "control/reconcile/git_source.h"
#include "resource/controller.h"

namespace wireway::control {

class GitSources {
 public:
  /// `resources` applies: its rights are what a repository may do.
  GitSources(net::Env& env, resource::Resources& resources, SourceObjects& objects,
             std::string data_folder);
  void start() { controller_.start(); }

 private:
  resource::Step reconcile(const resource::ObjectKey& key);

  net::Env& env_;
  resource::Resources& resources_;
  SourceObjects& objects_;
  std::string data_folder_;
  std::map<resource::ObjectKey, std::unique_ptr<GitSource>> sources_;
  resource::Controller controller_;
  const resource::Cache& repositories_;
};

}  // namespace wireway::control
