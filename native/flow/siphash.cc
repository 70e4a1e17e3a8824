#include "flow/siphash.h"

#include <bit>
#include <cstring>

namespace vethwall::flow {
namespace {

struct SipState {
  uint64_t v0, v1, v2, v3;

  void round() {
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
  void absorb(uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

uint64_t little_endian_word(const uint8_t* octets, size_t count) {
  uint64_t word = 0;
  std::memcpy(&word, octets, count);
  static_assert(std::endian::native == std::endian::little);
  return word;
}

}  // namespace

uint64_t siphash24(const SipKey& key, std::span<const uint8_t> octets) {
  SipState state{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                 key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
  const size_t whole = octets.size() & ~size_t{7};
  for (size_t at = 0; at < whole; at += 8) state.absorb(little_endian_word(octets.data() + at, 8));
  const size_t rest = octets.size() - whole;
  const uint64_t last = rest == 0 ? 0 : little_endian_word(octets.data() + whole, rest);
  state.absorb(last | uint64_t{octets.size()} << 56);
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace vethwall::flow
