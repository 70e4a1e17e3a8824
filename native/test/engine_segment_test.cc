// The segments of a held TCP flow: in order and once, and nothing that its receiver would read
// differently from the judge.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

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
    CHECK_EQ(net.counter(Counter::kUnacceptable), 1u);
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

TAP_MAIN()
