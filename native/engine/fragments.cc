#include "engine/shard.h"

namespace vethwall::engine {

void Shard::fragment(const Arrival& arrival, uint64_t) {
  ++count(Counter::kFragmentsDropped);
  malformed(arrival);
}

}  // namespace vethwall::engine
