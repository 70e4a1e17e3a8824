// Numbers in network order, and the Internet checksum, without a line of the code under test.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "test/engine_frame.h"

namespace vethwall::differential {

using engine_test::be16;
using engine_test::be32;
using engine_test::checksum;

inline uint32_t load_be32(std::span<const uint8_t> octets, size_t at) {
  return uint32_t{octets[at]} << 24 | uint32_t{octets[at + 1]} << 16 |
         uint32_t{octets[at + 2]} << 8 | octets[at + 3];
}

}  // namespace vethwall::differential
