// A request and its answer over a Unix stream socket: the plugin's word with dpd.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"

namespace vethwall::os {

struct AnswerLimit {
  std::string_view end;  // nothing after it is waited for
  size_t octets;
  int timeout_ms;  // for all of it
};

// Connects and sends; who listens works on it while the caller does. A Fault where nobody listens,
// the peer breaks the connection off, or time is over (ETIMEDOUT).
Fd unix_send(const std::string& path, std::span<const uint8_t> request, int timeout_ms);
// What came up to `limit`, or until the peer closed; faults are the same.
std::vector<uint8_t> unix_answer(Fd fd, const AnswerLimit& limit);

}  // namespace vethwall::os
