#include "policy/l4_block.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace vethwall::policy {
namespace {

// Records are read by memcpy of whole words.
static_assert(std::endian::native == std::endian::little);

constexpr uint32_t kMagic = 0x344c5756;
constexpr uint16_t kVersion = 2;
constexpr uint16_t kHeaderOctets = 100;
constexpr size_t kChecksummedFrom = 16;
constexpr size_t kSectionsAt = 28;
constexpr uint32_t kEndpointIdMax = 0x3fff;  // the id's bits in a UCMAC

template <typename T>
T load(std::span<const uint8_t> octets, size_t at) {
  T value;
  std::memcpy(&value, octets.data() + at, sizeof(T));
  return value;
}

uint32_t checksum(std::span<const uint8_t> octets) {
  uint32_t hash = 0x811c9dc5;
  for (size_t at = kChecksummedFrom; at < octets.size(); at += sizeof(uint32_t)) {
    hash = (hash ^ load<uint32_t>(octets, at)) * 0x01000193;
  }
  return hash;
}

const char* header_fault(std::span<const uint8_t> octets) {
  if (octets.size() < kHeaderOctets) return "shorter than its header";
  if (octets.size() % sizeof(uint32_t) != 0) return "not a whole number of words";
  if (load<uint32_t>(octets, 0) != kMagic) return "no policy block: wrong magic";
  if (load<uint16_t>(octets, 4) != kVersion) return "another version of the block";
  if (load<uint16_t>(octets, 6) != kHeaderOctets) return "wrong header length";
  if (load<uint32_t>(octets, 8) != octets.size()) return "stated length is not the block's";
  if (load<uint32_t>(octets, 12) != checksum(octets)) return "wrong checksum";
  return nullptr;
}

template <typename T>
bool read_section(std::span<const uint8_t> octets, size_t index, std::vector<T>& records) {
  const uint64_t offset = load<uint32_t>(octets, kSectionsAt + index * 8);
  const uint64_t count = load<uint32_t>(octets, kSectionsAt + index * 8 + 4);
  const uint64_t size = count * sizeof(T);
  if (offset < kHeaderOctets || offset > octets.size() || size > octets.size() - offset)
    return false;
  records.resize(count);
  if (count > 0) std::memcpy(records.data(), octets.data() + offset, size);
  return true;
}

template <typename T>
bool is_within(uint32_t first, uint32_t count, const std::vector<T>& records) {
  return first <= records.size() && count <= records.size() - first;
}

template <typename Range>
bool is_ascending(const std::vector<Range>& ranges, size_t first, size_t count) {
  for (size_t i = first; i < first + count; ++i) {
    if (ranges[i].last < ranges[i].first) return false;
    if (i > first && ranges[i].first <= ranges[i - 1].last) return false;
  }
  return true;
}

// The sets lie one behind the other, so that checking them costs one pass over the ranges.
bool are_sets_sound(const Block& block) {
  size_t v4 = 0;
  size_t v6 = 0;
  for (const AddressSet& set : block.sets) {
    const bool empty = set.count_v4 == 0 && set.count_v6 == 0;
    if (!empty && (set.first_v4 != v4 || set.first_v6 != v6)) return false;
    if (!is_within(set.first_v4, set.count_v4, block.v4)) return false;
    if (!is_within(set.first_v6, set.count_v6, block.v6)) return false;
    if (!is_ascending(block.v4, set.first_v4, set.count_v4)) return false;
    if (!is_ascending(block.v6, set.first_v6, set.count_v6)) return false;
    v4 += set.count_v4;
    v6 += set.count_v6;
  }
  return block.node_addresses < block.sets.size() && block.resolvers < block.sets.size();
}

bool are_names_sound(const Block& block) {
  for (const NameRecord& name : block.names) {
    if (name.first > block.texts.size() || name.octets > block.texts.size() - name.first)
      return false;
  }
  return true;
}

bool are_peers_sound(const Block& block, uint32_t peers) {
  if (is_named(peers)) return (peers & ~kNamed) < block.names.size();
  return peers == kAny || peers < block.sets.size();
}

bool are_rules_sound(const Block& block) {
  for (const PortRecord& port : block.ports) {
    if (port.protocol > 255 || (port.range >> 16) < (port.range & 0xffff)) return false;
  }
  for (const RuleRecord& rule : block.rules) {
    if (rule.is_deny > 1 || (rule.certain & ~rule.possible) != 0) return false;
    if (!are_peers_sound(block, rule.peers)) return false;
    if (rule.ports_first == kAny) continue;
    if (!is_within(rule.ports_first, rule.ports_count, block.ports)) return false;
  }
  for (const uint32_t rule : block.lists) {
    if (rule >= block.rules.size()) return false;
  }
  return true;
}

// Lists are the same or apart, so that what is made of each is linear in the block.
bool are_lists_apart(const Block& block) {
  std::vector<std::pair<uint32_t, uint32_t>> lists;
  for (const EndpointRecord& endpoint : block.endpoints)
    for (const RuleList& list : {endpoint.ingress, endpoint.egress})
      if (list.count > 0) lists.emplace_back(list.first, list.count);
  std::ranges::sort(lists);
  for (size_t i = 1; i < lists.size(); ++i) {
    const auto& [first, count] = lists[i - 1];
    if (lists[i] != lists[i - 1] && lists[i].first - first < count) return false;
  }
  return true;
}

bool are_endpoints_sound(const Block& block) {
  constexpr uint32_t kFlags = kIsolatesIngress | kIsolatesEgress | kQuarantined | kFollowsNames;
  uint32_t previous = 0;
  for (const EndpointRecord& endpoint : block.endpoints) {
    if (endpoint.id <= previous || endpoint.id > kEndpointIdMax) return false;
    if ((endpoint.flags & ~kFlags) != 0) return false;
    if (endpoint.own_addresses >= block.sets.size()) return false;
    if (!is_within(endpoint.ingress.first, endpoint.ingress.count, block.lists)) return false;
    if (!is_within(endpoint.egress.first, endpoint.egress.count, block.lists)) return false;
    previous = endpoint.id;
  }
  return are_lists_apart(block);
}

const char* sections_fault(std::span<const uint8_t> octets, Block& block) {
  if (!read_section(octets, 0, block.endpoints)) return "endpoints lie outside the block";
  if (!read_section(octets, 1, block.rules)) return "rules lie outside the block";
  if (!read_section(octets, 2, block.lists)) return "rule lists lie outside the block";
  if (!read_section(octets, 3, block.ports)) return "ports lie outside the block";
  if (!read_section(octets, 4, block.sets)) return "address sets lie outside the block";
  if (!read_section(octets, 5, block.v4)) return "IPv4 ranges lie outside the block";
  if (!read_section(octets, 6, block.v6)) return "IPv6 ranges lie outside the block";
  if (!read_section(octets, 7, block.names)) return "names lie outside the block";
  std::vector<uint32_t> texts;
  if (!read_section(octets, 8, texts)) return "texts lie outside the block";
  block.texts.assign(reinterpret_cast<const char*>(texts.data()), texts.size() * sizeof(uint32_t));
  if (!are_names_sound(block)) return "a name points outside";
  if (!are_sets_sound(block)) return "an address set is not sorted or points outside";
  if (!are_rules_sound(block)) return "a rule has a field out of range";
  if (!are_endpoints_sound(block)) return "an endpoint has a field out of range";
  return nullptr;
}

}  // namespace

bool read_block(std::span<const uint8_t> octets, Block& block, std::string& error) {
  const char* fault = header_fault(octets);
  if (fault == nullptr) {
    block.generation = load<uint32_t>(octets, 16);
    block.node_addresses = load<uint32_t>(octets, 20);
    block.resolvers = load<uint32_t>(octets, 24);
    fault = sections_fault(octets, block);
  }
  if (fault == nullptr) return true;
  error = std::string("policy block: ") + fault;
  return false;
}

}  // namespace vethwall::policy
