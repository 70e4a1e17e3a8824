// What the index finds of a list, held against a look at each rule.
#include <random>
#include <tuple>

#include "policy/rule_index.h"
#include "tap.h"

namespace {

// No name stands for anybody.
constexpr auto kNobody = [](uint32_t) { return false; };

using namespace vethwall;
using policy::Block;
using policy::kAny;
using policy::Peer;
using policy::RuleIndex;
using policy::RuleRecord;

constexpr uint32_t kProtocols[] = {6, 17, 132};

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(engine_() % limit); }
  bool chance(uint32_t percent) { return below(100) < percent; }

 private:
  std::mt19937 engine_;
};

policy::WordsV6 v6_of(uint32_t low) { return {0xfd000000, 0, 0, low}; }

// Nested blocks and scattered addresses of a small space, the same in both families.
void add_set(Block& block, Random& random) {
  policy::AddressSet set = {static_cast<uint32_t>(block.v4.size()), 0,
                            static_cast<uint32_t>(block.v6.size()), 0};
  const bool is_nested = random.chance(40);
  uint32_t at = is_nested ? 0 : random.below(16);
  for (uint32_t i = 0; i < (is_nested ? 1 : random.below(6)); ++i) {
    const uint32_t last = is_nested ? 0xffu >> random.below(8) : at + random.below(4);
    block.v4.push_back({at, last});
    block.v6.push_back({v6_of(at), v6_of(last)});
    at = last + 2 + random.below(40);
  }
  set.count_v4 = static_cast<uint32_t>(block.v4.size()) - set.first_v4;
  set.count_v6 = static_cast<uint32_t>(block.v6.size()) - set.first_v6;
  block.sets.push_back(set);
}

void add_rule(Block& block, Random& random) {
  const auto id = static_cast<uint32_t>(16 + block.rules.size());
  const auto sets = static_cast<uint32_t>(block.sets.size());
  RuleRecord rule = {id, random.below(2), random.chance(15) ? kAny : random.below(sets), kAny, 0, 0,
                     0};
  rule.possible = random.below(4);
  rule.certain = rule.possible & random.below(4);
  if (!random.chance(15)) {
    rule.ports_first = static_cast<uint32_t>(block.ports.size());
    rule.ports_count = random.below(random.chance(10) ? 9 : 4);
    for (uint32_t i = 0; i < rule.ports_count; ++i) {
      const uint32_t first = random.below(20);
      const uint32_t last = random.chance(20) ? 65535 : first + random.below(6);
      block.ports.push_back({kProtocols[random.below(3)], first | last << 16});
    }
  }
  block.rules.push_back(rule);
}

// Two endpoints with one list each way, the second's ingress being the first's.
Block random_block(Random& random, uint32_t sets, uint32_t rules) {
  Block block;
  block.sets.push_back({0, 0, 0, 0});
  for (uint32_t i = 0; i < sets; ++i) add_set(block, random);
  for (uint32_t i = 0; i < rules; ++i) add_rule(block, random);
  for (uint32_t i = 0; i < rules; ++i) block.lists.push_back(i);
  for (uint32_t i = 0; i < rules; ++i)
    if (random.chance(50)) block.lists.push_back(i);
  const auto rest = static_cast<uint32_t>(block.lists.size()) - rules;
  block.endpoints.push_back({1, 3, 0, {0, rules}, {rules, rest}});
  block.endpoints.push_back({2, 3, 0, {0, rules}, {0, 0}});
  return block;
}

bool matches_port(const Block& block, const RuleRecord& rule, uint32_t port) {
  if (rule.ports_first == kAny) return true;
  for (uint32_t i = 0; i < rule.ports_count; ++i) {
    const policy::PortRecord& record = block.ports[rule.ports_first + i];
    const uint32_t first = RuleIndex::port_of(record.protocol, record.range & 0xffff);
    if (port >= first && port <= RuleIndex::port_of(record.protocol, record.range >> 16))
      return true;
  }
  return false;
}

auto effect_of(const RuleRecord& rule) {
  return std::tuple(rule.is_deny, rule.certain, rule.possible);
}

struct Question {
  size_t endpoint;
  bool is_egress;
  Peer peer;
  uint32_t port;
};

