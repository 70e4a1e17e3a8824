// The life of a flow that L3/L4 policy alone decides: what opens it, what is part of it, what ends
// it.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

TEST(allowed_connection_passes_untouched_and_is_counted) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kAllowed);
    net.client(kAllowed, 0, "hello");
    net.server(kAllowed, 0, "world", 5);
    CHECK_EQ(net.sink.all.size(), 5u);
    CHECK_EQ(net.sent_payload(false), "hello");
    CHECK_EQ(net.sent_payload(true), "world");
    Events events = net.events();
    CHECK_EQ(events.size(), 1u);
    const Event opened = events.last(EventKind::kOpened);
    CHECK_EQ(opened.header.c, static_cast<uint8_t>(L4Verdict::kAllow));
    CHECK_EQ(opened.header.b, kRule);
    CHECK_EQ(opened.header.a, 1u);
    CHECK_EQ(opened.header.d, static_cast<uint8_t>(engine::Start::kSyn));
    CHECK_EQ(opened.header.e, static_cast<uint8_t>(engine::PodSide::kOpener));
    CHECK_EQ(opened.opened.family, family);
    CHECK_EQ(opened.opened.protocol, IPPROTO_TCP);
    CHECK_EQ(opened.opened.source_port, kClientPort);
    CHECK_EQ(opened.opened.destination_port, kAllowed);
    CHECK(opened.header.flow < (uint64_t{1} << 53));
    net.client(kAllowed, 5, {}, 5, kAck | kFin);
    net.server(kAllowed, 5, {}, 6, kAck | kFin);
    CHECK_EQ(net.ring.all.size(), 0u);
    net.client(kAllowed, 6, {}, 6);
    const Event closed = net.events().last(EventKind::kClosed);
    CHECK_EQ(closed.header.c, static_cast<uint8_t>(engine::Closed::kFin));
    CHECK_EQ(closed.header.rule, kRule);
    CHECK_EQ(closed.closed.packets[0], 5u);
    CHECK_EQ(closed.closed.packets[1], 3u);
    CHECK(closed.closed.octets[0] > 5 * 54);
    CHECK_EQ(net.engine->flows(), 1u);
    net.pass(31 * kSecond);
    CHECK_EQ(net.engine->flows(), 0u);
    CHECK_EQ(net.events().size(), 0u);
  });
}

TEST(udp_waits_longer_once_answered) {
  both([](uint8_t family) {
    Net net(family);
    net.udp(true, 9000, "a");
    net.pass(29 * kSecond);
    CHECK_EQ(net.engine->flows(), 1u);
    net.pass(2 * kSecond);
    CHECK_EQ(net.engine->flows(), 0u);
    CHECK_EQ(net.events().last(EventKind::kClosed).header.c,
             static_cast<uint8_t>(engine::Closed::kIdle));
    net.udp(true, 9000, "a");
    net.udp(false, 9000, "b");
    net.pass(179 * kSecond);
    CHECK_EQ(net.engine->flows(), 1u);
    net.pass(2 * kSecond);
    CHECK_EQ(net.engine->flows(), 0u);
    CHECK_EQ(net.frames().size(), 3u);
  });
}

TEST(stray_reset_opens_nothing) {
  both([](uint8_t family) {
    Net net(family);
    net.client(kAllowed, 0, {}, 0, kRst);
    net.client(kHttp, 0, {}, 0, kRst);
    CHECK_EQ(net.frames().size(), 1u);
    CHECK_EQ(net.engine->flows(), 0u);
    CHECK_EQ(net.events().size(), 0u);
  });
}

TEST(ports_used_again_after_a_close_are_a_new_flow) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kAllowed);
    net.client(kAllowed, 0, {}, 0, kRst | kAck);
    CHECK_EQ(net.events().last(EventKind::kClosed).header.c,
             static_cast<uint8_t>(engine::Closed::kRst));
    const uint64_t before = net.ring.flow;
    net.handshake(kAllowed);
    CHECK_EQ(net.events().count(EventKind::kOpened), 1u);
    CHECK_EQ(net.ring.flow, before + 1);
  });
}

