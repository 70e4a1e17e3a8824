// What the judge denies, and how the ends are told.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;
using engine::Then;

TEST(denied_octets_never_leave_and_both_ends_are_reset_exactly) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.client(kHttp, 0, "okBAD");
    net.release(Dir::kOrig, 2);
    net.server(kHttp, 0, "reply", 2);
    net.release(Dir::kReply, 5);
    net.forget();
    net.deny(Dir::kOrig, 2, Answer::kReset);
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 2u);
    CHECK(frames[0].to_pod && frames[0].has(kRst));
    CHECK_EQ(frames[0].packet.sequence, kServerIsn + 1 + 5);
    CHECK(!frames[1].to_pod && frames[1].has(kRst));
    CHECK_EQ(frames[1].packet.sequence, kClientIsn + 1 + 2);
    Events events = net.events();
    CHECK_EQ(events.last(EventKind::kClosed).header.rule, kJudgeRule);
    CHECK_EQ(events.last(EventKind::kClosed).header.c,
             static_cast<uint8_t>(engine::Closed::kDenied));
    // Retransmission: reset by what it acknowledges, no event.
    net.client(kHttp, 2, "BAD", 5);
    const std::vector<Sent> again = net.frames();
    CHECK_EQ(again.size(), 1u);
    CHECK_EQ(again[0].packet.sequence, kServerIsn + 1 + 5);
    CHECK(again[0].to_pod);
    CHECK_EQ(net.events().size(), 0u);
    CHECK_EQ(net.counter(Counter::kHeldOctets), 0u);
  });
}

TEST(refusal_reaches_the_opener_and_closes_cleanly) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.client(kHttp, 0, "GET /secret");
    net.forget();
    net.deny(Dir::kOrig, 0, Answer::kRefusal, Then::kClose, "HTTP/1.1 403\r\n\r\n");
    std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 2u);
    CHECK(frames[0].to_pod && frames[0].has(kFin | kAck));
    CHECK_EQ(frames[0].payload(), "HTTP/1.1 403\r\n\r\n");
    CHECK_EQ(frames[0].packet.sequence, kServerIsn + 1);
    CHECK_EQ(frames[0].packet.acknowledgement, kClientIsn + 1 + 11);
    CHECK(!frames[1].to_pod && frames[1].has(kRst));
    CHECK_EQ(frames[1].packet.sequence, kClientIsn + 1);
    CHECK_EQ(frames[1].payload(), "");
    CHECK_EQ(net.events().count(EventKind::kClosed), 1u);
    CHECK_EQ(net.counter(Counter::kRefusalsSent), 1u);
    // The answer was lost: the request comes again, and so does the answer.
    net.client(kHttp, 0, "GET /secret");
    frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK_EQ(frames[0].payload(), "HTTP/1.1 403\r\n\r\n");
    // It is acknowledged, then the opener closes: its FIN is acknowledged, nobody times out.
    net.client(kHttp, 11, {}, 17);
    CHECK_EQ(net.frames().size(), 0u);
    net.client(kHttp, 11, {}, 17, kAck | kFin);
    frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK_EQ(frames[0].packet.acknowledgement, kClientIsn + 1 + 12);
    CHECK_EQ(frames[0].packet.sequence, kServerIsn + 1 + 17);
    CHECK(!frames[0].has(kRst));
    // The receiver never hears of it again.
    net.server(kHttp, 0, "late", 0);
    frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK(!frames[0].to_pod && frames[0].has(kRst));
  });
}

