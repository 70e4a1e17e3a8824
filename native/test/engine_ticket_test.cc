// Packets of a queue: each is settled once, accepted only where its frame leaves unchanged, and
// none is left behind.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

namespace {

constexpr uint8_t kPsh = 8;

// The queue outlives the net, whose flows have tickets.
struct Queued {
  explicit Queued(uint8_t family, const Setup& setup = {})
      : net(std::make_unique<Net>(family, setup)) {
    net->queue = &queue;
  }
  TicketQueue queue;
  std::unique_ptr<Net> net;
};

Setup tap() {
  Setup setup;
  setup.path = EndpointPath::kTap;
  return setup;
}

TEST(allowed_goes_on_as_itself_and_denied_is_dropped) {
  both([](uint8_t family) {
    Queued q(family);
    q.net->handshake(kAllowed);
    CHECK_EQ(q.queue.accepted(), 3u);
    q.net->forget();
    q.net->tcp(true, kDenied, kSyn, 1, 0);
    CHECK_EQ(q.queue.dropped(), 1u);
    // The reset is the engine's own frame: it has no ticket.
    const std::vector<Sent> sent = q.net->frames();
    CHECK_EQ(sent.size(), 1u);
    CHECK(!sent[0].was_queued && sent[0].has(kRst));
    CHECK_EQ(q.queue.waiting(), 0u);
  });
}

TEST(held_packets_wait_in_the_queue) {
  both([](uint8_t family) {
    Queued q(family);
    q.net->handshake(kHttp);
    q.net->client(kHttp, 0, "GET / ");
    q.net->client(kHttp, 6, "HTTP/1.1");
    CHECK_EQ(q.queue.waiting(), 2u);
    q.net->release(Dir::kOrig, 6);
    CHECK_EQ(q.queue.waiting(), 1u);
    q.net->settle(true);
    CHECK_EQ(q.queue.waiting(), 0u);
    CHECK_EQ(q.queue.accepted(), 5u);
    CHECK(q.net->frames().back().was_queued);
  });
}

TEST(a_frame_that_is_cut_leaves_the_queue_for_good) {
  both([](uint8_t family) {
    Queued q(family);
    q.net->handshake(kHttp);
    q.net->forget();
    q.net->client(kHttp, 0, "0123456789");
    q.net->release(Dir::kOrig, 4);
    CHECK_EQ(q.queue.dropped(), 1u);
    q.net->release(Dir::kOrig, 10);
    const std::vector<Sent> sent = q.net->frames();
    CHECK_EQ(sent.size(), 2u);
    for (const Sent& one : sent) CHECK(!one.was_queued);
    CHECK_EQ(q.queue.waiting(), 0u);
  });
}

TEST(an_urgent_frame_goes_on_as_another) {
  both([](uint8_t family) {
    Queued q(family);
    q.net->handshake(kHttp);
    q.net->forget();
    q.net->client(kHttp, 0, "0123456789", 0, kAck | kUrg, {65535, -1, 3});
    q.net->release(Dir::kOrig, 10);
    CHECK_EQ(q.net->sent_payload(false), "0123456789");
    CHECK(!q.net->frames()[0].was_queued);
    CHECK_EQ(q.queue.dropped(), 1u);
    CHECK_EQ(q.queue.waiting(), 0u);
  });
}

// Each end of what waits: the judge, time, the endpoint, the table, the engine.
TEST(what_is_held_is_dropped_with_its_flow) {
  using End = void (*)(Queued&);
  const End ends[] = {
      [](Queued& q) { q.net->deny(Dir::kOrig, 0, Answer::kReset); },
      [](Queued& q) { q.net->pass(2 * kSecond); },
      [](Queued& q) { q.net->engine->remove_endpoint(kEndpoint, q.net->now); },
      [](Queued& q) {
        q.net->client_port++;
        q.net->tcp(true, kAllowed, kSyn, 1, 0);
      },
      [](Queued& q) {
        q.net->change_policy(kHttp, {L4Verdict::kDeny, kDenyRule});
      },
      [](Queued& q) { q.net.reset(); },
  };
  both([&](uint8_t family) {
    for (const End end : ends) {
      Setup setup;
      setup.limits.flows = 1;
      Queued q(family, setup);
      q.net->handshake(kHttp);
      q.net->client(kHttp, 0, "GET / ");
      CHECK_EQ(q.queue.waiting(), 1u);
      end(q);
      CHECK_EQ(q.queue.waiting(), 0u);
      CHECK_EQ(q.queue.dropped(), 1u);
    }
  });
}

TEST(datagrams_wait_each_for_itself) {
  both([](uint8_t family) {
    Queued q(family);
    for (const char* payload : {"one", "two", "three"}) q.net->udp(true, kDns, payload);
    CHECK_EQ(q.queue.waiting(), 3u);
    q.net->deny(Dir::kOrig, 1, Answer::kRefusal, engine::Then::kContinue, "no");
    CHECK_EQ(q.queue.dropped(), 1u);
    q.net->release(Dir::kOrig, 3);
    CHECK_EQ(q.queue.accepted(), 2u);
    CHECK_EQ(q.queue.waiting(), 0u);
  });
}

TEST(fragments_are_settled_together) {
  both([](uint8_t family) {
    Queued q(family);
    const std::string whole = udp_octets(kClientPort, 9000, std::string(13, 'x'));
    const auto send = [&](uint16_t offset, bool more, const std::string& piece, uint16_t id) {
      IpFields fields{family, IPPROTO_UDP};
      fields.has_fragment_header = family == 6;
      fields.identification = id;
      const unsigned flag = family == 4 ? 0x2000 : 1;
      fields.fragment =
          static_cast<uint16_t>((family == 4 ? offset / 8 : offset) + (more ? flag : 0));
      q.net->receive(true, q.net->ip(true, fields, piece));
    };
    send(0, true, whole.substr(0, 16), 1);
    CHECK_EQ(q.queue.waiting(), 1u);
    // Without a checksum IPv6 has no such datagram.
    send(16, false, whole.substr(16), 1);
    CHECK_EQ(q.queue.waiting(), 0u);
    CHECK_EQ(family == 4 ? q.queue.accepted() : q.queue.dropped(), 2u);
    send(0, true, whole.substr(0, 16), 2);
    q.net->pass(40 * kSecond);
    CHECK_EQ(q.queue.waiting(), 0u);
  });
}

TEST(tap_lets_everything_pass) {
  both([](uint8_t family) {
    Queued q(family, tap());
    q.net->handshake(kHttp);
    q.net->client(kHttp, 0, "GET / ");
    q.net->tcp(true, kDenied, kSyn, 1, 0);
    q.net->receive(true, "no frame");
    CHECK_EQ(q.queue.accepted(), 6u);
    CHECK_EQ(q.net->frames().size(), 0u);
    CHECK_EQ(q.queue.count(wire::Fate::kAcceptSettled), 0u);
    q.net->settle(false);
  });
}

TEST(a_flow_is_settled_once_both_ends_have_spoken) {
  both([](uint8_t family) {
    Queued q(family);
    q.net->handshake(kAllowed);
    const std::vector<Sent> sent = q.net->frames();
    CHECK(!sent[0].is_settled && !sent[1].is_settled && sent[2].is_settled);
    // What is judged by its payload is not before the receiver has what was read.
    q.net->client_port++;
    q.net->handshake(kHttp);
    q.net->client(kHttp, 0, "GET / ");
    q.net->settle(true);
    q.net->server(kHttp, 0, {}, 6);
    CHECK(!q.net->frames().back().is_settled);
    q.net->client(kHttp, 6, "more");
    CHECK(q.net->frames().back().is_settled);
  });
}

TEST(the_end_of_a_flow_that_passed_unseen) {
  both([](uint8_t family) {
    Queued q(family);
    q.net->handshake(kAllowed);
    q.net->forget();
    constexpr uint32_t kUnseen = 3'000'000'000;
    // Longer than the idle time of a flow that is seen.
    q.net->pass(2 * 3600 * kSecond);
    CHECK_EQ(q.net->engine->flows(), 1u);
    q.net->client(kAllowed, kUnseen, "bye", 0, kAck | kFin | kPsh);
    q.net->server(kAllowed, 0, {}, kUnseen + 4, kAck | kFin);
    const Event closed = q.net->events().last(EventKind::kClosed);
    CHECK_EQ(closed.header.c, static_cast<uint8_t>(engine::Closed::kFin));
    CHECK(closed.closed.octets[0] >= kUnseen && closed.closed.octets[0] < kUnseen + 1000);
    CHECK(closed.closed.octets[1] < 1000);
    CHECK_EQ(q.queue.waiting(), 0u);
  });
}

TEST(a_policy_ends_what_passed_unseen_at_both_ends) {
  both([](uint8_t family) {
    Queued q(family);
    q.net->handshake(kAllowed);
    q.net->forget();
    q.net->change_policy(kAllowed, {L4Verdict::kDeny, kDenyRule});
    // Nobody knows where the ends stand: each is asked.
    std::vector<Sent> sent = q.net->frames();
    CHECK_EQ(sent.size(), 2u);
    for (const Sent& probe : sent) CHECK(!probe.has(kRst) && probe.has(kAck));
    q.net->client(kAllowed, 70'000, {}, 9000);
    sent = q.net->frames();
    CHECK_EQ(sent.size(), 2u);
    for (const Sent& reset : sent) {
      CHECK(reset.has(kRst));
      CHECK_EQ(reset.packet.sequence,
               reset.to_pod ? kServerIsn + 1 + 9000 : kClientIsn + 1 + 70'000);
    }
    CHECK_EQ(q.queue.dropped(), 1u);
  });
}

TEST(a_new_policy_settles_anew) {
  both([](uint8_t family) {
    Queued q(family);
    q.net->handshake(kHttp);
    q.net->settle(true);
    q.net->client(kHttp, 0, "x");
    CHECK(q.net->frames().back().is_settled);
    q.net->change_policy(kAllowed, {L4Verdict::kAllow, kRule});
    q.net->client(kHttp, 1, "y");
    CHECK(!q.net->frames().back().is_settled);
    q.net->settle(true);
    q.net->client(kHttp, 2, "z");
    CHECK(q.net->frames().back().is_settled);
  });
}

TEST(the_beginning_of_a_longer_packet_goes_on_as_another) {
  for (const bool is_tap : {false, true}) {
    Queued q(4, is_tap ? tap() : Setup{});
    q.net->handshake(kAllowed);
    q.net->forget();
    const std::string frame = q.net->ip(
        true, {4, IPPROTO_TCP},
        tcp_octets(kClientPort, kAllowed, kAck, kClientIsn + 1, kServerIsn + 1, "part", {}));
    wire::VnetHeader vnet = {};
    vnet.flags = wire::kDataValid;
    q.net->engine->receive({kEndpoint, wire::Toward::kNetwork, q.net->now, true}, vnet,
                           {reinterpret_cast<const uint8_t*>(frame.data()), frame.size()},
                           q.queue.issue());
    CHECK_EQ(q.queue.dropped(), is_tap ? 0u : 1u);
    CHECK_EQ(q.net->frames().size(), is_tap ? 0u : 1u);
    CHECK_EQ(q.queue.waiting(), 0u);
  }
}

}  // namespace

TAP_MAIN()
