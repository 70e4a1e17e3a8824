#include "policy/rule_index.h"

#include <map>
#include <tuple>

namespace vethwall::policy {
namespace {

// A rule may be in many lists. With more ports than these it is indexed by the least interval
// around them, so that the index stays linear in the block.
constexpr uint32_t kPortsIndexed = 4;

auto effect_of(const RuleRecord& rule) {
  return std::tuple(rule.is_deny, rule.certain, rule.possible);
}

// Sorts those behind `from`, and leaves the first of each that have the same key.
template <typename T, typename Key>
void keep_first_alike(std::vector<T>& all, size_t from, Key key) {
  const auto begin = all.begin() + static_cast<ptrdiff_t>(from);
  std::stable_sort(begin, all.end(), [&](const T& a, const T& b) { return key(a) < key(b); });
  const auto is_alike = [&](const T& a, const T& b) { return key(a) == key(b); };
  all.erase(std::unique(begin, all.end(), is_alike), all.end());
}

}  // namespace

RuleIndex::RuleIndex(const Block& block) : block_(block) {
  index_sets();
  std::map<uint32_t, Slice> known;
  const auto groups_of = [&](const RuleList& list) {
    if (list.count == 0) return Slice{0, 0};
    const auto found = known.find(list.first);
    if (found != known.end()) return found->second;
    return known.emplace(list.first, index_list(list)).first->second;
  };
  lists_.reserve(block.endpoints.size());
  for (const EndpointRecord& endpoint : block.endpoints)
    lists_.push_back({groups_of(endpoint.ingress), groups_of(endpoint.egress)});
}

// Those that no rule names are asked for alone.
void RuleIndex::index_sets() {
  std::vector<bool> is_asked(block_.sets.size());
  for (const RuleRecord& rule : block_.rules)
    if (rule.peers < block_.sets.size()) is_asked[rule.peers] = true;
  for (uint32_t i = 0; i < block_.sets.size(); ++i) {
    if (!is_asked[i]) continue;
    const AddressSet& set = block_.sets[i];
    for (const RangeV4& range : std::span(block_.v4).subspan(set.first_v4, set.count_v4))
      v4_.push_back({range.first, range.last, i});
    for (const RangeV6& range : std::span(block_.v6).subspan(set.first_v6, set.count_v6))
      v6_.push_back({range.first, range.last, i});
  }
  arrange(std::span(v4_));
  arrange(std::span(v6_));
}

RuleIndex::Slice RuleIndex::index_list(const RuleList& list) {
  std::vector<uint32_t> places(list.count);
  for (uint32_t i = 0; i < list.count; ++i) places[i] = list.first + i;
  const auto peers_of = [&](uint32_t place) { return rule_at(place).peers; };
  std::ranges::stable_sort(places, {}, peers_of);
  const auto first = static_cast<uint32_t>(groups_.size());
  for (size_t i = 0; i < places.size();) {
    const uint32_t peers = peers_of(places[i]);
    const auto rest = std::span<const uint32_t>(places).subspan(i);
    const auto end = std::ranges::upper_bound(rest, peers, {}, peers_of);
    const auto count = static_cast<size_t>(end - rest.begin());
    index_group(rest.first(count));
    i += count;
  }
  return {first, static_cast<uint32_t>(groups_.size()) - first};
}

// `places` ascend, so that of rules that decide alike the first stays.
void RuleIndex::index_group(std::span<const uint32_t> places) {
  const auto first_ported = static_cast<uint32_t>(ported_.size());
  const auto first_portless = static_cast<uint32_t>(portless_.size());
  for (const uint32_t place : places) {
    const RuleRecord& rule = rule_at(place);
    if (rule.ports_first == kAny)
      portless_.push_back(place);
    else
      add_ports(place, rule);
  }
  const auto effect = [&](uint32_t place) { return effect_of(rule_at(place)); };
  keep_first_alike(portless_, first_portless, effect);
  const auto ports = [&](const Ports& interval) {
    const RuleRecord& rule = rule_at(interval.item);
    const uint32_t own = rule.ports_count > kPortsIndexed ? interval.item : kAny;
    return std::tuple(interval.first, interval.last, effect_of(rule), own);
  };
  keep_first_alike(ported_, first_ported, ports);
  const auto ported_count = static_cast<uint32_t>(ported_.size()) - first_ported;
  augment(std::span(ported_).subspan(first_ported, ported_count));
  groups_.push_back({rule_at(places[0]).peers,
                     {first_ported, ported_count},
                     {first_portless, static_cast<uint32_t>(portless_.size()) - first_portless}});
}

void RuleIndex::add_ports(uint32_t place, const RuleRecord& rule) {
  Ports around = {kAny, 0, place};
  for (const PortRecord& port :
       std::span(block_.ports).subspan(rule.ports_first, rule.ports_count)) {
    const uint32_t first = port_of(port.protocol, port.range & 0xffff);
    const uint32_t last = port_of(port.protocol, port.range >> 16);
    if (rule.ports_count <= kPortsIndexed) ported_.push_back({first, last, place});
    around.first = std::min(around.first, first);
    around.last = std::max(around.last, last);
  }
  if (rule.ports_count > kPortsIndexed) ported_.push_back(around);
}

}  // namespace vethwall::policy