TEST(receiver_that_forgot_the_connection_opens_a_new_flow) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.tcp(true, kHttp, kSyn, 90000, 0);
    CHECK_EQ(net.frames().size(), 1u);
    CHECK_EQ(net.events().size(), 0u);
    net.tcp(false, kHttp, kSyn | kAck, 70000, 90001);
    Events events = net.events();
    CHECK_EQ(events.count(EventKind::kClosed), 1u);
    CHECK_EQ(events.last(EventKind::kOpened).opened.destination_port, kHttp);
    net.tcp(true, kHttp, kAck, 90001, 70001, "GET");
    CHECK_EQ(net.events().joined(Dir::kOrig), "GET");
  });
}

TEST(tuple_claimed_from_the_wrong_side_is_another_flow) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    // The pod's own tuple, but from the network.
    const std::string l4 =
        tcp_octets(kClientPort, kHttp, kAck, kClientIsn + 1, kServerIsn + 1, "GET", {});
    const IpFields fields{family, IPPROTO_TCP};
    const std::string forged =
        ethernet_octets(false, kEndpoint, 0, family == 4 ? 0x0800 : 0x86dd,
                        ip_octets(fields, pod_address(family), peer_address(family), l4));
    wire::VnetHeader vnet = {wire::kNeedsCsum, 0, 0, 0, 0, 16};
    vnet.csum_start = static_cast<uint16_t>(forged.size() - l4.size());
    net.receive(false, forged, vnet);
    CHECK_EQ(net.events().joined(Dir::kOrig), "");
    CHECK_EQ(net.counter(Counter::kMidstreamDenied), 1u);
  });
}

TEST(full_table_evicts_who_was_idle_longest) {
  both([](uint8_t family) {
    engine::Limits limits;
    limits.flows = 3;
    Net net(family, {.limits = limits});
    for (uint16_t i = 0; i < 3; ++i) {
      net.client_port = static_cast<uint16_t>(1000 + i);
      net.udp(true, 9000, "a");
      net.now += kSecond;
    }
    net.client_port = 1000;
    net.udp(true, 9000, "a");
    net.forget();
    net.client_port = 2000;
    net.udp(true, 9000, "a");
    Events events = net.events();
    CHECK_EQ(events.last(EventKind::kClosed).header.c,
             static_cast<uint8_t>(engine::Closed::kEvicted));
    CHECK_EQ(events.last(EventKind::kClosed).header.flow,
             events.last(EventKind::kOpened).header.flow - 2);
    CHECK_EQ(net.engine->flows(), 3u);
    CHECK_EQ(net.counter(Counter::kFlowTableFull), 1u);
  });
}

TEST(vlans_and_endpoints_keep_flows_apart) {
  both([](uint8_t family) {
    Net net(family);
    net.udp(true, 9000, "a");
    net.vlan = 100;
    net.udp(true, 9000, "a");
    CHECK_EQ(net.events().last(EventKind::kOpened).opened.vlan, 100);
    net.config.id = 8;
    net.udp(true, 9000, "a");
    CHECK_EQ(net.counter(Counter::kUnknownEndpoint), 1u);
    net.engine->set_endpoint(net.config, net.now);
    net.udp(true, 9000, "a");
    CHECK_EQ(net.engine->flows(), 3u);
    CHECK_EQ(net.frames().size(), 3u);
  });
}

TEST(removed_endpoint_closes_its_flows) {
  both([](uint8_t family) {
    Net net(family);
    net.udp(true, 9000, "a");
    net.handshake(kHttp);
    net.engine->remove_endpoint(kEndpoint, net.now);
    CHECK_EQ(net.events().count(EventKind::kClosed), 2u);
    CHECK_EQ(net.engine->flows(), 0u);
    net.udp(true, 9000, "a");
    CHECK_EQ(net.counter(Counter::kUnknownEndpoint), 1u);
  });
}

TEST(lost_events_are_counted_and_told_later) {
  both([](uint8_t family) {
    Net net(family);
    net.ring.room = 0;
    net.udp(true, 9000, "a");
    net.udp(true, 9001, "a");
    net.ring.room = -1;
    net.pass(1);
    Events events = net.events();
    CHECK_EQ(events.size(), 1u);
    CHECK_EQ(events.last(EventKind::kLost).header.at, 2u);
    CHECK_EQ(net.counter(Counter::kEventsLost), 2u);
    CHECK_EQ(net.frames().size(), 2u);
  });
}

TAP_MAIN()
