// What a tunnel carries is judged, and its verdict is that of the tunnel's packet.
#include "test/engine_tunnel.h"

#include <algorithm>

using namespace vethwall;
using namespace vethwall::engine_test;

TEST(what_is_carried_is_a_flow_of_its_own) {
  all_pairs([](Net& net, const Overlay& overlay) {
    overlay.handshake(kAllowed);
    CHECK_EQ(net.frames().size(), 3u);
    // The tunnel's two directions, each from its own port, and the connection.
    const Events events = net.events();
    CHECK_EQ(events.count(EventKind::kOpened), 3u);
    const Event outer = events[0], inner = events[1];
    CHECK_EQ(outer.opened.protocol, IPPROTO_UDP);
    CHECK_EQ(outer.header.tunnel, 0);
    CHECK_EQ(inner.opened.protocol, IPPROTO_TCP);
    CHECK_EQ(inner.opened.family, overlay.family);
    CHECK_EQ(inner.header.tunnel, 3);
    CHECK_EQ(inner.tunnel.id, kVni);
    CHECK_EQ(inner.tunnel.family, net.family);
    CHECK_EQ(std::string(reinterpret_cast<const char*>(inner.tunnel.peer),
                         peer_address(net.family).size()),
             peer_address(net.family));
    CHECK_EQ(net.counter(Counter::kTunnelled), 3u);
  });
}

TEST(held_inner_payload_holds_the_outer_frame) {
  all_pairs([](Net& net, const Overlay& overlay) {
    overlay.handshake(kHttp);
    net.forget();
    const std::string first = overlay.client(kHttp, 0, "GET / ");
    const std::string second = overlay.client(kHttp, 6, "HTTP/1.1\r\n");
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.events().joined(Dir::kOrig), "GET / HTTP/1.1\r\n");
    net.release(Dir::kOrig, 3);  // within a frame, which can't be cut
    CHECK_EQ(net.frames().size(), 0u);
    net.release(Dir::kOrig, 16);
    const std::vector<Sent> sent = net.frames();
    CHECK_EQ(sent.size(), 2u);
    CHECK_EQ(text_of(sent[0]), first);
    CHECK_EQ(text_of(sent[1]), second);
    CHECK_EQ(sent[0].vnet.flags, wire::kNeedsCsum);
  });
}

TEST(denied_inner_packets_never_leave) {
  all_pairs([](Net& net, const Overlay& overlay) {
    overlay.tcp(true, kDenied, kSyn, kClientIsn, 0);
    overlay.udp(true, kDenied, "query");
    CHECK_EQ(net.frames().size(), 0u);  // and nobody is told: that would be a frame of the tunnel
    CHECK_EQ(net.counter(Counter::kTunnelUnanswered), 2u);
    CHECK_EQ(net.counter(Counter::kDeniedFrames), 2u);
    overlay.udp(true, kAllowed, "query");
    CHECK_EQ(net.frames().size(), 1u);
  });
}

TEST(judge_denies_an_inner_request) {
  all_pairs([](Net& net, const Overlay& overlay) {
    overlay.handshake(kHttp);
    net.forget();
    overlay.client(kHttp, 0, "GET /secret");
    net.deny(Dir::kOrig, 0, Answer::kRefusal, engine::Then::kClose, "403");
    overlay.client(kHttp, 0, "GET /secret");
    overlay.client(kHttp, 11, " HTTP/1.1");
    CHECK_EQ(net.frames().size(), 0u);
    CHECK(net.counter(Counter::kTunnelUnanswered) >= 2);
    CHECK_EQ(net.counter(Counter::kResetsSent), 0u);
    CHECK_EQ(net.counter(Counter::kRefusalsSent), 0u);
  });
}

TEST(judge_denies_an_inner_datagram) {
  all_pairs([](Net& net, const Overlay& overlay) {
    overlay.udp(true, kDns, "query");
    net.deny(Dir::kOrig, 0, Answer::kRefusal, engine::Then::kContinue, "refused");
    const std::string second = overlay.udp(true, kDns, "another");
    net.release(Dir::kOrig, 2);
    const std::vector<Sent> sent = net.frames();
    CHECK_EQ(sent.size(), 1u);
    CHECK_EQ(text_of(sent[0]), second);
  });
}

TEST(equal_tuples_in_other_tunnels_are_other_flows) {
  all_pairs([](Net& net, Overlay overlay) {
    overlay.udp(true, 9000, "one");
    overlay.udp(false, 9000, "reply");
    overlay.vni = kVni + 1;
    overlay.udp(true, 9000, "two");
    net.udp(true, 9000, "outside");
    // Two of the tunnel, and one in each VNI, and the last.
    CHECK_EQ(net.events().count(EventKind::kOpened), 5u);
  });
}

TEST(denied_tunnel_carries_nothing) {
  all_pairs([](Net& net, const Overlay& overlay) {
    net.change_policy(kVxlan, {L4Verdict::kDeny, kDenyRule});
    overlay.udp(true, 9000, "query");
    CHECK_EQ(net.events().count(EventKind::kOpened), 1u);
    CHECK_EQ(net.counter(Counter::kTunnelled), 0u);
  });
}

