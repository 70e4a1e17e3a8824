// Undecided TCP flows, inline: held, delivered in order and once, released as they came.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

TEST(payload_waits_for_its_release) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    CHECK_EQ(net.frames().size(), 3u);
    net.client(kHttp, 0, "GET / ");
    CHECK_EQ(net.frames().size(), 0u);
    Events events = net.events();
    const Event octets = events.last(EventKind::kOctets);
    CHECK_EQ(octets.octets, "GET / ");
    CHECK(octets.held() && !octets.ended());
    CHECK_EQ(octets.header.at, 0u);
    // The server's bare acknowledgements pass meanwhile.
    net.server(kHttp, 0, {}, 0);
    CHECK_EQ(net.frames().size(), 1u);
    net.client(kHttp, 6, "HTTP/1.1\r\n");
    CHECK_EQ(net.events().last(EventKind::kOctets).header.at, 6u);
    CHECK(net.counter(Counter::kHeldOctets) > 0);
    net.release(Dir::kOrig, 16);
    CHECK_EQ(net.sent_payload(false), "GET / HTTP/1.1\r\n");
    CHECK_EQ(net.sink.all.size(), 2u);
    net.forget();
    net.server(kHttp, 0, "200", 16);
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.events().joined(Dir::kReply), "200");
    net.release(Dir::kReply, 3);
    CHECK_EQ(net.sent_payload(true), "200");
    net.client(kHttp, 16, {}, 3);
    CHECK_EQ(net.counter(Counter::kHeldOctets), 0u);
  });
}

TEST(held_frame_leaves_as_it_came) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.partial(true, IPPROTO_TCP, 16,
                tcp_octets(kClientPort, kHttp, kAck, kClientIsn + 1, kServerIsn + 1,
                           std::string(4000, 'x'), {}),
                1000);
    net.release(Dir::kOrig, 4000);
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK_EQ(frames[0].vnet.gso_size, 1000);
    CHECK_EQ(frames[0].packet.payload_octets, 4000u);
  });
}

TEST(release_cuts_a_frame_to_its_prefix) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "allowedDENIED", 0, kAck | kFin);
    net.release(Dir::kOrig, 7);
    std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK_EQ(frames[0].payload(), "allowed");
    CHECK(!frames[0].has(kFin));
    CHECK_EQ(frames[0].packet.sequence, kClientIsn + 1);
    net.release(Dir::kOrig, 13);
    frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK_EQ(frames[0].payload(), "DENIED");
    CHECK(frames[0].has(kFin));
    CHECK_EQ(frames[0].packet.sequence, kClientIsn + 1 + 7);
  });
}

TEST(out_of_order_segments_are_delivered_in_order) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 6, "ghi");
    net.client(kHttp, 3, "def");
    CHECK_EQ(net.events().size(), 0u);
    net.client(kHttp, 0, "abc");
    Events events = net.events();
    CHECK_EQ(events.joined(Dir::kOrig), "abcdefghi");
    CHECK_EQ(events.size(), 1u);
    net.release(Dir::kOrig, 9);
    CHECK_EQ(net.sent_payload(false), "abcdefghi");
  });
}

TEST(duplicates_are_dropped_and_retransmissions_of_sent_octets_pass) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "abcdef");
    net.client(kHttp, 0, "abcdef");
    net.client(kHttp, 2, "cd");
    CHECK_EQ(net.events().joined(Dir::kOrig), "abcdef");
    net.release(Dir::kOrig, 6);
    CHECK_EQ(net.frames().size(), 1u);
    net.client(kHttp, 0, "abcdef");
    CHECK_EQ(net.frames().size(), 1u);
    // Part old, part new: only the new is delivered.
    net.client(kHttp, 3, "defghi");
    CHECK_EQ(net.events().joined(Dir::kOrig), "ghi");
    CHECK_EQ(net.sent_payload(false), "def");
  });
}

TEST(contradicting_segment_is_dropped_and_counted) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "abcdef");
    net.client(kHttp, 0, "abcXef");  // held
    CHECK_EQ(net.counter(Counter::kContradiction), 1u);
    net.client(kHttp, 10, "klm");
    net.client(kHttp, 9, "jXlm");  // out of order, held
    CHECK_EQ(net.counter(Counter::kContradiction), 2u);
    net.release(Dir::kOrig, 6);
    net.client(kHttp, 0, "abcXef");  // forwarded, not acknowledged
    CHECK_EQ(net.counter(Counter::kContradiction), 3u);
    net.settle(true);
    net.forget();
    net.client(kHttp, 0, "abcXef");  // still so when settled
    CHECK_EQ(net.counter(Counter::kContradiction), 4u);
    CHECK_EQ(net.frames().size(), 0u);
    net.server(kHttp, 0, {}, 6);
    net.client(kHttp, 0, "abcXef");  // acknowledged: no receiver reads it
    CHECK_EQ(net.counter(Counter::kContradiction), 4u);
    CHECK_EQ(net.frames().size(), 2u);
  });
}

