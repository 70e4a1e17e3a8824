// wire/spread.h as a socket's filter (SO_ATTACH_FILTER): it takes the frames of one shard.
#pragma once
#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "wire/spread.h"

namespace vethwall::os {

std::vector<sock_filter> spread_filter(const wire::Spread& spread, uint32_t shard);

}  // namespace vethwall::os
