#pragma once
/// How deliveries stand in the buffer's file. Read by the process that wrote them, never by another
/// one: the layout is the machine's.

#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "broker/delivery.h"

namespace wireway::broker::buffer {

void encode(const Delivery& delivery, Bytes& out);
/// Errc::invalid if it is not what encode() has made.
Result<std::vector<Delivery>> decode(ByteView bytes, std::size_t count);

}  // namespace wireway::broker::buffer
