// The shards of the process by number: the thread that reads a shard's rings has an environment of
// its own, and an object of one environment can't be handed to another.
#pragma once
#include <cstdint>
#include <memory>

#include "shard/shard.h"

namespace vethwall::addon {

uint32_t register_shard(const std::shared_ptr<shard::Shard>& shard);
void forget_shard(uint32_t number);
// nullptr = there is none, or no more.
std::shared_ptr<shard::Shard> find_shard(uint32_t number);

}  // namespace vethwall::addon
