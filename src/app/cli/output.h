#pragma once
/// How commands show objects: a table of the server's columns, names, YAML or JSON.

#include <string>
#include <vector>

#include "app/cli/session.h"

namespace wireway::app::cli {

enum class Form { table, wide, yaml, json, name };

/// Declares -o/--output.
/// Errors: another word is a usage error of the parser.
Form form_of(const std::string& word);
inline const std::vector<std::string> form_words{"table", "wide", "yaml", "json", "name"};

/// Rows of cells under headings, each column as wide as its widest cell; two spaces between.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  /// Cells that are True, Ready, Error and the like get their colour.
  std::string to_text(const Console& console) const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

/// Without managedFields, unless they are wanted.
json::value without_managed_fields(json::value object);

/// YAML or JSON of one object or of a List of them.
std::string to_text(const json::value& value, Form form);

/// The List of several objects, as kubectl prints it.
json::value list_of(json::array items);

/// How many characters a terminal shows: UTF-8 sequences count once.
std::size_t shown_width(std::string_view text);

}  // namespace wireway::app::cli