TEST(refusal_comes_behind_replies_that_have_arrived) {
  both([](uint8_t family) {
    for (const uint32_t arrived : {0u, 2u}) {
      Net net(family);
      net.handshake(kHttp);
      net.client(kHttp, 0, "GET /a");
      net.release(Dir::kOrig, 6);
      net.server(kHttp, 0, "OK", 6);
      net.release(Dir::kReply, 2);
      net.client(kHttp, 6, "GET /b", arrived);
      net.forget();
      net.deny(Dir::kOrig, 6, Answer::kRefusal, Then::kClose, "403");
      const std::vector<Sent> frames = net.frames();
      CHECK_EQ(frames.size(), 2u);
      CHECK(frames[0].to_pod);
      CHECK_EQ(frames[0].packet.sequence, kServerIsn + 1 + 2);
      CHECK_EQ(frames[0].payload(), arrived == 2 ? "403" : "");
      CHECK_EQ(frames[0].has(kRst), arrived != 2);
      CHECK(!frames[1].to_pod && frames[1].has(kRst));
    }
  });
}

TEST(no_refusal_behind_a_fin) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.server(kHttp, 0, {}, 0, kAck | kFin);
    net.client(kHttp, 0, "GET /b", 1);
    net.forget();
    net.deny(Dir::kOrig, 0, Answer::kRefusal, Then::kClose, "403");
    CHECK_EQ(net.frames().size(), 2u);
    for (const Sent& frame : net.frames()) CHECK(frame.has(kRst));
  });
}

TEST(upload_under_way_is_acknowledged_and_takes_no_resend) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.client(kHttp, 0, "POST /secret");
    net.deny(Dir::kOrig, 0, Answer::kRefusal, Then::kClose, "403");
    for (uint32_t at = 12; at < 52; at += 4) {
      net.forget();
      net.client(kHttp, at, "body");
      const std::vector<Sent> frames = net.frames();
      CHECK_EQ(frames.size(), 1u);
      CHECK(frames[0].to_pod && !frames[0].has(kRst));
      CHECK_EQ(frames[0].payload(), "");
      CHECK_EQ(frames[0].packet.acknowledgement, kClientIsn + 1 + at + 4);
    }
    // It never arrives: some resends later the opener is reset, and waits no longer.
    for (int resend = 0; resend < 6; ++resend) {
      net.forget();
      net.client(kHttp, 48, "body");
      const std::vector<Sent> frames = net.frames();
      CHECK_EQ(frames.size(), 1u);
      CHECK_EQ(frames[0].payload(), resend < 5 ? "403" : "");
      CHECK_EQ(frames[0].has(kRst), resend == 5);
    }
  });
}

TEST(denied_datagram_is_refused_and_the_flow_goes_on) {
  both([](uint8_t family) {
    Net net(family);
    net.udp(true, kDns, "bad");
    net.udp(true, kDns, "good");
    Events events = net.events();
    CHECK_EQ(events.count(EventKind::kOctets), 2u);
    CHECK_EQ(events.last(EventKind::kOctets).header.at, 1u);
    CHECK(events.last(EventKind::kOctets).held());
    CHECK_EQ(net.frames().size(), 0u);
    net.deny(Dir::kOrig, 0, Answer::kRefusal, Then::kContinue, "REFUSED");
    std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK(frames[0].to_pod);
    CHECK_EQ(frames[0].payload(), "REFUSED");
    CHECK_EQ(frames[0].packet.source_port, kDns);
    CHECK_EQ(frames[0].packet.destination_port, kClientPort);
    net.release(Dir::kOrig, 2);
    CHECK_EQ(net.sent_payload(false), "good");
    net.forget();
    net.udp(false, kDns, "answer");
    CHECK_EQ(net.frames().size(), 0u);
    net.release(Dir::kReply, 1);
    CHECK_EQ(net.sent_payload(true), "answer");
    net.forget();
    net.udp(true, kDns, "again");
    net.deny(Dir::kOrig, 2, Answer::kIcmp, Then::kContinue);
    frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK_EQ(frames[0].packet.icmp_code, family == 4 ? 13 : 1);
    CHECK_EQ(net.events().count(EventKind::kClosed), 0u);
  });
}