TEST(acknowledgement_of_what_was_never_sent_is_dropped) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.client(kHttp, 0, "abcdef");
    net.forget();
    net.server(kHttp, 0, {}, 6);
    CHECK_EQ(net.counter(Counter::kOutOfWindow), 1u);
    CHECK_EQ(net.frames().size(), 0u);
    net.client(kHttp, 0, "XXXXXX");
    CHECK_EQ(net.counter(Counter::kContradiction), 1u);
  });
}

TEST(octets_outside_the_receivers_window_are_dropped) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp, 2);
    net.forget();
    net.server(kHttp, 0, {}, 0, kAck, {.window = 100});
    // The SYN-ACK's own window is never scaled: 65535 is the widest edge that was offered.
    net.client(kHttp, 65530, "012345");
    CHECK_EQ(net.counter(Counter::kOutOfWindow), 0u);
    net.client(kHttp, 65535, "01");
    CHECK_EQ(net.counter(Counter::kOutOfWindow), 1u);
    net.server(kHttp, 0, {}, 0, kAck, {.window = 20000});
    net.client(kHttp, 79990, "0123456789");
    CHECK_EQ(net.counter(Counter::kOutOfWindow), 1u);
  });
}

TEST(urgent_octets_stay_in_the_stream) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "abc", 0, kAck | kUrg, {.urgent = 2});
    net.release(Dir::kOrig, 3);
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK(!frames[0].has(kUrg));
    CHECK_EQ(frames[0].packet.urgent_pointer, 0);
    CHECK_EQ(net.counter(Counter::kUrgentCleared), 1u);
    net.client(kHttp, 3, {}, 0, kAck | kUrg, {.urgent = 9});
    CHECK(!net.frames()[0].has(kUrg));
    // Nor does a part of a cut frame bring it back.
    net.client(kHttp, 3, "defghi", 0, kAck | kUrg, {.urgent = 2});
    net.release(Dir::kOrig, 5);
    net.release(Dir::kOrig, 9);
    for (const Sent& sent : net.frames()) CHECK(!sent.has(kUrg));
  });
}

TEST(fin_stays_behind_its_data) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 3, {}, 0, kAck | kFin);
    CHECK_EQ(net.events().size(), 0u);
    net.client(kHttp, 0, "abc");
    CHECK_EQ(net.frames().size(), 0u);
    Events events = net.events();
    CHECK_EQ(events.joined(Dir::kOrig), "abc");
    CHECK(events.last(EventKind::kOctets).ended());
    net.release(Dir::kOrig, 3);
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 2u);
    CHECK_EQ(frames[0].payload(), "abc");
    CHECK(frames[1].has(kFin));
    // A FIN alone is told as an end without octets, and passes once all before it did.
    net.server(kHttp, 0, {}, 4, kAck | kFin);
    events = net.events();
    CHECK_EQ(events.last(EventKind::kOctets).header.a, 0u);
    CHECK(events.last(EventKind::kOctets).ended());
    CHECK(net.frames()[0].has(kFin));
    net.client(kHttp, 4, {}, 1);
    CHECK_EQ(net.events().last(EventKind::kClosed).header.c,
             static_cast<uint8_t>(engine::Closed::kFin));
    // Nothing may follow the FIN.
    net.client(kHttp, 4, "more", 1);
    CHECK_EQ(net.counter(Counter::kContradiction) + net.counter(Counter::kOutOfWindow), 1u);
  });
}

TEST(reset_drops_what_is_held_and_is_exact) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.client(kHttp, 0, "abcdef");
    net.forget();
    net.client(kHttp, 900000, {}, 0, kRst);
    CHECK_EQ(net.counter(Counter::kOutOfWindow), 1u);
    net.client(kHttp, 6, {}, 0, kRst);
    const std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK(frames[0].has(kRst) && !frames[0].to_pod);
    CHECK_EQ(frames[0].packet.sequence, kClientIsn + 1);
    CHECK_EQ(net.events().last(EventKind::kClosed).header.c,
             static_cast<uint8_t>(engine::Closed::kRst));
    net.release(Dir::kOrig, 6);
    CHECK_EQ(net.frames().size(), 0u);
    // Whoever did not see the reset gets nothing new through either.
    net.client(kHttp, 0, "abcdef");
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.counter(Counter::kHeldOctets), 0u);
  });
}

