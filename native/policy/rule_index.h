// Which rules of an endpoint may match a connection, without a look at the others: from the peer's
// address to the sets that hold it, from a set to the rules of the list whose peers it is, from the
// port to those among them. Linear in the block.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "policy/interval_tree.h"
#include "policy/l4_block.h"
#include "policy/peer.h"

namespace vethwall::policy {

class RuleIndex {
 public:
  // The block must outlive it.
  explicit RuleIndex(const Block& block);

  // `visit` gets indices of block.lists, in no order, a few of them twice. Each stands for those
  // behind it that decide alike. Their peers match; their ports may not where a rule has many.
  // `stands_for` is asked whether the peer is one of those of a name.
  template <typename StandsFor, typename Visit>
  void candidates(size_t endpoint, bool is_egress, const Peer& peer, uint32_t port,
                  StandsFor stands_for, Visit visit) const {
    std::span<const Group> groups = of(groups_, lists_[endpoint][is_egress ? 1 : 0]);
    if (!groups.empty() && groups.back().peers == kAny) {
      visit_group(groups.back(), port, visit);
      groups = groups.first(groups.size() - 1);
    }
    while (!groups.empty() && is_named(groups.back().peers)) {
      if (stands_for(groups.back().peers)) visit_group(groups.back(), port, visit);
      groups = groups.first(groups.size() - 1);
    }
    if (groups.size() > kFewGroups && visit_stabbed(groups, peer, port, visit)) return;
    for (const Group& group : groups)
      if (contains(block_, group.peers, peer)) visit_group(group, port, visit);
  }

  static uint32_t port_of(uint32_t protocol, uint32_t number) { return protocol << 16 | number; }

 private:
  using Ports = Interval<uint32_t>;
  struct Slice {
    uint32_t first;
    uint32_t count;
  };
  // Rules of one list with the same peers.
  struct Group {
    uint32_t peers;
    Slice ported;
    Slice portless;
  };
  // Of so few sets, asking each whether it holds the address is as fast.
  static constexpr size_t kFewGroups = 4;

  template <typename T>
  static std::span<const T> of(const std::vector<T>& all, Slice slice) {
    return std::span(all).subspan(slice.first, slice.count);
  }

  template <typename Visit>
  void visit_group(const Group& group, uint32_t port, Visit& visit) const {
    for (const uint32_t place : of(portless_, group.portless)) visit(place);
    auto visit_place = [&](uint32_t place) {
      visit(place);
      return true;
    };
    stab(of(ported_, group.ported), port, visit_place);
  }

  // False where the address is in more sets, of other lists most of them, than there are groups.
  template <typename Visit>
  bool visit_stabbed(std::span<const Group> groups, const Peer& peer, uint32_t port,
                     Visit& visit) const {
    size_t left = groups.size();
    auto visit_set = [&](uint32_t set) {
      const auto group = std::ranges::lower_bound(groups, set, {}, &Group::peers);
      if (group != groups.end() && group->peers == set) visit_group(*group, port, visit);
      return left-- > 0;
    };
    if (peer.family == 4) return stab(std::span<const Interval<uint32_t>>(v4_), peer.v4, visit_set);
    return peer.family != 6 || stab(std::span<const Interval<WordsV6>>(v6_), peer.v6, visit_set);
  }

  void index_sets();
  Slice index_list(const RuleList& list);
  void index_group(std::span<const uint32_t> places);
  void add_ports(uint32_t place, const RuleRecord& rule);
  const RuleRecord& rule_at(uint32_t place) const { return block_.rules[block_.lists[place]]; }

  const Block& block_;
  std::vector<Interval<uint32_t>> v4_;  // item: the set
  std::vector<Interval<WordsV6>> v6_;
  std::vector<std::array<Slice, 2>> lists_;  // of each endpoint, podIngress and podEgress: groups
  std::vector<Group> groups_;                // of a list: ascending by peers, names and kAny last
  std::vector<Ports> ported_;                // item: index of block.lists
  std::vector<uint32_t> portless_;
};

}  // namespace vethwall::policy
