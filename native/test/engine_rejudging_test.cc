// A new policy and very many live flows: some at a time, and whatever comes of one at once.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

namespace {

constexpr uint32_t kFlows = 20000;
constexpr uint16_t kFirstPort = 1024;
// 100 000 flows are five times as many turns, of some milliseconds each: within a second.
constexpr int kTurnsMost = 60;

// The last one that opened is the last one that is looked at.
void open_flows(Net& net) {
  for (uint32_t i = 0; i < kFlows; ++i) {
    net.client_port = static_cast<uint16_t>(kFirstPort + i);
    net.tcp(true, kAllowed, kSyn, kClientIsn, 0);
  }
  net.forget();
}

size_t count_closed(Net& net) { return net.events().count(EventKind::kClosed); }

}  // namespace

TEST(very_many_flows_are_judged_anew_some_at_a_time) {
  Net net(4);
  open_flows(net);
  net.change_policy(kAllowed, {L4Verdict::kDeny, kDenyRule});
  size_t closed = count_closed(net);
  CHECK(closed > 0 && closed < kFlows / 4);
  int turns = 0;
  while (net.engine->rejudge(net.now)) {
    const size_t some = count_closed(net);
    CHECK(some < kFlows / 4);
    closed += some;
    ++turns;
  }
  CHECK_EQ(closed + count_closed(net), size_t{kFlows});
  CHECK(turns > 4 && turns < kTurnsMost);
}

TEST(what_comes_of_a_flow_has_it_judged_first) {
  both([](uint8_t family) {
    Net net(family);
    open_flows(net);
    net.change_policy(kAllowed, {L4Verdict::kDeny, kDenyRule});
    net.forget();
    net.server(kAllowed, 0, "late", 0);
    CHECK_EQ(net.sent_payload(true), "");
    Events events = net.events();
    CHECK_EQ(events.count(EventKind::kClosed), 1u);
    const Event closed = events.last(EventKind::kClosed);
    CHECK_EQ(closed.header.rule, kDenyRule);
    // Once is enough.
    while (net.engine->rejudge(net.now)) continue;
    size_t again = 0;
    for (const Event& event : net.events())
      if (event.header.flow == closed.header.flow) ++again;
    CHECK_EQ(again, 0u);
  });
}

TEST(a_command_for_a_flow_that_the_policy_denies_releases_nothing) {
  Net net(4);
  open_flows(net);
  net.client_port = 999;
  net.handshake(kHttp);
  net.client(kHttp, 0, "GET /");
  net.forget();
  net.change_policy(kHttp, {L4Verdict::kDeny, kDenyRule});
  CHECK_EQ(net.events().count(EventKind::kClosed), 0u);
  net.release(Dir::kOrig, 5);
  CHECK_EQ(net.sent_payload(false), "");
  CHECK_EQ(net.events().last(EventKind::kClosed).header.rule, kDenyRule);
}

TEST(a_hold_that_runs_out_under_a_new_policy_is_judged_by_it) {
  Setup setup;
  setup.failure = Took::kOpen;
  Net net(4, setup);
  open_flows(net);
  net.client_port = 999;
  net.handshake(kHttp);
  net.client(kHttp, 0, "GET /");
  net.forget();
  net.change_policy(kHttp, {L4Verdict::kDeny, kDenyRule});
  net.pass(2 * kSecond);
  CHECK_EQ(net.sent_payload(false), "");
  CHECK_EQ(net.events().last(EventKind::kClosed).header.rule, kDenyRule);
}

// Denied flows are forgotten too, each when its turn or its next frame comes.
TEST(a_denied_flow_that_the_policy_allows_opens_anew) {
  Net net(4);
  open_flows(net);
  net.client_port = 999;
  net.tcp(true, kDenied, kSyn, kClientIsn, 0);
  net.forget();
  net.change_policy(kDenied, {L4Verdict::kAllow, kRule});
  net.tcp(true, kDenied, kSyn, kClientIsn, 0);
  CHECK_EQ(net.frames().size(), 1u);
  CHECK_EQ(net.events().count(EventKind::kOpened), 1u);
}

TAP_MAIN()