TEST(syn_payload_is_payload) {
  both([](uint8_t family) {
    Net net(family);
    net.tcp(true, kHttp, kSyn, kClientIsn, 0, "GET /");
    std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK(frames[0].has(kSyn));
    CHECK_EQ(frames[0].payload(), "");
    CHECK_EQ(net.events().joined(Dir::kOrig), "GET /");
    net.tcp(false, kHttp, kSyn | kAck, kServerIsn, kClientIsn + 1);
    net.client(kHttp, 0, "GOT /");
    CHECK_EQ(net.counter(Counter::kContradiction), 1u);
    net.client(kHttp, 0, "GET /");
    CHECK_EQ(net.events().joined(Dir::kOrig), "");
    net.forget();
    net.release(Dir::kOrig, 5);
    CHECK_EQ(net.sent_payload(false), "GET /");
  });
}

TEST(skipped_octets_pass_with_their_transaction) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "head");
    net.skip(Dir::kOrig, 4, 10);
    CHECK_EQ(net.frames().size(), 0u);
    net.client(kHttp, 4, "body");
    CHECK_EQ(net.frames().size(), 0u);
    net.release(Dir::kOrig, 4);
    CHECK_EQ(net.sent_payload(false), "headbody");
    net.forget();
    net.client(kHttp, 8, "bodyBOnext");
    CHECK_EQ(net.events().joined(Dir::kOrig), "next");
    CHECK_EQ(net.sent_payload(false), "bodyBO");
    net.release(Dir::kOrig, 18);
    CHECK_EQ(net.sent_payload(false), "bodyBOnext");
    net.forget();
    net.skip(Dir::kOrig, 18, engine::kToEnd);
    net.client(kHttp, 18, "tail", 0, kAck | kFin);
    CHECK_EQ(net.sent_payload(false), "tail");
    CHECK_EQ(net.events().joined(Dir::kOrig), "");
  });
}

TEST(skip_over_what_was_already_delivered_goes_on_behind_it) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "headbodyNEXT");
    CHECK_EQ(net.events().joined(Dir::kOrig), "headbodyNEXT");
    net.release(Dir::kOrig, 4);
    net.skip(Dir::kOrig, 4, 4);
    CHECK_EQ(net.sent_payload(false), "headbody");
    net.release(Dir::kOrig, 12);
    CHECK_EQ(net.sent_payload(false), "headbodyNEXT");
    CHECK_EQ(net.events().joined(Dir::kOrig), "");
  });
}

TEST(need_delays_the_next_report) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "a");
    net.need(Dir::kOrig, 4);
    net.client(kHttp, 1, "bc");
    CHECK_EQ(net.events().joined(Dir::kOrig), "a");
    net.client(kHttp, 3, "de");
    Events events = net.events();
    CHECK_EQ(events.size(), 1u);
    CHECK_EQ(events.joined(Dir::kOrig), "bcde");
    net.need(Dir::kOrig, 100);
    net.client(kHttp, 5, "f", 0, kAck | kFin);
    CHECK(net.events().last(EventKind::kOctets).ended());
  });
}

TEST(need_only_delays_and_may_say_where_it_counts_from) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "abc");
    net.need(Dir::kOrig, 100);
    net.client(kHttp, 3, "d");
    net.pass(kSecond / 20);
    CHECK_EQ(net.events().joined(Dir::kOrig), "abcd");
    // Counted when only "a" had been told.
    engine::CommandHeader need = net.make(CommandKind::kNeed, Dir::kOrig, 1);
    need.count = 5;
    net.send(need);
    net.client(kHttp, 4, "e");
    CHECK_EQ(net.events().joined(Dir::kOrig), "");
    net.client(kHttp, 5, "f");
    CHECK_EQ(net.events().joined(Dir::kOrig), "ef");
  });
}

TEST(hold_time_ends_by_the_failure_setting) {
  both([](uint8_t family) {
    for (const Took failure : {Took::kOpen, Took::kClosed}) {
      Net net(family, {.failure = failure});
      net.handshake(kHttp);
      net.client(kHttp, 0, "abc");
      net.forget();
      net.pass(kSecond - 1);
      CHECK_EQ(net.events().size(), 0u);
      net.pass(1);
      Events events = net.events();
      const Event ended = events.last(EventKind::kHoldEnded);
      CHECK_EQ(ended.header.c, static_cast<uint8_t>(engine::HoldCause::kTime));
      CHECK_EQ(ended.header.d, static_cast<uint8_t>(failure));
      CHECK_EQ(net.counter(Counter::kHoldTime), 1u);
      const std::vector<Sent> frames = net.frames();
      if (failure == Took::kOpen) {
        CHECK_EQ(frames.size(), 1u);
        CHECK_EQ(frames[0].payload(), "abc");
        net.client(kHttp, 3, "def");
        CHECK_EQ(net.sent_payload(false), "def");
        CHECK_EQ(net.events().size(), 0u);
      } else {
        CHECK_EQ(frames.size(), 2u);
        CHECK_EQ(events.last(EventKind::kClosed).header.rule, 7u);
        net.client(kHttp, 3, "def");
        CHECK(net.frames()[0].has(kRst));
      }
    }
  });
}

