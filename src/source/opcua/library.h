#pragma once
/// The seam to the OPC UA library: owners for its values and words for its status codes.
///
/// open62541 allocates what it decodes; an Owned<> frees it.

#include <string>
#include <string_view>

#include <open62541/types.h>
#include <open62541/types_generated.h>
#include <open62541/types_generated_handling.h>

#include "base/time.h"

namespace wireway::source::opcua {

/// A library value of the type at `Index` of UA_TYPES, initialised and cleared.
template <class T, int Index>
class Owned {
 public:
  Owned() { UA_init(&value_, &UA_TYPES[Index]); }
  /// Takes over what `value` points to.
  explicit Owned(const T& value) : value_(value) {}
  Owned(Owned&& other) noexcept : value_(other.value_) { UA_init(&other.value_, &UA_TYPES[Index]); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { UA_clear(&value_, &UA_TYPES[Index]); }
  T* operator->() { return &value_; }
  const T* operator->() const { return &value_; }
  T& operator*() { return value_; }
  const T& operator*() const { return value_; }

 private:
  T value_;
};

using ReadRequest = Owned<UA_ReadRequest, UA_TYPES_READREQUEST>;
using ReadResponse = Owned<UA_ReadResponse, UA_TYPES_READRESPONSE>;
using BrowseRequest = Owned<UA_BrowseRequest, UA_TYPES_BROWSEREQUEST>;
using BrowseResponse = Owned<UA_BrowseResponse, UA_TYPES_BROWSERESPONSE>;

inline std::string_view view_of(const UA_String& text) {
  return {reinterpret_cast<const char*>(text.data), text.length};
}

inline UA_String library_text(std::string_view text) {
  return {text.size(), reinterpret_cast<UA_Byte*>(const_cast<char*>(text.data()))};
}

inline bool is_bad(UA_StatusCode code) { return (code & 0x80000000U) != 0; }

/// "BadNodeIdUnknown"
inline std::string symbol_of(UA_StatusCode code) { return UA_StatusCode_name(code); }

/// Wall clock of the worker's thread, which has no Loop to ask.
inline WallTime library_wall_now() {
  return WallTime{Duration{(UA_DateTime_now() - UA_DATETIME_UNIX_EPOCH) * 100}};
}

inline Duration library_mono_now() { return Duration{UA_DateTime_nowMonotonic() * 100}; }

/// What a person can do about a tag that cannot be monitored: "the server has no such node: ...".
std::string_view remedy_for_tag(UA_StatusCode code);

/// One word and a sentence about a connection that failed.
struct Failure {
  std::string reason;   ///< "ConnectionRefused"
  std::string message;  ///< thing, place, remedy
  friend bool operator==(const Failure&, const Failure&) = default;
};

/// Of a connect or a session that ended with `code`. The TCP level is explained by probe.h.
Failure failure_of(UA_StatusCode code, const std::string& url);

}  // namespace wireway::source::opcua
