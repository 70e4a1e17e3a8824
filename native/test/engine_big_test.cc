// Flows that filters carry where the kernel has no flow map: when they are told, and what they wait
// for.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

namespace {

constexpr uint32_t kEpoch = 77;
constexpr uint32_t kBigOctets = 4u << 20;
constexpr uint32_t kSegment = 32768;

Setup filtered(EndpointPath path = EndpointPath::kInline, uint32_t epoch = kEpoch) {
  Setup setup;
  setup.epoch = epoch;
  setup.path = path;
  setup.has_flow_map = false;
  return setup;
}

// The pod's octets from `from` on, in segments with headers that bring each to `kSegment` and more.
uint32_t give(Net& net, uint16_t port, uint32_t from, uint32_t octets) {
  const std::string payload(kSegment, 'x');
  uint32_t at = from;
  for (; at < from + octets; at += kSegment) {
    net.client(port, at, payload);
    net.server(port, 0, "", at + kSegment);
  }
  return at;
}

TEST(a_flow_is_told_as_big_once_it_carried_enough) {
  both([](uint8_t family) {
    Net net(family, filtered());
    net.handshake(kAllowed);
    uint32_t at = give(net, kAllowed, 0, kBigOctets / 2);
    CHECK_EQ(net.events().count(EventKind::kBig), 0u);
    at = give(net, kAllowed, at, kBigOctets / 2);
    const Event big = net.events().last(EventKind::kBig);
    CHECK_EQ(big.header.a, kEpoch);
    CHECK_EQ(big.header.endpoint, kEndpoint);
    CHECK_EQ(big.header.flow, net.ring.flow);
    CHECK_EQ(static_cast<int>(big.header.e), static_cast<int>(engine::PodSide::kOpener));
    CHECK_EQ(big.opened.protocol, IPPROTO_TCP);
    CHECK_EQ(big.opened.source_port, kClientPort);
    CHECK_EQ(big.opened.destination_port, kAllowed);
    for (const Sent& sent : net.frames()) CHECK(!sent.is_settled);
    // Nobody carries it: it is told again, and not at once.
    at = give(net, kAllowed, at, kBigOctets / 2);
    CHECK_EQ(net.events().count(EventKind::kBig), 0u);
    give(net, kAllowed, at, kBigOctets / 2);
    CHECK_EQ(net.events().count(EventKind::kBig), 1u);
  });
}

TEST(what_no_filter_may_carry_is_not_told) {
  both([](uint8_t family) {
    Net no_epoch(family, filtered(EndpointPath::kInline, 0));
    Net tapped(family, filtered(EndpointPath::kTap));
    Net judged(family, filtered());
    Net tagged(family, filtered());
    tagged.vlan = 5;
    for (Net* net : {&no_epoch, &tapped, &tagged}) {
      net->handshake(kAllowed);
      give(*net, kAllowed, 0, 2 * kBigOctets);
      CHECK_EQ(net->events().count(EventKind::kBig), 0u);
    }
    CHECK_EQ(tapped.frames().size(), 0u);
    judged.handshake(kHttp);
    judged.client(kHttp, 0, "GET / HTTP/1.1");
    CHECK_EQ(judged.events().count(EventKind::kBig), 0u);
    Net datagrams(family, filtered());
    for (uint32_t octets = 0; octets < 2 * kBigOctets; octets += kSegment)
      datagrams.udp(true, kAllowed, std::string(kSegment, 'x'));
    CHECK_EQ(datagrams.events().count(EventKind::kBig), 0u);
  });
}

TEST(its_end_tells_what_was_missed) {
  both([](uint8_t family) {
    Net net(family, filtered());
    net.handshake(kAllowed);
    give(net, kAllowed, 0, kBigOctets);
    constexpr uint32_t kMissed = 3u << 30;
    net.client(kAllowed, kBigOctets + kMissed, "", 0, kFin | kAck);
    CHECK_EQ(net.events().count(EventKind::kClosed), 0u);
    net.server(kAllowed, 0, "", kBigOctets + kMissed + 1, kFin | kAck);
    const Event closed = net.events().last(EventKind::kClosed);
    CHECK_EQ(static_cast<int>(closed.header.c), static_cast<int>(engine::Closed::kFin));
    CHECK(closed.closed.octets[0] >= uint64_t{kBigOctets} + kMissed);
    CHECK(closed.closed.octets[0] < uint64_t{kBigOctets} + kMissed + kBigOctets / 8);
  });
}

TEST(a_connection_on_its_ports_waits_until_no_filter_carries_it) {
  both([](uint8_t family) {
    Net net(family, filtered());
    net.handshake(kAllowed);
    const uint32_t at = give(net, kAllowed, 0, kBigOctets);
    net.client(kAllowed, at, "", 0, kFin | kAck);
    net.server(kAllowed, 0, "", at + 1, kFin | kAck);
    net.forget();
    const auto again = [&net] { net.tcp(true, kAllowed, kSyn, kClientIsn + (1u << 30), 0); };
    for (int i = 0; i < 2; i++) again();
    CHECK_EQ(net.frames().size(), 0u);
    Events events = net.events();
    CHECK_EQ(events.count(EventKind::kRecall), 2u);
    CHECK_EQ(events.count(EventKind::kOpened), 0u);
    // Of an older policy: that changes nothing of it.
    net.table->generation_ += 1;
    engine::CommandHeader recalled = net.make(CommandKind::kRecalled);
    recalled.generation = 0;
    net.send(recalled);
    again();
    CHECK_EQ(net.frames().size(), 1u);
    events = net.events();
    CHECK_EQ(events.count(EventKind::kRecall), 0u);
    CHECK_EQ(events.count(EventKind::kOpened), 1u);
  });
}

TEST(a_full_ring_loses_nothing) {
  Net net(4, filtered());
  net.handshake(kAllowed);
  net.ring.room = 0;
  uint32_t at = give(net, kAllowed, 0, kBigOctets);
  net.ring.room = -1;
  CHECK_EQ(net.counter(Counter::kEventsLost), 0u);
  at = give(net, kAllowed, at, kBigOctets);
  CHECK_EQ(net.events().count(EventKind::kBig), 1u);
}

}  // namespace

TAP_MAIN()