TEST(hole_alone_does_not_end_a_flow) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 3, "def");
    net.pass(2 * kSecond);
    CHECK_EQ(net.events().size(), 0u);
    net.client(kHttp, 0, "abcdef");
    CHECK_EQ(net.events().joined(Dir::kOrig), "abcdef");
  });
}

TEST(full_direction_leaves_segments_to_be_sent_again) {
  both([](uint8_t family) {
    engine::Limits limits;
    limits.hold_octets_per_direction = 10;
    Net net(family, {.failure = Took::kOpen, .limits = limits});
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "0123456789");
    net.client(kHttp, 10, "abc");
    CHECK_EQ(net.counter(Counter::kHoldFull), 1u);
    CHECK_EQ(net.events().joined(Dir::kOrig), "0123456789");
    net.release(Dir::kOrig, 5);
    net.client(kHttp, 10, "abc");
    CHECK_EQ(net.events().joined(Dir::kOrig), "abc");
    // The parser wants more than may be held.
    net.client(kHttp, 13, "0123456789");
    net.forget();
    net.need(Dir::kOrig, 20);
    const Event ended = net.events().last(EventKind::kHoldEnded);
    CHECK_EQ(ended.header.c, static_cast<uint8_t>(engine::HoldCause::kMemory));
    CHECK_EQ(net.counter(Counter::kHoldMemory), 1u);
    CHECK_EQ(net.sent_payload(false), "56789abc0123456789");
  });
}

TEST(node_limit_ends_a_hold) {
  both([](uint8_t family) {
    engine::Limits limits;
    limits.hold_octets_total = 5000;
    Net net(family, {.failure = Took::kOpen, .limits = limits});
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, std::string(1000, 'a'));
    net.client(kHttp, 1000, std::string(1400, 'b'));
    net.client(kHttp, 2400, std::string(1400, 'c'));
    CHECK_EQ(net.events().count(EventKind::kHoldEnded), 1u);
    CHECK_EQ(net.sent_payload(false).size(), 3800u);
  });
}

TEST(full_ring_takes_the_failure_setting) {
  both([](uint8_t family) {
    for (const Took failure : {Took::kOpen, Took::kClosed}) {
      Net net(family, {.failure = failure});
      net.handshake(kHttp);
      net.forget();
      net.ring.room = 0;
      net.client(kHttp, 0, "abc");
      net.ring.room = -1;
      if (failure == Took::kOpen)
        CHECK_EQ(net.sent_payload(false), "abc");
      else
        CHECK_EQ(net.sink.all.size(), 2u);
      net.pass(1);
      CHECK_EQ(net.events().count(EventKind::kLost), 1u);
    }
  });
}

TEST(octets_go_on_being_told_where_depth_is_content) {
  both([](uint8_t family) {
    Net net(family, {.deliver_all = true});
    net.handshake(kAllowed);
    net.client(kAllowed, 3, "def");
    net.client(kAllowed, 0, "abc");
    CHECK_EQ(net.sent_payload(false), "defabc");
    Events events = net.events();
    CHECK_EQ(events.joined(Dir::kOrig), "abcdef");
    CHECK(!events.last(EventKind::kOctets).held());
    net.client_port = 50000;
    net.handshake(kHttp);
    net.client(kHttp, 0, "abc");
    net.settle(true);
    net.client(kHttp, 3, "def");
    CHECK_EQ(net.events().joined(Dir::kOrig), "abcdef");
  });
}

TEST(settled_flow_is_not_read_any_more) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.client(kHttp, 0, "abc");
    net.forget();
    net.settle(true);
    CHECK_EQ(net.sent_payload(false), "abc");
    net.client(kHttp, 3, "def");
    net.server(kHttp, 0, "xyz", 6);
    CHECK_EQ(net.sink.all.size(), 3u);
    CHECK_EQ(net.events().size(), 0u);
    CHECK_EQ(net.counter(Counter::kHeldOctets), 0u);
  });
}

TAP_MAIN()
