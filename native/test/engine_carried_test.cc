// Flows that the kernel's flow map carries: when they leave, what is told of them, how they end.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

namespace {

constexpr uint32_t kEpoch = 77;

Setup carried(EndpointPath path = EndpointPath::kInline) {
  Setup setup;
  setup.epoch = kEpoch;
  setup.path = path;
  return setup;
}

size_t settled(const std::vector<Sent>& frames) {
  size_t found = 0;
  for (const Sent& sent : frames) found += sent.epoch == kEpoch ? 1 : 0;
  return found;
}

TEST(tcp_leaves_with_the_syn_ack) {
  both([](uint8_t family) {
    Net net(family, carried());
    net.tcp(true, kAllowed, kSyn, kClientIsn, 0);
    CHECK_EQ(settled(net.frames()), 0u);
    // An answer to another SYN than this flow's settles nothing.
    net.tcp(false, kAllowed, kSyn | kAck, kServerIsn, kClientIsn + 100);
    CHECK_EQ(settled(net.frames()), 0u);
    net.tcp(false, kAllowed, kSyn | kAck, kServerIsn, kClientIsn + 1);
    CHECK_EQ(settled(net.frames()), 1u);
  });
}

TEST(an_endpoint_without_epoch_keeps_its_flows) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kAllowed);
    net.client(kAllowed, 0, "SSH-2.0-x");
    CHECK_EQ(settled(net.frames()), 0u);
  });
}

TEST(what_is_judged_leaves_when_nothing_compares_it_any_more) {
  both([](uint8_t family) {
    Net net(family, carried());
    net.handshake(kHttp);
    net.client(kHttp, 0, "GET / HTTP/1.1");
    net.settle(true);
    CHECK_EQ(settled(net.frames()), 0u);
    net.server(kHttp, 0, "HTTP/1.1 200 OK", 14);
    CHECK_EQ(settled(net.frames()), 0u);
    // That acknowledged what was read: nothing is left to compare with.
    net.client(kHttp, 14, "", 15);
    CHECK_EQ(settled(net.frames()), 1u);
  });
}

TEST(what_is_allowed_leaves_when_it_is_identified) {
  both([](uint8_t family) {
    Setup setup = carried();
    setup.identifies = true;
    Net net(family, setup);
    net.handshake(kAllowed);
    net.client(kAllowed, 0, "SSH-2.0-x");
    CHECK_EQ(net.sent_payload(false), "SSH-2.0-x");
    CHECK_EQ(net.events().joined(Dir::kOrig), "SSH-2.0-x");
    CHECK_EQ(settled(net.frames()), 0u);
    net.settle(true);
    net.client(kAllowed, 9, "more");
    CHECK_EQ(net.events().count(EventKind::kOctets), 0u);
    CHECK_EQ(settled(net.frames()), 1u);
  });
}

TEST(datagrams_leave_when_there_are_some) {
  both([](uint8_t family) {
    Net net(family, carried());
    for (int i = 0; i < 2; i++) {
      net.udp(true, kAllowed, "a");
      net.udp(false, kAllowed, "b");
    }
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(settled(frames), 1u);
    CHECK_EQ(frames.back().epoch, kEpoch);
    net.client_port++;
    for (int i = 0; i < 15; i++) net.udp(true, kAllowed, "a");
    CHECK_EQ(settled(net.frames()), 0u);
    net.udp(true, kAllowed, "a");
    CHECK_EQ(settled(net.frames()), 1u);
    for (int i = 0; i < 2; i++) {
      net.echo(true, true);
      net.echo(false, false);
    }
    CHECK_EQ(settled(net.frames()), 1u);
  });
}

TEST(a_tap_sends_one_copy_back_for_its_mark) {
  both([](uint8_t family) {
    Net net(family, carried(EndpointPath::kTap));
    net.handshake(kAllowed);
    CHECK_EQ(net.frames().size(), 0u);
    net.settle(true);
    net.client(kAllowed, 0, "x");
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK_EQ(settled(frames), 1u);
  });
}

