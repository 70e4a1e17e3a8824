#include "policy/peer.h"

#include <algorithm>

namespace vethwall::policy {
namespace {

uint32_t big_endian_word(const wire::Address& address, size_t at) {
  return uint32_t{address.octets[at]} << 24 | uint32_t{address.octets[at + 1]} << 16 |
         uint32_t{address.octets[at + 2]} << 8 | uint32_t{address.octets[at + 3]};
}

template <typename Range, typename Value>
bool is_in(const std::vector<Range>& ranges, uint32_t first, uint32_t count, const Value& value) {
  const auto begin = ranges.begin() + first;
  const auto end = begin + count;
  const auto above = std::upper_bound(
      begin, end, value, [](const Value& v, const Range& range) { return v < range.first; });
  return above != begin && !((above - 1)->last < value);
}

}  // namespace

Peer peer_of(const wire::Address& address) {
  Peer peer = {address.family, big_endian_word(address, 0), {}};
  for (size_t i = 0; i < peer.v6.size(); ++i) peer.v6[i] = big_endian_word(address, i * 4);
  return peer;
}

bool contains(const Block& block, uint32_t index, const Peer& peer) {
  const AddressSet& set = block.sets[index];
  if (peer.family == 4) return is_in(block.v4, set.first_v4, set.count_v4, peer.v4);
  return peer.family == 6 && is_in(block.v6, set.first_v6, set.count_v6, peer.v6);
}

}  // namespace vethwall::policy
