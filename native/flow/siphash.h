// SipHash-2-4 (Aumasson, Bernstein 2012): a remote sender who does not know the key cannot choose
// tuples that fall into one bucket.
#pragma once
#include <array>
#include <cstdint>
#include <span>

namespace vethwall::flow {

using SipKey = std::array<uint64_t, 2>;

uint64_t siphash24(const SipKey& key, std::span<const uint8_t> octets);

}  // namespace vethwall::flow
