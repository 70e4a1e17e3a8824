// The flow table, its hash and its timers.
#include "flow/age_list.h"
#include "flow/inspection.h"
#include "flow/table.h"
#include "flow/token_bucket.h"
#include "test/tap.h"

using namespace vethwall;
using flow::Flow;
using flow::Timer;

namespace {

flow::Key key_of(uint16_t port) {
  flow::Key key = {};
  key.low_port = port;
  return key;
}

}  // namespace

TEST(siphash_matches_its_reference) {
  // SipHash-2-4-64, vectors_sip64 of the reference implementation: key 00..0f, input 00, 01, ...
  const flow::SipKey key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  uint8_t input[15];
  for (uint8_t i = 0; i < 15; ++i) input[i] = i;
  CHECK_EQ(flow::siphash24(key, {}), 0x726fdb47dd0e0e31u);
  CHECK_EQ(flow::siphash24(key, {input, 1}), 0x74f839c593dc67fdu);
  CHECK_EQ(flow::siphash24(key, {input, 8}), 0x93f5f5799a932462u);
  CHECK_EQ(flow::siphash24(key, {input, 15}), 0xa129ca6149be45e5u);
  // SipHash-1-3, as `openssl mac` with c-rounds:1, d-rounds:3, size:8 makes it.
  const std::span<const uint8_t> octets(input, 15);
  CHECK_EQ(flow::siphash13(key, octets.first(0)), 0xabac0158050fc4dcu);
  CHECK_EQ(flow::siphash13(key, octets.first(1)), 0xc9f49bf37d57ca93u);
  CHECK_EQ(flow::siphash13(key, octets.first<8>()), 0x369095118d299a8eu);
  CHECK_EQ(flow::siphash13(key, octets), 0xd320d86d2a519956u);
}

TEST(tags_and_tunnels_tell_flows_apart) {
  wire::Packet packet;
  packet.family = 4;
  packet.protocol = 17;
  packet.vlan_count = 2;
  packet.vlan_ids = {7, 100};
  const auto key = [&] { return flow::key_of(1, wire::Toward::kPod, packet).key; };
  const flow::Key first = key();
  CHECK(key() == first);
  packet.vlan_ids = {7, 101};
  CHECK(!(key() == first));
  packet.vlan_ids = {8, 100};
  CHECK(!(key() == first));
  packet.vlan_ids = {7, 100};
  packet.tunnel = 1;
  CHECK(!(key() == first));
}

TEST(flows_are_found_by_key_and_by_id) {
  flow::FlowTable table(100, {1, 2});
  for (uint16_t i = 0; i < 100; ++i) CHECK(table.insert(key_of(i)) != nullptr);
  CHECK(table.insert(key_of(100)) == nullptr);
  uint64_t before = 0;
  for (uint16_t i = 0; i < 100; ++i) {
    Flow* found = table.find(key_of(i));
    CHECK(found != nullptr && found->key.low_port == i && found->id > before);
    CHECK(table.find(found->id) == found);
    CHECK(found->id < uint64_t{1} << 53);
    before = found->id;
  }
  table.for_each([&](Flow& flow) {
    if (flow.key.low_port % 2 == 0) table.erase(flow);
  });
  CHECK_EQ(table.size(), 50u);
  for (uint16_t i = 0; i < 100; ++i) CHECK_EQ(table.find(key_of(i)) != nullptr, i % 2 == 1);
  CHECK(table.insert(key_of(200))->id == before + 1);
}

TEST(idle_flow_expires_late_at_most_never_early) {
  flow::FlowTable table(10, {1, 2});
  flow::TimerLists timers;
  Flow& one = *table.insert(key_of(1));
  const uint64_t idle = flow::kIdleNs[static_cast<size_t>(Timer::kUdpUnanswered)];
  timers.touch(one, Timer::kUdpUnanswered, 0);
  timers.touch(one, Timer::kUdpUnanswered, flow::kTimerGrainNs - 1);
  CHECK(timers.expired(Timer::kUdpUnanswered, flow::kTimerGrainNs - 1 + idle) == nullptr);
  CHECK(timers.expired(Timer::kUdpUnanswered, flow::kTimerGrainNs + idle) == &one);
  timers.touch(one, Timer::kClosing, 5);
  CHECK(timers.expired(Timer::kUdpUnanswered, ~uint64_t{0}) == nullptr);
  timers.remove(one);
  CHECK(timers.oldest(1) == nullptr);
}

TEST(flood_of_openings_evicts_openings) {
  flow::FlowTable table(10, {1, 2});
  flow::TimerLists timers;
  Flow& established = *table.insert(key_of(1));
  timers.touch(established, Timer::kEstablished, 0);
  for (uint16_t i = 2; i < 5; ++i) timers.touch(*table.insert(key_of(i)), Timer::kSyn, i);
  CHECK(timers.oldest(4) == table.find(key_of(2)));
  CHECK(timers.oldest(10) == &established);
  timers.touch(*table.insert(key_of(9)), Timer::kClosing, 100);
  CHECK(timers.oldest(5) == table.find(key_of(9)));
}

TEST(holds_are_listed_by_age) {
  flow::FlowTable table(10, {1, 2});
  flow::AgeList<&flow::Inspection::hold> holds;
  flow::Budget budget{1 << 20};
  Flow& a = *table.insert(key_of(1));
  Flow& b = *table.insert(key_of(2));
  for (Flow* flow : {&a, &b}) flow->inspection = std::make_unique<flow::Inspection>(budget, true);
  holds.add(a, 1);
  holds.add(b, 2);
  holds.add(a, 3);
  CHECK(holds.expired(10, 10) == nullptr);
  CHECK(holds.expired(11, 10) == &a);
  holds.remove(a);
  holds.remove(a);
  CHECK(holds.expired(11, 10) == nullptr);
  CHECK(holds.expired(12, 10) == &b);
  holds.remove(b);
  CHECK(holds.expired(100, 10) == nullptr);
}

TEST(tokens_fill_with_time) {
  flow::TokenBucket bucket(10, 2);
  CHECK(bucket.take(0) && bucket.take(0) && !bucket.take(0));
  CHECK(!bucket.take(99'999'999));
  CHECK(bucket.take(100'000'000) && !bucket.take(100'000'000));
  CHECK(bucket.take(50'000'000'000) && bucket.take(50'000'000'000));
  CHECK(!bucket.take(50'000'000'000));
}

TAP_MAIN()
