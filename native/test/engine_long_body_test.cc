// A long body that the judge skips passes in the kernel; what is before and behind it is judged.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

namespace {

Setup carried() {
  Setup setup;
  setup.epoch = 77;
  return setup;
}

constexpr uint64_t kBody = 1u << 20;

// Head of 8 octets judged and released, its body skipped.
void start_body(Net& net, uint64_t octets = kBody) {
  net.handshake(kHttp);
  net.client(kHttp, 0, "GET / X ");
  net.release(Dir::kOrig, 8);
  net.server(kHttp, 0, "200 OK  ", 8);
  net.release(Dir::kReply, 8);
  net.skip(Dir::kReply, 8, octets);
}

TEST(a_long_body_passes_and_what_follows_is_judged) {
  both([](uint8_t family) {
    Net net(family, carried());
    start_body(net);
    CHECK_EQ(net.carried.bodies, 1u);
    // The pod is the client: towards it the body, from it acknowledgements only.
    CHECK_EQ(net.carried.ranges[1].from, kServerIsn + 1 + 8);
    CHECK_EQ(net.carried.ranges[1].to, kServerIsn + 1 + 8 + kBody);
    CHECK_EQ(net.carried.ranges[0].from, kClientIsn + 1 + 8);
    CHECK_EQ(net.carried.ranges[0].to, net.carried.ranges[0].from);
    net.carried.counts = {{10, 20}, {1000, 2000}};
    net.forget();
    // Of a frame that crosses the end only what lies behind it is held and read.
    net.server(kHttp, 8 + kBody - 4, "bodynext", 8);
    CHECK_EQ(net.carried.forgotten, 1u);
    CHECK_EQ(net.events().joined(Dir::kReply), "next");
    CHECK_EQ(net.sent_payload(true), "body");
    net.release(Dir::kReply, 8 + kBody + 4);
    CHECK_EQ(net.sent_payload(true), "bodynext");
  });
}

TEST(the_next_request_during_a_body_is_judged) {
  both([](uint8_t family) {
    Net net(family, carried());
    start_body(net);
    net.carried.counts.packets[1] = 5;
    net.forget();
    net.client(kHttp, 8, "GET /2  ", 5000);
    CHECK_EQ(net.carried.forgotten, 1u);
    CHECK_EQ(net.sent_payload(false), "");
    CHECK_EQ(net.events().joined(Dir::kOrig), "GET /2  ");
    net.deny(Dir::kOrig, 8, Answer::kReset);
    CHECK_EQ(net.events().last(EventKind::kClosed).closed.packets[1], 2u + 5u);
  });
}

TEST(a_short_body_stays) {
  both([](uint8_t family) {
    Net net(family, carried());
    start_body(net, 100 << 10);
    CHECK_EQ(net.carried.bodies, 0u);
    net.server(kHttp, 8, "body", 8);
    CHECK_EQ(net.sent_payload(true), "200 OK  body");
  });
}

TEST(a_body_to_the_end_is_carried_piece_by_piece) {
  both([](uint8_t family) {
    Net net(family, carried());
    start_body(net, engine::kToEnd);
    const uint32_t to = net.carried.ranges[1].to;
    CHECK_EQ(to, kServerIsn + 1 + 8 + (1u << 30));
    net.tcp(false, kHttp, kAck, to - 2, kClientIsn + 1 + 8, "ab");
    CHECK_EQ(net.carried.bodies, 1u);
    net.tcp(false, kHttp, kAck, to - 2, kClientIsn + 1 + 8, "abcd");
    CHECK_EQ(net.carried.bodies, 2u);
    CHECK_EQ(net.carried.ranges[1].from, to + 2);
  });
}

TEST(a_body_that_ends_early_ends_the_flow) {
  both([](uint8_t family) {
    Net net(family, carried());
    start_body(net);
    net.carried.counts = {{10, 20}, {1000, 2000}};
    net.forget();
    net.server(kHttp, 8 + 5000, "", 8, kFin | kAck);
    CHECK_EQ(net.carried.forgotten, 1u);
    const std::vector<Sent> frames = net.frames();
    CHECK(!frames.empty() && frames.back().has(kFin));
    net.client(kHttp, 8, "", 8 + 5001, kFin | kAck);
    net.settle(true);
    net.server(kHttp, 8 + 5001, "", 9);
    const Event closed = net.events().last(EventKind::kClosed);
    CHECK_EQ(static_cast<int>(closed.header.c), static_cast<int>(engine::Closed::kFin));
    CHECK(closed.closed.packets[1] > 20u);
  });
}

}  // namespace

TAP_MAIN()
