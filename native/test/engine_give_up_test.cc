// Each cause for which the engine gives up reading or keeping: counted, and what becomes of the
// traffic is the endpoint's failure setting or a drop, never a silent pass (docs/tcp.md).
#include <array>

#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

namespace {

constexpr size_t kIpv6FragmentOctets = 8;

// Over both families and both failure settings.
template <typename Run>
void each(Run run) {
  both([&](uint8_t family) {
    for (const Took failure : {Took::kOpen, Took::kClosed}) run(family, failure);
  });
}

void check_ended_hold(Net& net, Took failure, const std::string& held) {
  const Event ended = net.events().last(EventKind::kHoldEnded);
  CHECK_EQ(ended.header.d, static_cast<uint8_t>(failure));
  CHECK_EQ(net.sent_payload(false), failure == Took::kOpen ? held : "");
  std::array<bool, 2> is_reset = {};  // by whether it is the pod
  for (const Sent& sent : net.sink.all) is_reset[sent.to_pod] |= sent.has(kRst);
  for (const bool one : is_reset) CHECK_EQ(one, failure == Took::kClosed);
}

// The first fragment of a datagram whose rest never comes.
std::string first_fragment(const Net& net, uint16_t port) {
  const std::string octets = udp_octets(kClientPort, port, "0123456789abc").substr(0, 16);
  if (net.family == 4) {
    std::string frame = net.ip(true, {4, IPPROTO_UDP}, octets);
    std::string header = frame.substr(14, 20);
    header.replace(6, 2, be16(0x2000)).replace(10, 2, be16(0));
    return frame.replace(14, 20, header.replace(10, 2, be16(checksum(header))));
  }
  const std::string fragment = std::string{IPPROTO_UDP, 0} + be16(1) + be32(77);
  CHECK_EQ(fragment.size(), kIpv6FragmentOctets);
  return net.ip(true, {6, IPPROTO_FRAGMENT}, fragment + octets);
}

}  // namespace

TEST(node_memory) {
  each([](uint8_t family, Took failure) {
    engine::Limits limits;
    limits.hold_octets_total = 5000;
    Net net(family, {.failure = failure, .limits = limits});
    net.handshake(kHttp);
    net.forget();
    std::string sent;
    for (uint32_t i = 0; i < 3 && net.counter(Counter::kHoldMemory) == 0; ++i) {
      const std::string octets(1000, static_cast<char>('a' + i));
      net.client(kHttp, i * 1000, octets);
      sent += octets;
    }
    CHECK_EQ(net.counter(Counter::kHoldMemory), 1u);
    check_ended_hold(net, failure, sent);
  });
}

TEST(parser_wants_more_than_may_be_held) {
  each([](uint8_t family, Took failure) {
    engine::Limits limits;
    limits.hold_octets_per_direction = 10;
    Net net(family, {.failure = failure, .limits = limits});
    net.handshake(kHttp);
    net.client(kHttp, 0, "0123456789");
    net.forget();
    net.need(Dir::kOrig, 20);
    CHECK_EQ(net.counter(Counter::kHoldMemory), 1u);
    check_ended_hold(net, failure, "0123456789");
  });
}

TEST(full_ring_is_counted) {
  each([](uint8_t family, Took failure) {
    Net net(family, {.failure = failure});
    net.handshake(kHttp);
    net.forget();
    net.ring.room = 0;
    net.client(kHttp, 0, "abc");
    CHECK(net.counter(Counter::kEventsLost) > 0);
    CHECK_EQ(net.sent_payload(false), failure == Took::kOpen ? "abc" : "");
  });
}

TEST(no_policy_yet) {
  each([](uint8_t family, Took failure) {
    Net net(family, {.failure = failure});
    net.engine->set_policy(nullptr, net.now);
    net.udp(true, kDns, "a");
    CHECK_EQ(net.sent_payload(false), failure == Took::kOpen ? "a" : "");
    CHECK_EQ(net.counter(Counter::kDeniedFrames), failure == Took::kOpen ? 0u : 1u);
  });
}

TEST(evicted_flow_is_not_open) {
  each([](uint8_t family, Took failure) {
    engine::Limits limits;
    limits.flows = 1;
    Net net(family, {.failure = failure, .limits = limits});
    net.handshake(kHttp);
    net.udp(true, 9000, "a");
    net.forget();
    CHECK_EQ(net.counter(Counter::kFlowTableFull), 1u);
    net.client(kHttp, 0, "abc");
    CHECK_EQ(net.sent_payload(false), "");
    CHECK_EQ(net.counter(Counter::kMidstreamDenied), 1u);
  });
}