TEST(undecided_tunnel_is_judged_first) {
  all_pairs([](Net& net, const Overlay& overlay) {
    net.change_policy(kVxlan, {L4Verdict::kUndecided, 0});
    const std::string allowed = overlay.udp(true, 9000, "query");
    overlay.udp(true, kDenied, "query");
    CHECK_EQ(net.counter(Counter::kTunnelled), 0u);
    net.settle(true);
    CHECK_EQ(net.counter(Counter::kTunnelled), 2u);
    const std::vector<Sent> sent = net.frames();
    CHECK_EQ(sent.size(), 1u);
    CHECK_EQ(text_of(sent[0]), allowed);
  });
}

TEST(tap_reads_and_sends_nothing) {
  all_pairs(
      [](Net& net, const Overlay& overlay) {
        overlay.handshake(kHttp);
        overlay.client(kHttp, 0, "GET / HTTP/1.1\r\n");
        overlay.udp(true, 9000, "query");
        overlay.udp(true, kDenied, "nobody reads it");
        CHECK_EQ(net.frames().size(), 0u);
        // The tunnel's own octets are read, too.
        const Events events = net.events();
        for (const std::string_view wanted : {"GET / HTTP/1.1\r\n", "query"})
          CHECK_EQ(std::ranges::count(events, wanted, &Event::octets), 1);
      },
      {.path = EndpointPath::kTap});
}

TEST(no_flow_of_a_tunnel_is_cut) {
  all_pairs(
      [](Net& net, const Overlay& overlay) {
        overlay.handshake(kAllowed);
        for (uint32_t i = 0; i < 300; ++i) {
          overlay.client(kAllowed, i * 5, "octet");
          overlay.receive(true, net.ip(true, {net.family, IPPROTO_UDP},
                                       udp_octets(kEntropyPort, kGeneve,
                                                  be16(0) + be16(0x894f) + be32(0) + "opaque")));
        }
        for (const Sent& sent : net.frames()) CHECK(!sent.is_settled);
        CHECK_EQ(net.carried.bodies, 0u);
      },
      {.epoch = 9});
}

TEST(long_body_in_a_tunnel_is_not_carried) {
  all_pairs(
      [](Net& net, const Overlay& overlay) {
        overlay.handshake(kHttp);
        overlay.client(kHttp, 0, "POST /");
        net.release(Dir::kOrig, 6);
        net.skip(Dir::kOrig, 6, 64u << 20);
        CHECK_EQ(net.carried.bodies, 0u);
      },
      {.epoch = 9});
}

TEST(table_that_is_full_gives_the_tunnels_own_flow_away) {
  Setup setup;
  setup.limits.flows = 1;
  all_pairs(
      [](Net& net, const Overlay& overlay) {
        for (uint16_t port = 9000; port < 9004; ++port) overlay.udp(true, port, "query");
        CHECK_EQ(net.frames().size(), 4u);
        CHECK_EQ(net.engine->flows(), 1u);
      },
      setup);
}

TEST(queued_packets_wait_for_the_inner_verdict) {
  all_pairs([](Net& net, const Overlay& overlay) {
    TicketQueue queue;
    net.queue = &queue;
    overlay.udp(true, 9000, "query");
    CHECK_EQ(queue.accepted(), 1u);
    overlay.udp(true, kDenied, "query");
    CHECK_EQ(queue.dropped(), 1u);
    overlay.udp(true, kDns, "query");
    CHECK_EQ(queue.waiting(), 1u);
    net.release(Dir::kOrig, 1);
    CHECK_EQ(queue.accepted(), 2u);
    net.set_path(EndpointPath::kTap);
    overlay.udp(true, kDenied, "query");
    CHECK_EQ(queue.accepted(), 3u);
    CHECK_EQ(queue.waiting(), 0u);
  });
}

TEST(new_policy_cuts_what_is_carried) {
  all_pairs([](Net& net, const Overlay& overlay) {
    overlay.handshake(kAllowed);
    net.change_policy(kAllowed, {L4Verdict::kDeny, kDenyRule});
    net.forget();
    overlay.client(kAllowed, 0, "octets");
    CHECK_EQ(net.frames().size(), 0u);
    overlay.udp(true, 9000, "query");
    CHECK_EQ(net.frames().size(), 1u);
  });
}

TEST(path_that_turns_to_tap_lets_go_what_is_held) {
  all_pairs([](Net& net, const Overlay& overlay) {
    overlay.handshake(kHttp);
    net.change_policy(kVxlan, {L4Verdict::kUndecided, 0});
    net.forget();
    const std::string held = overlay.client(kHttp, 0, "GET / ");
    net.set_path(EndpointPath::kTap);
    const std::vector<Sent> sent = net.frames();
    CHECK_EQ(sent.size(), 1u);
    CHECK_EQ(text_of(sent[0]), held);
  });
}

TAP_MAIN()