// Of a flow that the judge settled before it knew of the new policy, it says nothing again.
TEST(a_taps_flow_leaves_whatever_policy_came_meanwhile) {
  both([](uint8_t family) {
    Net net(family, carried(EndpointPath::kTap));
    net.handshake(kAllowed);
    engine::CommandHeader settle = net.make(CommandKind::kSettle);
    settle.verdict = 1;
    net.change_policy(kAllowed, {L4Verdict::kAllow, kDenyRule});
    net.send(settle);
    net.client(kAllowed, 0, "x");
    CHECK_EQ(settled(net.frames()), 1u);
    // Its entry is gone, and so is that policy.
    net.change_policy(kAllowed, {L4Verdict::kDeny, kDenyRule});
    net.client(kAllowed, 1, "y");
    CHECK_EQ(settled(net.frames()), 1u);
  });
}

TEST(the_end_tells_what_was_carried) {
  both([](uint8_t family) {
    Net net(family, carried());
    net.handshake(kAllowed);
    net.carried.counts = {{1000, 2000}, {100000, 200000}};
    net.forget();
    net.copy(true, kAllowed, kFin | kAck, kClientIsn + 1 + 5000);
    CHECK_EQ(net.events().count(EventKind::kClosed), 0u);
    net.copy(false, kAllowed, kFin | kAck, kServerIsn + 1 + 9000);
    const Event closed = net.events().last(EventKind::kClosed);
    CHECK_EQ(static_cast<int>(closed.header.c), static_cast<int>(engine::Closed::kFin));
    // Two frames of the pod's handshake and one of the peer's came here.
    CHECK_EQ(closed.closed.packets[0], 1002u);
    CHECK_EQ(closed.closed.packets[1], 2001u);
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.carried.last.pod_port, kClientPort);
    CHECK_EQ(net.carried.last.peer_port, kAllowed);
    CHECK_EQ(net.carried.last.endpoint, kEndpoint);
    net.pass(31 * kSecond);
    CHECK_EQ(net.carried.forgotten, 1u);
    CHECK_EQ(net.engine->flows(), 0u);
  });
}

TEST(a_copy_of_no_flow_opens_none) {
  both([](uint8_t family) {
    Net net(family, carried());
    net.copy(true, kAllowed, kFin | kAck, 1);
    net.copy(false, kDenied, kRst, 1);
    CHECK_EQ(net.engine->flows(), 0u);
    CHECK_EQ(net.frames().size() + net.events().size(), 0u);
  });
}

TEST(a_flow_that_moves_in_the_kernel_is_not_idle) {
  both([](uint8_t family) {
    Net net(family, carried());
    net.handshake(kAllowed);
    for (uint64_t hour = 1; hour <= 3; hour++) {
      net.carried.counts.packets[0] += 1;
      net.pass(3601 * kSecond);
      CHECK_EQ(net.engine->flows(), 1u);
    }
    net.forget();
    net.pass(3601 * kSecond);
    CHECK_EQ(net.engine->flows(), 0u);
    const Event closed = net.events().last(EventKind::kClosed);
    CHECK_EQ(static_cast<int>(closed.header.c), static_cast<int>(engine::Closed::kIdle));
    CHECK_EQ(closed.closed.packets[0], 5u);
  });
}

TEST(a_forged_reset_does_not_stop_a_flow_that_goes_on) {
  both([](uint8_t family) {
    Net net(family, carried());
    net.handshake(kAllowed);
    net.forget();
    net.copy(false, kAllowed, kRst, 12345);
    CHECK_EQ(net.events().count(EventKind::kClosed), 1u);
    net.carried.counts.packets[0] = 10;
    net.pass(31 * kSecond);
    CHECK_EQ(net.carried.forgotten, 0u);
    net.pass(31 * kSecond);
    CHECK_EQ(net.carried.forgotten, 1u);
  });
}

TEST(what_comes_up_again_is_sent_back_settled) {
  both([](uint8_t family) {
    Net net(family, carried());
    net.handshake(kAllowed);
    net.forget();
    // Its entry was evicted: the numbers have gone on by a gigabyte, and that is no attack.
    net.client(kAllowed, 1u << 30, "late", 1u << 20);
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK_EQ(settled(frames), 1u);
  });
}

TEST(a_new_policy_denies_what_comes_up) {
  both([](uint8_t family) {
    Net net(family, carried());
    net.handshake(kAllowed);
    net.forget();
    net.change_policy(kAllowed, {L4Verdict::kDeny, kDenyRule});
    // Both ends are asked where they stand; their answers are reset with exact numbers.
    CHECK_EQ(net.frames().size(), 2u);
    net.client(kAllowed, 70000, "", 90000);
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 2u);
    for (const Sent& sent : frames) CHECK(sent.has(kRst) && sent.epoch == 0);
  });
}

}  // namespace

TAP_MAIN()