TEST(no_room_for_fragments) {
  each([](uint8_t family, Took failure) {
    engine::Limits limits;
    limits.fragment_octets_total = 10;
    Net net(family, {.failure = failure, .limits = limits});
    net.receive(true, first_fragment(net, 9000));
    CHECK_EQ(net.counter(Counter::kFragmentsDropped), 1u);
    CHECK_EQ(net.frames().size(), 0u);
  });
}

TEST(contradiction_is_dropped) {
  each([](uint8_t family, Took failure) {
    Net net(family, {.failure = failure});
    net.handshake(kHttp);
    net.forget();
    net.client(kHttp, 0, "abc");
    net.client(kHttp, 0, "abd");
    net.release(Dir::kOrig, 3);
    net.client(kHttp, 0, "abd");
    CHECK_EQ(net.counter(Counter::kContradiction), 2u);
    CHECK_EQ(net.sent_payload(false), "abc");
  });
}

// NeuVector's faults, by their numbers in docs/tcp.md.

TEST(fault_11_much_out_of_order_is_no_bypass) {
  each([](uint8_t family, Took failure) {
    Net net(family, {.failure = failure});
    const int wide = 7;
    net.handshake(kHttp, wide);
    net.server(kHttp, 0, "", 0, kAck, {65535});
    net.forget();
    constexpr uint32_t kSegments = 80, kOctets = 1000;
    for (uint32_t i = 1; i <= kSegments; ++i)
      net.client(kHttp, i * kOctets, std::string(kOctets, 'b'), 0, kAck, {65535});
    net.pass(2 * kSecond);
    CHECK_EQ(net.sent_payload(false), "");
    CHECK_EQ(net.counter(Counter::kOutOfOrderLimit), 1u);
    CHECK_EQ(net.events().size(), 0u);
    // Dropped meanwhile: it comes again, and is read in order.
    for (uint32_t i = 0; i <= kSegments; ++i)
      net.client(kHttp, i * kOctets, std::string(kOctets, 'b'), 0, kAck, {65535});
    CHECK_EQ(net.sent_payload(false), "");
    CHECK_EQ(net.events().joined(Dir::kOrig).size(), size_t{kSegments + 1} * kOctets);
  });
}

TEST(fault_12_midstream_is_judged) {
  each([](uint8_t family, Took failure) {
    Net net(family, {.failure = failure});
    net.client(kHttp, 100, "GET");
    CHECK_EQ(net.counter(Counter::kMidstreamDenied), 1u);
    CHECK_EQ(net.sent_payload(false), "");
    // A denied one neither; what both ends might have opened passes, and is read where it is asked.
    net.client(kDenied, 100, "x");
    CHECK_EQ(net.sent_payload(false), "");
    net.config.deliver_all = true;
    net.engine->set_endpoint(net.config, net.now);
    net.forget();
    net.client(kAllowed, 100, "x");
    CHECK_EQ(net.sent_payload(false), "x");
    CHECK_EQ(net.events().joined(Dir::kOrig), "x");
  });
}

TEST(fault_16_fragments_of_a_queue_wait) {
  each([](uint8_t family, Took failure) {
    TicketQueue queue;
    {
      Net net(family, {.failure = failure});
      net.queue = &queue;
      net.receive(true, first_fragment(net, kDenied));
      CHECK_EQ(queue.waiting(), 1u);
      net.pass(31 * kSecond);
      CHECK_EQ(net.counter(Counter::kFragmentsDropped), 1u);
      CHECK_EQ(queue.dropped(), 1u);
    }
    CHECK_EQ(queue.accepted(), 0u);
  });
}

TEST(fault_16_undecodable_packets_of_a_queue_are_not_accepted) {
  each([](uint8_t family, Took failure) {
    for (const bool strict : {true, false}) {
      TicketQueue queue;
      Net net(family, {.failure = failure, .strict = strict});
      net.queue = &queue;
      net.receive(true, net.ip(true, {family, IPPROTO_UDP}, "1234"));
      CHECK_EQ(net.counter(Counter::kMalformed), 1u);
      CHECK_EQ(queue.waiting(), 0u);
      // Only where failure is open, and the endpoint not protected.
      CHECK_EQ(queue.accepted(), !strict && failure == Took::kOpen ? 1u : 0u);
    }
  });
}

TAP_MAIN()
