#include "policy/l4_table.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "policy/l4_block.h"
#include "policy/name_pattern.h"
#include "policy/peer.h"
#include "policy/rule_index.h"

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
constexpr uint16_t kDnsPort = 53;

// Classes of apps: bit 31 is every app that no rule names, and the unknown.
constexpr uint32_t kAllApps = 0xffffffff;
constexpr uint32_t kOtherApps = 0x80000000;

// What the rules that match say together, in whatever order they are found.
struct Findings {
  uint32_t universe;
  uint32_t surely_denied = 0;
  uint32_t maybe_denied = 0;
  uint32_t surely_allowed = 0;
  uint32_t maybe_allowed = 0;
  // The first in the list of those that decide alone; its index there.
  uint32_t denying = kAny;
  uint32_t allowing = kAny;

  void add(const RuleRecord& rule, uint32_t place) {
    const bool is_certain = (rule.certain & universe) == universe;
    if (rule.is_deny != 0) {
      if (is_certain) denying = std::min(denying, place);
      surely_denied |= rule.certain;
      maybe_denied |= rule.possible;
    } else {
      if (is_certain) allowing = std::min(allowing, place);
      surely_allowed |= rule.certain;
      maybe_allowed |= rule.possible;
    }
  }
};

class BlockTable final : public Table {
 public:
  BlockTable(Block block, std::shared_ptr<const LearnedNames> names)
      : block_(std::move(block)), index_(block_), names_(std::move(names)) {}

  uint32_t generation() const override { return block_.generation; }

  Verdict evaluate(const Connection& connection) const override {
    const EndpointRecord* endpoint = find(connection.endpoint);
    if (endpoint == nullptr) return allow(kRuleNotIsolated);
    if ((endpoint->flags & kQuarantined) != 0) return deny(kRuleQuarantine);
    const bool is_opener = connection.pod_side == engine::PodSide::kOpener;
    const Peer peer = peer_of(is_opener ? connection.destination : connection.source);
    if (contains(block_, endpoint->own_addresses, peer)) return allow(kRuleSelf);
    if (!is_opener && contains(block_, block_.node_addresses, peer)) return allow(kRuleNode);
    const uint32_t isolates = is_opener ? kIsolatesEgress : kIsolatesIngress;
    const Verdict verdict = judge(*endpoint, (endpoint->flags & isolates) != 0, connection, peer);
    const bool is_open = verdict.verdict == engine::L4Verdict::kAllow;
    if (is_open && is_opener && teaches(*endpoint, connection, peer)) return kUndecidedVerdict;
    return verdict;
  }

 private:
  static constexpr Verdict kUndecidedVerdict = {engine::L4Verdict::kUndecided, kRuleNone};
  static Verdict allow(uint32_t rule) { return {engine::L4Verdict::kAllow, rule}; }
  static Verdict deny(uint32_t rule) { return {engine::L4Verdict::kDeny, rule}; }

  const EndpointRecord* find(uint16_t id) const {
    const auto at =
        std::lower_bound(block_.endpoints.begin(), block_.endpoints.end(), id,
                         [](const EndpointRecord& record, uint16_t v) { return record.id < v; });
    return at == block_.endpoints.end() || at->id != id ? nullptr : &*at;
  }

  // Answers on it tell the pod, and so its rules, what names stand for: they pass when they are
  // learned.
  bool teaches(const EndpointRecord& endpoint, const Connection& connection,
               const Peer& peer) const {
    if ((endpoint.flags & kFollowsNames) == 0 || connection.destination_port != kDnsPort)
      return false;
    if (connection.protocol != kTcp && connection.protocol != kUdp) return false;
    return contains(block_, block_.resolvers, peer);
  }

  const RuleRecord& rule_at(uint32_t place) const { return block_.rules[block_.lists[place]]; }

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

  Findings look_up(const EndpointRecord& endpoint, const Connection& connection,
                   const Peer& peer) const {
    // Nothing but TCP and UDP has a parser, so elsewhere the app can only stay unknown.
    const bool has_apps = connection.protocol == kTcp || connection.protocol == kUdp;
    Findings findings = {has_apps ? kAllApps : kOtherApps};
    const auto at = static_cast<size_t>(&endpoint - block_.endpoints.data());
    const bool is_egress = connection.pod_side == engine::PodSide::kOpener;
    const uint32_t port = RuleIndex::port_of(connection.protocol, connection.destination_port);
    std::optional<std::vector<std::string>> names;  // asked for once, if at all
    const auto stands_for = [&](uint32_t peers) {
      if (!names_ || !is_egress) return false;
      if (!names)
        names = names_->names_of(connection.endpoint, connection.destination, connection.at_ms);
      return std::ranges::any_of(
          *names, [&](const std::string& name) { return matches_name(block_.name(peers), name); });
    };
    index_.candidates(at, is_egress, peer, port, stands_for, [&](uint32_t place) {
      const RuleRecord& rule = rule_at(place);
      if (matches_port(rule, connection)) findings.add(rule, place);
    });
    return findings;
  }

  // Over all apps at once, as judgeApps in src/core/policy/evaluate.ts.
  Verdict judge(const EndpointRecord& endpoint, bool isolated, const Connection& connection,
                const Peer& peer) const {
    const Findings found = look_up(endpoint, connection, peer);
    const uint32_t universe = found.universe;
    if (found.denying != kAny) return deny(rule_at(found.denying).id);
    const uint32_t denied = found.surely_denied | (isolated ? ~found.maybe_allowed : 0);
    if ((denied & universe) == universe) return deny(kRuleDefaultDeny);
    const uint32_t allowed = (isolated ? found.surely_allowed : kAllApps) & ~found.maybe_denied;
    if ((allowed & universe) != universe) return kUndecidedVerdict;
    return allow(found.allowing == kAny ? kRuleNotIsolated : rule_at(found.allowing).id);
  }

  const Block block_;
  const RuleIndex index_;  // of block_, which it refers to
  const std::shared_ptr<const LearnedNames> names_;
};

}  // namespace

std::unique_ptr<Table> load_table(std::span<const uint8_t> octets, std::string& error,
                                  std::shared_ptr<const LearnedNames> names) {
  Block block;
  if (!read_block(octets, block, error)) return nullptr;
  return std::make_unique<BlockTable>(std::move(block), std::move(names));
}

}  // namespace vethwall::policy
