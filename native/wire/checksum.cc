#include "wire/checksum.h"

#include <cstddef>
#include <cstring>

namespace vethwall::wire {
namespace {

uint64_t load64(const uint8_t* octets) {
  uint64_t value;
  std::memcpy(&value, octets, sizeof value);
  return value;
}

// One's complement addition is the same in any word size that 16 divides (RFC 1071 §2 (B)).
uint64_t add_with_carry(uint64_t sum, uint64_t word) {
  uint64_t out;
  return __builtin_add_overflow(sum, word, &out) ? out + 1 : out;
}

}  // namespace

uint16_t ones_sum(std::span<const uint8_t> octets) {
  const uint8_t* at = octets.data();
  size_t left = octets.size();
  uint64_t even = 0;
  uint64_t odd = 0;
  for (; left >= 32; at += 32, left -= 32) {
    even = add_with_carry(even, load64(at));
    odd = add_with_carry(odd, load64(at + 8));
    even = add_with_carry(even, load64(at + 16));
    odd = add_with_carry(odd, load64(at + 24));
  }
  uint64_t sum = add_with_carry(even, odd);
  for (; left >= 8; at += 8, left -= 8) sum = add_with_carry(sum, load64(at));
  if (left > 0) {
    uint64_t tail = 0;
    std::memcpy(&tail, at, left);
    sum = add_with_carry(sum, tail);
  }
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  // Little-endian loads summed swapped words; RFC 1071 §2 (B) again: swap the folded sum once.
  return __builtin_bswap16(fold(static_cast<uint32_t>(sum)));
}

uint16_t pseudo_header_sum(const Address& source, const Address& destination, uint8_t protocol,
                           uint32_t l4_octets) {
  // The octets behind an IPv4 address are 0 and add nothing.
  uint32_t sum = ones_sum(source.octets);
  sum += ones_sum(destination.octets);
  sum += protocol + (l4_octets >> 16) + (l4_octets & 0xffff);
  return fold(sum);
}

}  // namespace vethwall::wire
