#include "policy/l4_table.h"

#include <algorithm>
#include <utility>

#include "policy/l4_block.h"

namespace vethwall::policy {
namespace {

// Rule ids that no document states: src/core/policy/rule-id.ts.
constexpr uint32_t kRuleNone = 0;
constexpr uint32_t kRuleDefaultDeny = 1;
constexpr uint32_t kRuleNotIsolated = 2;
constexpr uint32_t kRuleNode = 3;
constexpr uint32_t kRuleSelf = 4;
constexpr uint32_t kRuleQuarantine = 6;

constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;

// Classes of apps: bit 31 is every app that no rule names, and the unknown.
constexpr uint32_t kAllApps = 0xffffffff;
constexpr uint32_t kOtherApps = 0x80000000;

struct Peer {
  uint8_t family;
  uint32_t v4;
  WordsV6 v6;
};

uint32_t big_endian_word(const wire::Address& address, size_t at) {
  return uint32_t{address.octets[at]} << 24 | uint32_t{address.octets[at + 1]} << 16 |
         uint32_t{address.octets[at + 2]} << 8 | uint32_t{address.octets[at + 3]};
}

Peer peer_of(const wire::Address& address) {
  Peer peer = {address.family, big_endian_word(address, 0), {}};
  for (size_t i = 0; i < peer.v6.size(); ++i) peer.v6[i] = big_endian_word(address, i * 4);
  return peer;
}

template <typename Range, typename Value>
bool is_in(const std::vector<Range>& ranges, uint32_t first, uint32_t count, const Value& value) {
  const auto begin = ranges.begin() + first;
  const auto end = begin + count;
  const auto above = std::upper_bound(
      begin, end, value, [](const Value& v, const Range& range) { return v < range.first; });
  return above != begin && !((above - 1)->last < value);
}

class BlockTable final : public Table {
 public:
  explicit BlockTable(Block block) : block_(std::move(block)) {}

  uint32_t generation() const override { return block_.generation; }

  Verdict evaluate(const Connection& connection) const override {
    const EndpointRecord* endpoint = find(connection.endpoint);
    if (endpoint == nullptr) return allow(kRuleNotIsolated);
    if ((endpoint->flags & kQuarantined) != 0) return deny(kRuleQuarantine);
    const bool is_opener = connection.pod_side == engine::PodSide::kOpener;
    const Peer peer = peer_of(is_opener ? connection.destination : connection.source);
    if (contains(endpoint->own_addresses, peer)) return allow(kRuleSelf);
    if (!is_opener && contains(block_.node_addresses, peer)) return allow(kRuleNode);
    const uint32_t isolates = is_opener ? kIsolatesEgress : kIsolatesIngress;
    const RuleList& list = is_opener ? endpoint->egress : endpoint->ingress;
    return judge(list, (endpoint->flags & isolates) != 0, connection, peer);
  }

 private:
  static Verdict allow(uint32_t rule) { return {engine::L4Verdict::kAllow, rule}; }
  static Verdict deny(uint32_t rule) { return {engine::L4Verdict::kDeny, rule}; }

  const EndpointRecord* find(uint16_t id) const {
    const auto at =
        std::lower_bound(block_.endpoints.begin(), block_.endpoints.end(), id,
                         [](const EndpointRecord& record, uint16_t v) { return record.id < v; });
    return at == block_.endpoints.end() || at->id != id ? nullptr : &*at;
  }

  bool contains(uint32_t index, const Peer& peer) const {
    const AddressSet& set = block_.sets[index];
    if (peer.family == 4) return is_in(block_.v4, set.first_v4, set.count_v4, peer.v4);
    return peer.family == 6 && is_in(block_.v6, set.first_v6, set.count_v6, peer.v6);
  }

  bool matches_port(const RuleRecord& rule, const Connection& connection) const {
    if (rule.ports_first == kAny) return true;
    for (uint32_t i = 0; i < rule.ports_count; ++i) {
      const PortRecord& port = block_.ports[rule.ports_first + i];
      if (port.protocol != connection.protocol) continue;
      const uint32_t number = connection.destination_port;
      if (number >= (port.range & 0xffff) && number <= port.range >> 16) return true;
    }
    return false;
  }

  // Over all apps at once, as judgeApps in src/core/policy/evaluate.ts. Nothing but TCP and UDP has
  // a parser, so elsewhere the app can only stay unknown.
  Verdict judge(const RuleList& list, bool isolated, const Connection& connection,
                const Peer& peer) const {
    const bool has_apps = connection.protocol == kTcp || connection.protocol == kUdp;
    const uint32_t universe = has_apps ? kAllApps : kOtherApps;
    uint32_t surely_denied = 0;
    uint32_t maybe_denied = 0;
    uint32_t surely_allowed = 0;
    uint32_t maybe_allowed = 0;
    uint32_t allowing = kRuleNone;
    for (uint32_t i = 0; i < list.count; ++i) {
      const RuleRecord& rule = block_.rules[block_.lists[list.first + i]];
      if (!matches_port(rule, connection)) continue;
      if (rule.peers != kAny && !contains(rule.peers, peer)) continue;
      const bool is_certain = (rule.certain & universe) == universe;
      if (rule.is_deny != 0) {
        if (is_certain) return deny(rule.id);
        surely_denied |= rule.certain;
        maybe_denied |= rule.possible;
      } else {
        if (is_certain && allowing == kRuleNone) allowing = rule.id;
        surely_allowed |= rule.certain;
        maybe_allowed |= rule.possible;
      }
    }
    const uint32_t denied = isolated ? surely_denied | ~maybe_allowed : surely_denied;
    if ((denied & universe) == universe) return deny(kRuleDefaultDeny);
    const uint32_t allowed = (isolated ? surely_allowed : kAllApps) & ~maybe_denied;
    if ((allowed & universe) != universe) return {engine::L4Verdict::kUndecided, kRuleNone};
    return allow(allowing == kRuleNone ? kRuleNotIsolated : allowing);
  }

  Block block_;
};

}  // namespace

std::unique_ptr<Table> load_table(std::span<const uint8_t> octets, std::string& error) {
  Block block;
  if (!read_block(octets, block, error)) return nullptr;
  return std::make_unique<BlockTable>(std::move(block));
}

}  // namespace vethwall::policy
