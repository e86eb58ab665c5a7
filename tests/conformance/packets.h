#pragma once
/// Packets to and from the words of a dialogue.

#include <map>
#include <optional>
#include <string>

#include "conformance/dialogue.h"
#include "wire/mqtt/packet.h"

namespace wireway::conformance {

using wire::mqtt::Version;

/// The bytes of the packet that `words` describe; nullopt if they describe none.
std::optional<Bytes> scripted_packet(const Words& words, Version version);

/// A received packet as words: its verb under "", the rest under their keys.
using Shown = std::map<std::string, std::string>;
Shown shown_packet(std::uint8_t first_byte, ByteView body, Version version);
std::string to_string(const Shown& shown);

/// "topic_name_invalid" from "Topic Name invalid".
std::string reason_word(wire::mqtt::ReasonCode code);

}  // namespace wireway::conformance