// Each rule that matches is stood for by itself or by one before it; none is found that doesn't.
bool is_right(const Block& block, const RuleIndex& index, const Question& asked) {
  const Peer& peer = asked.peer;
  const uint32_t port = asked.port;
  std::vector<uint32_t> found;
  index.candidates(asked.endpoint, asked.is_egress, peer, port, kNobody, [&](uint32_t place) {
    if (matches_port(block, block.rules[block.lists[place]], port)) found.push_back(place);
  });
  const policy::EndpointRecord& record = block.endpoints[asked.endpoint];
  const policy::RuleList& list = asked.is_egress ? record.egress : record.ingress;
  const auto matches = [&](uint32_t place) {
    if (place < list.first || place >= list.first + list.count) return false;
    const RuleRecord& rule = block.rules[block.lists[place]];
    if (!matches_port(block, rule, port)) return false;
    return rule.peers == kAny || policy::contains(block, rule.peers, peer);
  };
  for (const uint32_t place : found)
    if (!matches(place)) return false;
  for (uint32_t place = list.first; place < list.first + list.count; ++place) {
    if (!matches(place)) continue;
    const auto effect = effect_of(block.rules[block.lists[place]]);
    const bool is_stood_for = std::ranges::any_of(found, [&](uint32_t other) {
      return other <= place && effect_of(block.rules[block.lists[other]]) == effect;
    });
    if (!is_stood_for) return false;
  }
  return true;
}

size_t count_of(const RuleIndex& index, const Peer& peer, uint32_t port) {
  size_t count = 0;
  index.candidates(0, false, peer, port, kNobody, [&](uint32_t) { ++count; });
  return count;
}

}  // namespace

TEST(the_index_finds_what_a_look_at_each_rule_finds) {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    const Block block = random_block(random, 1 + random.below(40), 1 + random.below(120));
    const RuleIndex index(block);
    for (int i = 0; i < 100; ++i) {
      const uint32_t at = random.below(256);
      const uint8_t family =
          std::array<uint8_t, 3>{4, 6, 0}[random.below(20) == 0 ? 2 : random.below(2)];
      const Peer peer = {family, family == 4 ? at : 0, family == 6 ? v6_of(at) : policy::WordsV6{}};
      const uint32_t port = RuleIndex::port_of(kProtocols[random.below(3)], random.below(30));
      CHECK(is_right(block, index, {random.below(2), random.chance(50), peer, port}));
    }
  }
}

// One set each, from the widest block to the narrowest, all around one address.
TEST(an_address_in_many_nested_blocks_is_in_each) {
  Block block;
  block.sets.push_back({0, 0, 0, 0});
  for (uint32_t i = 0; i < 33; ++i) {
    block.sets.push_back({i, 1, 0, 0});
    const uint32_t last = i == 32 ? 0 : 0xffffffffu >> i;
    block.v4.push_back({0, last});
    block.rules.push_back({16 + i, 0, i + 1, kAny, 0, 1, 1});
    block.lists.push_back(i);
  }
  block.endpoints.push_back({1, 1, 0, {0, 33}, {0, 0}});
  const RuleIndex index(block);
  CHECK_EQ(count_of(index, {4, 0, {}}, 0), 33u);
  CHECK_EQ(count_of(index, {4, 0x7fffffff, {}}, 0), 2u);
  CHECK_EQ(count_of(index, {4, 0xffffffff, {}}, 0), 1u);
}

TEST(of_rules_that_decide_alike_the_first_stands_for_all) {
  Block block;
  block.sets.push_back({0, 0, 0, 0});
  block.ports.push_back({6, 80u | 80u << 16});
  for (uint32_t i = 0; i < 1000; ++i) {
    block.rules.push_back({16 + i, 0, kAny, i % 2 == 0 ? kAny : 0, i % 2, 1, 1});
    block.lists.push_back(i);
  }
  block.endpoints.push_back({1, 1, 0, {0, 1000}, {0, 0}});
  const RuleIndex index(block);
  std::vector<uint32_t> places;
  index.candidates(0, false, {4, 1, {}}, RuleIndex::port_of(6, 80), kNobody,
                   [&](uint32_t place) { places.push_back(place); });
  CHECK(places == std::vector<uint32_t>({0, 1}));
}

// 10 000 rules of an address each, as many of a port each: a handful is looked at.
TEST(few_candidates_among_very_many_rules) {
  Block block;
  block.sets.push_back({0, 0, 0, 0});
  for (uint32_t i = 0; i < 10000; ++i) {
    block.sets.push_back({i, 1, 0, 0});
    block.v4.push_back({i, i});
    block.ports.push_back({6, i | i << 16});
    block.rules.push_back({16 + i * 2, 0, i + 1, kAny, 0, 1, 1});
    block.rules.push_back({17 + i * 2, 0, kAny, i, 1, 1, 1});
    block.lists.push_back(i * 2);
    block.lists.push_back(i * 2 + 1);
  }
  block.endpoints.push_back({1, 1, 0, {0, 20000}, {0, 0}});
  const RuleIndex index(block);
  CHECK_EQ(count_of(index, {4, 777, {}}, RuleIndex::port_of(6, 888)), 2u);
  CHECK_EQ(count_of(index, {4, 20000, {}}, RuleIndex::port_of(17, 888)), 0u);
}

TAP_MAIN()