TEST(denied_datagram_may_close_its_flow) {
  both([](uint8_t family) {
    Net net(family);
    net.udp(true, kDns, "bad");
    net.udp(true, kDns, "later");
    net.forget();
    net.deny(Dir::kOrig, 0, Answer::kIcmp, Then::kClose);
    CHECK_EQ(net.frames().size(), 1u);
    CHECK_EQ(net.events().last(EventKind::kClosed).header.rule, kJudgeRule);
    net.udp(true, kDns, "more");
    CHECK_EQ(net.counter(Counter::kIcmpSent), 2u);
    CHECK_EQ(net.events().size(), 0u);
    CHECK_EQ(net.sent_payload(false), "");
  });
}

TEST(segmented_datagrams_are_judged_one_by_one) {
  both([](uint8_t family) {
    Net net(family);
    const std::string l4 = udp_octets(kClientPort, kDns, "aaaabbbbcc");
    const std::string frame = net.ip(true, {family, IPPROTO_UDP}, l4);
    wire::VnetHeader vnet = {wire::kNeedsCsum, wire::kGsoUdpL4, 0, 4, 0, 6};
    vnet.csum_start = static_cast<uint16_t>(frame.size() - l4.size());
    net.receive(true, frame, vnet);
    Events events = net.events();
    CHECK_EQ(events.count(EventKind::kOctets), 3u);
    CHECK_EQ(events.last(EventKind::kOctets).octets, "cc");
    net.deny(Dir::kOrig, 1, Answer::kRefusal, Then::kContinue, "no");
    net.release(Dir::kOrig, 3);
    CHECK_EQ(net.sent_payload(false), "aaaacc");
  });
}

TEST(settle_deny_ends_a_flow_in_both_directions) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.client(kHttp, 0, "abc");
    net.forget();
    net.settle(false);
    CHECK_EQ(net.frames().size(), 2u);
    CHECK_EQ(net.events().last(EventKind::kClosed).header.rule, kJudgeRule);
    net.udp(true, kDns, "abc");
    net.forget();
    net.settle(false);
    CHECK_EQ(net.frames()[0].packet.icmp_code, family == 4 ? 13 : 1);
  });
}

TEST(settled_flow_can_be_denied_by_a_later_policy) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.client(kHttp, 0, "abc");
    net.settle(true);
    net.client(kHttp, 3, "de");
    net.forget();
    net.change_policy(9999, {L4Verdict::kDeny, kDenyRule});
    CHECK_EQ(net.events().size(), 0u);
    net.settle(false);
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 2u);
    CHECK_EQ(frames[1].packet.sequence, kClientIsn + 1 + 5);
  });
}

TEST(commands_of_an_older_policy_are_ignored) {
  both([](uint8_t family) {
    Net net(family, {.failure = Took::kOpen});
    net.handshake(kHttp);
    net.client(kHttp, 0, "abc");
    engine::CommandHeader release = net.make(CommandKind::kRelease, Dir::kOrig, 3);
    net.change_policy(9999, {L4Verdict::kDeny, kDenyRule});
    net.forget();
    net.send(release);
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.counter(Counter::kStaleCommands), 1u);
    ++release.generation;
    net.send(release);
    CHECK_EQ(net.sent_payload(false), "abc");
    net.client(kHttp, 3, "def");
    release.at = 6;
    release.generation = 1;
    net.send(release);
    // Nobody answers for the new policy: the hold ends all the same.
    net.pass(kSecond);
    CHECK_EQ(net.sent_payload(false), "abcdef");
  });
}

TEST(commands_for_unknown_flows_do_nothing) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.client(kHttp, 0, "abc");
    engine::CommandHeader release = net.make(CommandKind::kRelease, Dir::kOrig, 3);
    release.flow += 1;
    net.forget();
    net.send(release);
    CHECK_EQ(net.frames().size(), 0u);
  });
}

TEST(new_policy_that_denies_at_l4_cuts_a_held_flow) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.client(kHttp, 0, "abc");
    net.forget();
    net.change_policy(kHttp, {L4Verdict::kDeny, kDenyRule});
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 2u);
    CHECK_EQ(frames[1].packet.sequence, kClientIsn + 1);
    CHECK_EQ(net.events().last(EventKind::kClosed).header.rule, kDenyRule);
  });
}

TAP_MAIN()
