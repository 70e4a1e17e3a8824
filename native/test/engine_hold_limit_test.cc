// Where a hold ends without its judge: by time, by memory, by a full ring.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

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
    limits.unread_octets_per_direction = 10;
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

TEST(what_the_judge_has_not_read_waits_beyond_the_limit) {
  both([](uint8_t family) {
    engine::Limits limits;
    limits.hold_octets_per_direction = 10;
    Net net(family, {.failure = Took::kOpen, .limits = limits});
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "0123456789");
    net.client(kHttp, 10, "abc");
    CHECK_EQ(net.counter(Counter::kHoldFull), 0u);
    CHECK_EQ(net.events().joined(Dir::kOrig), "0123456789abc");
    // The parser wants more than may be held.
    net.need(Dir::kOrig, 20);
    CHECK_EQ(net.counter(Counter::kHoldMemory), 1u);
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

TAP_MAIN()
