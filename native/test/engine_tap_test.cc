// Tap: copies are read, nothing is sent; and changes between tap and inline.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

namespace {

const Setup kTap = {.path = EndpointPath::kTap, .failure = Took::kOpen, .strict = false};
// An option without a length, and room for a signature behind it: Linux before 6.7 takes the
// segment.
constexpr std::string_view kUnread("\xfe\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);

}  // namespace

TEST(tap_tells_everything_and_sends_nothing) {
  both([](uint8_t family) {
    Net net(family, kTap);
    net.handshake(kHttp);
    net.client(kHttp, 0, "GET");
    net.server(kHttp, 0, "200", 3);
    net.tcp(true, kDenied, kSyn, 1, 0);
    net.udp(true, kDenied, "x");
    net.udp(true, kDns, "query");
    Events events = net.events();
    CHECK_EQ(events.count(EventKind::kOpened), 4u);
    CHECK_EQ(events.count(EventKind::kClosed), 0u);
    CHECK_EQ(events.joined(Dir::kOrig), "GETquery");
    CHECK_EQ(events.joined(Dir::kReply), "200");
    CHECK(!events.last(EventKind::kOctets).held());
    net.deny(Dir::kOrig, 0, Answer::kReset);
    net.client(kHttp, 100, {}, 0, kRst);
    net.pass(10 * kSecond);
    CHECK_EQ(net.sink.all.size(), 0u);
  });
}

TEST(tap_reads_allowed_flows_until_settled) {
  both([](uint8_t family) {
    Net net(family, kTap);
    net.handshake(kAllowed);
    net.client(kAllowed, 0, "SSH-2.0");
    CHECK_EQ(net.events().joined(Dir::kOrig), "SSH-2.0");
    net.settle(true);
    net.client(kAllowed, 7, "more");
    CHECK_EQ(net.events().joined(Dir::kOrig), "");
  });
}

TEST(tap_puts_segments_in_order_as_linux_does) {
  both([](uint8_t family) {
    Net net(family, kTap);
    net.handshake(kHttp);
    // 6.18: a covering segment replaces a queued one.
    net.client(kHttp, 4, "aaaa");
    net.client(kHttp, 4, "BBBBBBBB");
    net.client(kHttp, 0, "HHHH");
    CHECK_EQ(net.events().joined(Dir::kOrig), "HHHHBBBBBBBB");
    net.client(kHttp, 0, "XXXX");
    CHECK_EQ(net.events().size(), 1u - 1u);
    // Where two overlap, the one that starts first supplies the octets.
    net.client(kHttp, 16, "cccc");
    net.client(kHttp, 14, "dddd");
    net.client(kHttp, 12, "ee");
    CHECK_EQ(net.events().joined(Dir::kOrig), "eeddddcc");
  });
}

TEST(tap_reports_a_gap_where_the_capture_lost_octets) {
  both([](uint8_t family) {
    Net net(family, kTap);
    net.handshake(kHttp);
    net.client(kHttp, 0, "abc");
    net.client(kHttp, 10, "klm");
    CHECK_EQ(net.events().count(EventKind::kGap), 0u);
    net.server(kHttp, 0, {}, 13);
    Events events = net.events();
    const Event gap = events.last(EventKind::kGap);
    CHECK_EQ(gap.header.at, 3u);
    CHECK_EQ(gap.header.a, 7u);
    CHECK_EQ(gap.header.c, static_cast<uint8_t>(engine::GapCause::kLost));
    CHECK_EQ(events.joined(Dir::kOrig), "klm");
    CHECK_EQ(events.last(EventKind::kOctets).header.at, 10u);
  });
}

TEST(tap_gives_a_hole_up_when_too_much_waits_behind_it) {
  both([](uint8_t family) {
    Setup setup = kTap;
    setup.limits.out_of_order_octets = 10;
    Net net(family, setup);
    net.handshake(kHttp);
    net.client(kHttp, 5, "01234567");
    net.client(kHttp, 13, "89abc");
    Events events = net.events();
    CHECK_EQ(events.last(EventKind::kGap).header.c,
             static_cast<uint8_t>(engine::GapCause::kOutOfOrderLimit));
    CHECK_EQ(events.last(EventKind::kGap).header.a, 5u);
    CHECK_EQ(events.joined(Dir::kOrig), "0123456789abc");
    CHECK_EQ(net.counter(Counter::kOutOfOrderLimit), 1u);
  });
}

TEST(tap_tells_of_octets_that_the_ring_lost) {
  both([](uint8_t family) {
    Net net(family, kTap);
    net.handshake(kHttp);
    net.ring.room = 0;
    net.client(kHttp, 0, "abc");
    net.ring.room = -1;
    net.client(kHttp, 3, "def");
    Events events = net.events();
    CHECK_EQ(events.count(EventKind::kLost), 1u);
    CHECK_EQ(events.last(EventKind::kGap).header.at, 0u);
    CHECK_EQ(events.last(EventKind::kGap).header.a, 3u);
    CHECK_EQ(events.joined(Dir::kOrig), "def");
  });
}

TEST(tap_follows_a_connection_from_its_middle) {
  both([](uint8_t family) {
    Net net(family, kTap);
    net.client(9000, 500, "abc", 100);
    net.server(9000, 100, "def", 503);
    Events events = net.events();
    CHECK_EQ(events.last(EventKind::kOpened).header.d,
             static_cast<uint8_t>(engine::Start::kMidstream));
    CHECK_EQ(events.joined(Dir::kOrig), "abc");
    CHECK_EQ(events.joined(Dir::kReply), "def");
  });
}

TEST(tap_tells_the_rest_before_the_end) {
  both([](uint8_t family) {
    Net net(family, kTap);
    net.handshake(kHttp);
    net.client(kHttp, 0, "a");
    net.need(Dir::kOrig, 100);
    net.client(kHttp, 1, "bc");
    net.client(kHttp, 3, {}, 0, kRst);
    Events events = net.events();
    CHECK_EQ(events.joined(Dir::kOrig), "abc");
    CHECK(events.back().header.kind == EventKind::kClosed);
  });
}

TEST(tap_does_not_know_what_a_receiver_took_that_resets) {
  both([](uint8_t family) {
    const TcpOptions unread{.raw = kUnread};
    Net net(family, kTap);
    net.handshake(kHttp);
    net.client(kHttp, 0, "abc");
    net.client(kHttp, 3, "defg", 0, kAck, unread);
    CHECK_EQ(net.events().joined(Dir::kOrig), "abc");
    net.server(kHttp, 0, {}, 3, kRst);
    Events events = net.events();
    CHECK_EQ(events.last(EventKind::kGap).header.at, 3u);
    CHECK(events.back().header.kind == EventKind::kClosed);
  });
}

TEST(tap_counts_other_octets_where_some_are_in_doubt) {
  both([](uint8_t family) {
    const TcpOptions unread{.raw = kUnread};
    Net net(family, kTap);
    net.handshake(kHttp);
    net.client(kHttp, 0, "abcd", 0, kAck, unread);
    net.client(kHttp, 0, "abcd");
    CHECK_EQ(net.counter(Counter::kContradiction), 0u);
    net.client(kHttp, 4, "efgh", 0, kAck, unread);
    net.client(kHttp, 4, "EFGH");
    CHECK_EQ(net.counter(Counter::kContradiction), 1u);
  });
}

TEST(inline_follows_tap_without_loss) {
  both([](uint8_t family) {
    Setup setup = kTap;
    setup.failure = Took::kClosed;
    Net net(family, setup);
    net.handshake(kHttp);
    net.client(kHttp, 0, "abc");
    net.client(kHttp, 6, "ghi");
    net.set_path(EndpointPath::kInline);
    CHECK_EQ(net.frames().size(), 0u);
    // A retransmission of what went past before is nobody's business.
    net.client(kHttp, 0, "abc");
    CHECK_EQ(net.frames().size(), 1u);
    net.client(kHttp, 3, "def");
    CHECK_EQ(net.sent_payload(false), "def");
    net.forget();
    net.client(kHttp, 9, "jkl");
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.events().joined(Dir::kOrig), "jkl");
    net.release(Dir::kOrig, 12);
    CHECK_EQ(net.sent_payload(false), "jkl");
  });
}

