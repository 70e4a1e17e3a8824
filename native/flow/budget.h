// Octets that a node's flows may keep together; queues and logs draw on it and give back.
#pragma once
#include <cstdint>

namespace vethwall::flow {

struct Budget {
  uint64_t limit_octets;
  uint64_t used_octets = 0;

  bool has(uint64_t octets) const { return used_octets + octets <= limit_octets; }
};

}  // namespace vethwall::flow
