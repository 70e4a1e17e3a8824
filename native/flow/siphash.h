// SipHash (Aumasson, Bernstein 2012): a remote sender who does not know the key cannot choose
// tuples that fall into one bucket.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace vethwall::flow {

using SipKey = std::array<uint64_t, 2>;

struct SipState {
  uint64_t v0, v1, v2, v3;

  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  }
};

// A template by the number of octets too: what is hashed for each frame has a fixed one.
template <int PerWord, int AtEnd, size_t Octets>
uint64_t siphash(const SipKey& key, std::span<const uint8_t, Octets> octets) {
  static_assert(std::endian::native == std::endian::little);
  SipState state{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                 key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
  const auto absorb = [&state](uint64_t word) {
    state.v3 ^= word;
    state.rounds(PerWord);
    state.v0 ^= word;
  };
  const size_t whole = octets.size() & ~size_t{7};
  for (size_t at = 0; at < whole; at += 8) {
    uint64_t word;
    std::memcpy(&word, octets.data() + at, sizeof word);
    absorb(word);
  }
  uint64_t last = 0;
  if (whole < octets.size()) std::memcpy(&last, octets.data() + whole, octets.size() - whole);
  absorb(last | uint64_t{octets.size()} << 56);
  state.v2 ^= 0xff;
  state.rounds(AtEnd);
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

inline uint64_t siphash24(const SipKey& key, std::span<const uint8_t> octets) {
  return siphash<2, 4>(key, octets);
}

// For tables alone, as the kernel's hsiphash(): no hash leaves the process, and it is made of each
// frame.
template <size_t Octets>
uint64_t siphash13(const SipKey& key, std::span<const uint8_t, Octets> octets) {
  return siphash<1, 3>(key, octets);
}

}  // namespace vethwall::flow
