// The block that src/core/policy/l4-table.ts writes, version 2: a header of kHeaderOctets, then
// nine sections of fixed records in any place behind it. All integers little-endian, all words 32
// bits.
//
//   header     magic, version u16 | header octets u16, total octets, checksum (FNV-1a over all
//   words
//              behind it), generation, set of the node's addresses, set of the resolvers',
//              9 x (offset in octets, records)
//   endpoints  id, flags, set of own addresses, podIngress list first, count, podEgress first,
//   count rules      rule id, action (1 = deny), peers (a set, kAny, or kNamed | a name), ports
//   first,
//              count, certain, possible
//   lists      index of a rule
//   ports      protocol, first port | last port << 16
//   sets       IPv4 ranges first, count, IPv6 ranges first, count; set 0 is empty
//   v4         first address, last address
//   v6         four words of the first address, most significant first, four of the last
//   names      first octet in the texts, octets: `*` is any run of characters
//   texts      octets, to a whole word
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vethwall::policy {

inline constexpr uint32_t kAny = 0xffffffff;

inline constexpr uint32_t kIsolatesIngress = 1;
inline constexpr uint32_t kIsolatesEgress = 2;
inline constexpr uint32_t kQuarantined = 4;
// Some podEgress rule names peers by name.
inline constexpr uint32_t kFollowsNames = 8;

// Of a rule's peers: addresses that a name stands for.
inline constexpr uint32_t kNamed = 0x80000000;
inline bool is_named(uint32_t peers) { return peers != kAny && (peers & kNamed) != 0; }

struct RuleList {
  uint32_t first;
  uint32_t count;
};

struct EndpointRecord {
  uint32_t id;
  uint32_t flags;
  uint32_t own_addresses;
  RuleList ingress;
  RuleList egress;
};

struct RuleRecord {
  uint32_t id;
  uint32_t is_deny;
  uint32_t peers;        // a set, kAny = any address, or kNamed | index of a name
  uint32_t ports_first;  // kAny = any, also protocols without ports
  uint32_t ports_count;
  // Classes of apps, one bit each (src/core/policy/app-classes.ts): those of which every flow
  // matches, and those of which some flow may.
  uint32_t certain;
  uint32_t possible;
};

struct PortRecord {
  uint32_t protocol;
  uint32_t range;
};

struct AddressSet {
  uint32_t first_v4;
  uint32_t count_v4;
  uint32_t first_v6;
  uint32_t count_v6;
};

// Both ends belong to the range.
struct RangeV4 {
  uint32_t first;
  uint32_t last;
};
using WordsV6 = std::array<uint32_t, 4>;
struct RangeV6 {
  WordsV6 first;
  WordsV6 last;
};

struct NameRecord {
  uint32_t first;
  uint32_t octets;
};

// After read_block every index points into its vector, endpoints ascend by id, rule lists are the
// same or apart, and the ranges of each set ascend and are disjoint: evaluation tests nothing
// again.
struct Block {
  uint32_t generation = 0;
  uint32_t node_addresses = 0;
  uint32_t resolvers = 0;
  std::vector<EndpointRecord> endpoints;
  std::vector<RuleRecord> rules;
  std::vector<uint32_t> lists;
  std::vector<PortRecord> ports;
  std::vector<AddressSet> sets;
  std::vector<RangeV4> v4;
  std::vector<RangeV6> v6;
  std::vector<NameRecord> names;
  std::string texts;

  std::string_view name(uint32_t peers) const {
    const NameRecord& record = names[peers & ~kNamed];
    return std::string_view(texts).substr(record.first, record.octets);
  }
};

// False with the reason in `error`.
bool read_block(std::span<const uint8_t> octets, Block& block, std::string& error);

}  // namespace vethwall::policy