TEST(inline_cuts_what_tap_only_recorded) {
  both([](uint8_t family) {
    Net net(family, kTap);
    net.handshake(kDenied);
    net.forget();
    net.set_path(EndpointPath::kInline);
    CHECK_EQ(net.frames().size(), 2u);
    CHECK_EQ(net.events().last(EventKind::kClosed).header.rule, kDenyRule);
    net.set_path(EndpointPath::kTap);
    net.client_port = 50000;
    net.handshake(kHttp);
    net.deny(Dir::kOrig, 0, Answer::kReset);
    net.forget();
    net.set_path(EndpointPath::kInline);
    CHECK_EQ(net.frames().size(), 2u);
    CHECK_EQ(net.events().last(EventKind::kClosed).header.rule, kJudgeRule);
  });
}

TEST(copies_are_shed_while_the_reader_is_behind) {
  both([](uint8_t family) {
    Net net(family, kTap);
    net.handshake(kHttp);
    net.ring.behind = true;
    net.client(kHttp, 0, "GET");
    CHECK_EQ(net.events().joined(Dir::kOrig), "");
    CHECK_EQ(net.counter(Counter::kCopiesShed), 1u);
    net.ring.behind = false;
    net.client(kHttp, 3, " / ");
    Events events = net.events();
    CHECK_EQ(events.last(EventKind::kGap).header.at, 0u);
    CHECK_EQ(events.last(EventKind::kGap).header.a, 3u);
    CHECK_EQ(events.joined(Dir::kOrig), " / ");
    CHECK_EQ(net.counter(Counter::kEventsLost), 0u);
  });
}

TEST(what_waits_for_its_verdict_is_never_shed) {
  both([](uint8_t family) {
    Net net(family);
    net.ring.behind = true;
    net.handshake(kHttp);
    net.client(kHttp, 0, "GET");
    CHECK_EQ(net.events().joined(Dir::kOrig), "GET");
    net.udp(true, kDns, "query");
    CHECK_EQ(net.events().joined(Dir::kOrig), "query");
    CHECK_EQ(net.counter(Counter::kCopiesShed), 0u);
  });
}

TEST(tap_follows_inline_without_loss) {
  both([](uint8_t family) {
    Net net(family);
    net.handshake(kHttp);
    net.client(kHttp, 0, "abc");
    net.udp(true, kDns, "query");
    net.forget();
    net.set_path(EndpointPath::kTap);
    CHECK_EQ(net.sent_payload(false).size(), 8u);
    CHECK_EQ(net.counter(Counter::kHeldOctets) < 100, true);
    net.forget();
    net.client(kHttp, 3, "def");
    net.pass(2 * kSecond);
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.events().joined(Dir::kOrig), "def");
    net.set_path(EndpointPath::kInline);
    net.client(kHttp, 6, "ghi");
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.events().joined(Dir::kOrig), "ghi");
  });
}

TAP_MAIN()
