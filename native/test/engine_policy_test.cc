// What L3/L4 policy denies: at the SYN, in a connection's middle, and when it changes.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

TEST(denied_syn_is_reset_at_once) {
  both([](uint8_t family) {
    Net net(family);
    net.tcp(true, kDenied, kSyn, kClientIsn, 0);
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK(frames[0].to_pod && frames[0].has(kRst | kAck));
    CHECK_EQ(frames[0].packet.acknowledgement, kClientIsn + 1);
    CHECK_EQ(frames[0].packet.source_port, kDenied);
    CHECK_EQ(frames[0].packet.destination_port, kClientPort);
    Events events = net.events();
    CHECK_EQ(events.last(EventKind::kOpened).header.b, kDenyRule);
    const Event closed = events.last(EventKind::kClosed);
    CHECK_EQ(closed.header.c, static_cast<uint8_t>(engine::Closed::kDenied));
    CHECK_EQ(closed.header.rule, kDenyRule);
    CHECK_EQ(events.size(), 2u);
    // The same SYN again: told again, no new events.
    net.tcp(true, kDenied, kSyn, kClientIsn, 0);
    CHECK_EQ(net.frames().size(), 1u);
    CHECK_EQ(net.events().size(), 0u);
    // Another connection on the same ports is another flow.
    net.tcp(true, kDenied, kSyn, 77, 0);
    CHECK_EQ(net.events().size(), 2u);
    CHECK_EQ(net.counter(Counter::kResetsSent), 3u);
    net.pass(11 * kSecond);
    CHECK_EQ(net.engine->flows(), 0u);
  });
}

TEST(ingress_is_judged_with_the_pod_as_receiver) {
  both([](uint8_t family) {
    Net net(family);
    net.client_port = 41000;
    // From the network: the peer is the client here.
    net.partial(false, IPPROTO_TCP, 16, tcp_octets(41000, kDenied, kSyn, 1, 0, {}, {}));
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK(!frames[0].to_pod);
    CHECK_EQ(net.events().last(EventKind::kOpened).header.e,
             static_cast<uint8_t>(engine::PodSide::kReceiver));
  });
}

TEST(midstream_passes_only_where_both_ends_may_open) {
  both([](uint8_t family) {
    Net net(family);
    net.client(kAllowed, 100, "x");
    CHECK_EQ(net.frames().size(), 1u);
    CHECK_EQ(net.events().last(EventKind::kOpened).header.d,
             static_cast<uint8_t>(engine::Start::kMidstream));
    for (const uint16_t port : {kHttp, kDenied}) {
      // Either end may be the one that is seen first.
      net.server(port, 9, "x", 3);
      Events events = net.events();
      CHECK_EQ(events.last(EventKind::kOpened).header.b, 10u);
      CHECK_EQ(events.last(EventKind::kOpened).opened.destination_port, port);
      CHECK_EQ(events.last(EventKind::kClosed).header.rule, 10u);
      const std::vector<Sent> frames = net.frames();
      CHECK_EQ(frames.size(), 2u);
      CHECK_EQ(frames[0].packet.sequence, kServerIsn + 1 + 9);
      CHECK_EQ(frames[1].packet.sequence, kClientIsn + 1 + 3);
      CHECK(frames[0].to_pod && !frames[1].to_pod);
    }
    CHECK_EQ(net.counter(Counter::kMidstreamDenied), 2u);
  });
}

TEST(new_policy_cuts_what_it_denies_and_forgets_denials) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kAllowed);
    net.client(kAllowed, 0, "abc");
    net.server(kAllowed, 0, "defgh", 3);
    net.tcp(true, kDenied, kSyn, kClientIsn, 0);
    net.forget();
    net.change_policy(kAllowed, {L4Verdict::kDeny, kDenyRule});
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 2u);
    CHECK(frames[0].to_pod && frames[0].has(kRst));
    CHECK_EQ(frames[0].packet.sequence, kServerIsn + 1 + 5);
    CHECK(!frames[1].to_pod && frames[1].has(kRst));
    CHECK_EQ(frames[1].packet.sequence, kClientIsn + 1 + 3);
    CHECK_EQ(net.events().last(EventKind::kClosed).header.rule, kDenyRule);
    net.change_policy(kDenied, {L4Verdict::kAllow, kRule});
    net.tcp(true, kDenied, kSyn, kClientIsn, 0);
    CHECK_EQ(net.frames().size(), 1u);
  });
}

TAP_MAIN()
