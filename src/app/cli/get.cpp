#include "app/cli/get.h"

#include <algorithm>

#include <fmt/format.h>

#include "app/cli/output.h"
#include "app/cli/targets.h"

namespace wireway::app::cli {
namespace {

constexpr const char* as_table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
constexpr std::int64_t page_items = 500;

std::string cell_text(const json::value& cell) {
  if (cell.is_null()) return "";
  return cell.is_string() ? std::string(cell.get_string()) : json::serialize(cell);
}

class Get {
 public:
  Get(Session& session, const GetOptions& options)
      : session_(session), options_(options), form_(form_of(options.output)) {}

  int run() {
    if (options_.words.size() == 1 && options_.words.front() == "kinds") return kinds();
    auto targets = read_targets(session_.kinds, options_.words);
    if (!targets) return session_.fail(targets.error());
    titled_ = std::ranges::any_of(*targets, [&](const Target& each) {
      return each.kind.qualified() != targets->front().kind.qualified();
    });
    // Names of one kind come in one table.
    for (const Target& target : *targets) {
      const std::string collection = target.kind.qualified();
      if (collection != collection_) flush();
      collection_ = collection;
      if (auto done = show(target); !done) {
        flush();
        worst_ = std::max(worst_, session_.fail(done.error()));
      }
    }
    flush();
    finish(targets->size());
    return worst_;
  }

 private:
  int kinds() {
    auto all = session_.kinds.all();
    if (!all) return session_.fail(all.error());
    TextTable table({"NAME", "SHORT NAMES", "API VERSION", "NAMESPACED", "KIND"});
    for (const KindInfo& kind : **all) {
      std::string short_names;
      for (const std::string& name : kind.short_names)
        short_names += (short_names.empty() ? "" : ",") + name;
      table.add({kind.plural, short_names, kind.api_version(), kind.namespaced ? "true" : "false",
                 kind.kind});
    }
    session_.console.out(table.to_text(session_.console));
    return to_int(Exit::ok);
  }

  bool as_tables() const { return form_ == Form::table || form_ == Form::wide; }
  std::string space_of(const Target& target) const {
    return target.kind.namespaced && !options_.all_namespaces ? session_.space : "";
  }

  Answer<> show(const Target& target) {
    if (!target.name.empty() && options_.all_namespaces)
      return std::unexpected(
          ApiFailure{400, "Usage", "an object has one namespace: leave out --all-namespaces", {}});
    std::string path = target.kind.path(space_of(target), target.name);
    if (target.name.empty()) {
      if (!options_.selector.empty()) add_query(path, "labelSelector", options_.selector);
      add_query(path, "limit", std::to_string(page_items));
    }
    if (as_tables()) add_query(path, "includeObject", "Metadata");
    std::string more;
    do {
      std::string page = path;
      if (!more.empty()) add_query(page, "continue", more);
      ApiRequest request;
      request.path = std::move(page);
      if (as_tables()) request.accept = as_table;
      auto answer = session_.api.send(request);
      if (!answer) return std::unexpected(answer.error());
      more = text_at(*answer, {"metadata", "continue"});
      take(target, *answer);
    } while (target.name.empty() && !more.empty());
    return {};
  }

  void take(const Target& target, const json::value& answer) {
    if (as_tables()) return take_table(target, answer);
    if (!target.name.empty()) return take_object(target, answer);
    const json::value* items = find(answer, "items");
    if (items == nullptr || !items->is_array()) return;
    for (const json::value& item : items->get_array()) take_object(target, item);
  }

  void take_object(const Target& target, json::value object) {
    if (form_ == Form::name) {
      session_.console.out(title_of(target.kind, text_at(object, {"metadata", "name"})) + "\n");
      ++shown_;
      return;
    }
    // Items of a list do not name their kind on every server.
    if (json::object* item = object.if_object(); item != nullptr && !item->contains("kind")) {
      json::object whole{{"apiVersion", target.kind.api_version()}, {"kind", target.kind.kind}};
      for (const auto& [key, value] : *item) whole[key] = value;
      object = std::move(whole);
    }
    objects_.push_back(options_.show_managed_fields ? std::move(object)
                                                    : without_managed_fields(std::move(object)));
  }

