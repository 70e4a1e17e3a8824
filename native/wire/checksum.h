// The Internet checksum (RFC 1071). Sums are of 16-bit words read in network order, not yet
// complemented, so that they can be added to numbers in host order.
#pragma once
#include <cstdint>
#include <span>

#include "wire/packet.h"

namespace vethwall::wire {

inline constexpr uint16_t kSumOfIntact =
    0xffff;  // RFC 1071 §1 (3): data together with its checksum

// Folded to 16 bits; an odd last octet counts as if a zero followed.
uint16_t ones_sum(std::span<const uint8_t> octets);
constexpr uint16_t fold(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum + (sum >> 16));
}
// RFC 9293 §3.1, RFC 8200 §8.1. `l4_octets` is what the upper layer's header and payload take.
uint16_t pseudo_header_sum(const Address& source, const Address& destination, uint8_t protocol,
                           uint32_t l4_octets);

}  // namespace vethwall::wire