  void take_table(const Target& target, const json::value& answer) {
    const json::value* columns = find(answer, "columnDefinitions");
    const json::value* rows = find(answer, "rows");
    if (columns == nullptr || !columns->is_array() || rows == nullptr || !rows->is_array()) return;
    if (!table_) begin_table(columns->get_array());
    for (const json::value& row : rows->get_array()) {
      const json::value* cells = find(row, "cells");
      if (cells == nullptr || !cells->is_array()) continue;
      std::vector<std::string> shown;
      if (options_.all_namespaces)
        shown.push_back(text_at(row, {"object", "metadata", "namespace"}));
      for (const std::size_t i : columns_) {
        std::string text = i < cells->get_array().size() ? cell_text(cells->get_array()[i]) : "";
        if (titled_ && i == columns_.front()) text = title_of(target.kind, text);
        shown.push_back(std::move(text));
      }
      table_->add(std::move(shown));
    }
  }

  void begin_table(const json::array& columns) {
    std::vector<std::string> headings;
    columns_.clear();
    if (options_.all_namespaces) headings.emplace_back("NAMESPACE");
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (form_ != Form::wide && int_at(columns[i], {"priority"}, 0) > 0) continue;
      std::string heading = text_at(columns[i], {"name"});
      std::ranges::transform(heading, heading.begin(),
                             [](unsigned char c) { return std::toupper(c); });
      headings.push_back(std::move(heading));
      columns_.push_back(i);
    }
    table_.emplace(std::move(headings));
  }

  void flush() {
    if (!table_) return;
    if (!table_->empty()) {
      if (shown_++ > 0) session_.console.out("\n");
      session_.console.out(table_->to_text(session_.console));
    }
    table_.reset();
  }

  void finish(std::size_t targets) {
    if (form_ == Form::yaml || form_ == Form::json) {
      const bool one = targets == 1 && objects_.size() == 1 && options_.words.size() > 0 &&
                       (options_.words.size() > 1 || options_.words.front().contains('/'));
      if (one) return session_.console.out(to_text(objects_.front(), form_));
      if (worst_ == 0 || !objects_.empty())
        session_.console.out(to_text(list_of(std::move(objects_)), form_));
      return;
    }
    if (shown_ > 0 || worst_ != 0) return;
    session_.console.err(options_.all_namespaces
                             ? "No resources found\n"
                             : fmt::format("No resources found in namespace {}\n", session_.space));
  }

  Session& session_;
  const GetOptions& options_;
  Form form_;
  bool titled_ = false;  ///< several kinds: names carry theirs
  std::string collection_;
  std::optional<TextTable> table_;
  std::vector<std::size_t> columns_;
  json::array objects_;
  int shown_ = 0;
  int worst_ = 0;
};

}  // namespace

int run_get(Session& session, const GetOptions& options) { return Get(session, options).run(); }

void add_get(CLI::App& root, Chosen& chosen) {
  auto [get, options] =
      add_api_command<GetOptions>(root, chosen, {"get", "Show resources"}, &run_get);
  get.add_option("objects", options.words, "KIND, KIND/NAME or KIND NAME...; `kinds` lists kinds")
      ->required();
  get.add_option("-l,--selector", options.selector, "Labels: line=1,zone!=b");
  get.add_option("-o,--output", options.output, "table, wide, yaml, json or name")
      ->check(CLI::IsMember(form_words));
  get.add_flag("-A,--all-namespaces", options.all_namespaces, "Objects of all namespaces");
  get.add_flag("--show-managed-fields", options.show_managed_fields,
               "Who owns which field, with yaml and json");
}

}  // namespace wireway::app::cli
