// Packets of tunnels that are out of the ordinary: cut, nested, broken, or not to be changed.
#include "test/engine_tunnel.h"

using namespace vethwall;
using namespace vethwall::engine_test;

namespace {

// An IPv4 packet within so many IP-in-IP headers.
std::string nested(const Overlay& overlay, int headers) {
  std::string packet =
      overlay.ip(true, {overlay.family, IPPROTO_UDP}, udp_octets(kClientPort, 9000, "query"));
  uint8_t protocol = overlay.family == 4 ? kIpv4InIp : kIpv6InIp;
  for (int i = 1; i < headers; ++i) {
    packet = overlay.ip(true, {overlay.family, protocol}, packet);
    protocol = overlay.family == 4 ? kIpv4InIp : kIpv6InIp;
  }
  return overlay.net.ip(true, {overlay.net.family, protocol}, packet);
}

// Where nothing is partial, checksums are verified.
std::string summed_udp(const Overlay& overlay, uint16_t port, std::string_view payload) {
  std::string l4 = udp_octets(kClientPort, port, payload);
  const std::string pseudo = inner_address(overlay.family, true) +
                             inner_address(overlay.family, false) +
                             be32(static_cast<uint32_t>(l4.size())) + be32(IPPROTO_UDP);
  return l4.replace(6, 2, be16(checksum(pseudo + l4)));
}

Setup with_depth(uint32_t depth) {
  Setup setup;
  setup.limits.tunnel_depth = depth;
  return setup;
}

}  // namespace

namespace {

class Neighbours : public engine::Relay {
 public:
  const wire::Spread& spread() const override { return spread_; }
  uint32_t own_shard() const override { return 0; }
  void pass(uint32_t shard, const wire::VnetHeader&, wire::Frame) override {
    passed.push_back(shard);
  }
  std::vector<uint32_t> passed;

 private:
  wire::Spread spread_ = {64, 1};
};

}  // namespace

TEST(tunnel_has_one_shard_whatever_its_source_ports) {
  all_pairs([](Net& net, const Overlay& overlay) {
    Neighbours neighbours;
    net.engine = engine::Engine::create({}, {1, 2}, net.sink, net.ring, nullptr, &neighbours);
    net.engine->set_endpoint(net.config, net.now);
    net.engine->set_policy(net.table, net.now);
    const std::string inner = overlay.frame(true, "inner");
    wire::VnetHeader vnet = {};
    vnet.flags = wire::kNeedsCsum;
    for (uint16_t port = 50000; port < 50032; ++port)
      for (const bool from_pod : {true, false}) {
        const std::string frame =
            net.ip(from_pod, {net.family, IPPROTO_UDP}, udp_octets(port, kVxlan, inner));
        const auto toward = from_pod ? wire::Toward::kNetwork : wire::Toward::kPod;
        net.engine->receive({kEndpoint, toward, net.now, false, false, true}, vnet,
                            {reinterpret_cast<const uint8_t*>(frame.data()), frame.size()}, {});
      }
    CHECK_EQ(neighbours.passed.size(), 64u);
    for (const uint32_t shard : neighbours.passed) CHECK_EQ(shard, neighbours.passed[0]);
  });
}

TEST(every_encapsulation_is_opened) {
  all_pairs([](Net& net, const Overlay& overlay) {
    const bool is_4 = overlay.family == 4;
    const std::string ip =
        overlay.ip(true, {overlay.family, IPPROTO_UDP}, udp_octets(kClientPort, kDenied, "query"));
    const std::string frame = overlay.frame(true, ip);
    const auto within = [&](uint8_t protocol, const std::string& l4) {
      overlay.receive(true, net.ip(true, {net.family, protocol}, l4));
    };
    within(is_4 ? kIpv4InIp : kIpv6InIp, ip);
    within(kGre, be16(0) + be16(is_4 ? 0x0800 : 0x86dd) + ip);
    within(kGre, be16(0x2000) + be16(0x6558) + be32(1) + frame);
    within(IPPROTO_UDP, udp_octets(1, kVxlan, vxlan_octets(1, frame)));
    within(IPPROTO_UDP, udp_octets(1, 8472, vxlan_octets(1, frame)));
    within(IPPROTO_UDP, udp_octets(1, kGeneve, be16(0) + be16(0x6558) + be32(0) + frame));
    CHECK_EQ(net.counter(Counter::kTunnelled), 6u);
    CHECK_EQ(net.counter(Counter::kDeniedFrames), 6u);
    CHECK_EQ(net.frames().size(), 0u);
  });
}

TEST(tunnels_in_tunnels_to_the_configured_depth) {
  for (const uint32_t depth : {1u, 2u, 3u}) {
    all_pairs(
        [&](Net& net, const Overlay& overlay) {
          for (int headers = 1; headers <= 4; ++headers) {
            overlay.receive(true, nested(overlay, headers));
            CHECK_EQ(net.frames().size(), headers <= static_cast<int>(depth) ? 1u : 0u);
          }
          CHECK_EQ(net.counter(Counter::kTunnelDepth), 4 - depth);
        },
        with_depth(depth));
  }
}

TEST(too_deep_passes_where_failure_is_open) {
  Setup setup;
  setup.failure = Took::kOpen;
  all_pairs(
      [](Net& net, const Overlay& overlay) {
        overlay.receive(true, nested(overlay, 3));
        CHECK_EQ(net.frames().size(), 1u);
        CHECK_EQ(net.counter(Counter::kTunnelDepth), 1u);
      },
      setup);
}

TEST(depth_of_zero_looks_into_none) {
  all_pairs(
      [](Net& net, const Overlay& overlay) {
        overlay.udp(true, kDenied, "query");
        CHECK_EQ(net.frames().size(), 1u);
        CHECK_EQ(net.events().count(EventKind::kOpened), 1u);
      },
      with_depth(0));
}

TEST(malformed_takes_the_failure_setting) {
  for (const Took failure : {Took::kClosed, Took::kOpen}) {
    Setup setup;
    setup.failure = failure;
    all_pairs(
        [&](Net& net, const Overlay& overlay) {
          const auto vxlan = [&](const std::string& body) {
            overlay.receive(true, net.ip(true, {net.family, IPPROTO_UDP},
                                         udp_octets(kEntropyPort, kVxlan, body)));
          };
          vxlan("short");
          vxlan(vxlan_octets(kVni, overlay.frame(true, "no packet")));
          CHECK_EQ(net.counter(Counter::kTunnelMalformed), 2u);
          CHECK_EQ(net.frames().size(), failure == Took::kOpen ? 2u : 0u);
        },
        setup);
  }
}

// RFC 6936: a tunnel over IPv6 may do without a UDP checksum; nothing else may.
TEST(tunnel_without_udp_checksum) {
  all_pairs([](Net& net, const Overlay& overlay) {
    const std::string inner = overlay.frame(
        true, overlay.ip(true, {overlay.family, kGre}, be16(0) + be16(0x8847) + "label"));
    net.receive(true, overlay.in_vxlan(true, inner));
    CHECK_EQ(net.frames().size(), 1u);
    CHECK_EQ(net.counter(Counter::kTunnelled), 1u);
    net.receive(true, net.ip(true, {net.family, IPPROTO_UDP}, udp_octets(1, 9000, "query")));
    CHECK_EQ(net.counter(Counter::kMalformed), net.family == 6 ? 1u : 0u);
  });
}

TEST(segmented_tunnel_is_judged_packet_by_packet) {
  all_pairs([](Net& net, const Overlay& overlay) {
    const auto vxlan = [&](uint16_t port) {
      return vxlan_octets(kVni,
                          overlay.frame(true, overlay.ip(true, {overlay.family, IPPROTO_UDP},
                                                         udp_octets(kClientPort, port, "query"))));
    };
    const std::string both = vxlan(9000) + vxlan(kDenied);
    wire::VnetHeader vnet = {};
    vnet.flags = wire::kNeedsCsum;
    vnet.gso_type = wire::kGsoUdpL4;
    vnet.gso_size = static_cast<uint16_t>(both.size() / 2);
    const std::string frame =
        net.ip(true, {net.family, IPPROTO_UDP}, udp_octets(kEntropyPort, kVxlan, both));
    net.receive(true, frame, vnet);
    const std::vector<Sent> sent = net.frames();
    CHECK_EQ(sent.size(), 1u);
    CHECK_EQ(sent[0].payload(), vxlan(9000));
    vnet.gso_size = 0;
    net.receive(true, frame, vnet);
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.counter(Counter::kTunnelMalformed), 1u);
    net.receive(
        true,
        net.ip(true, {net.family, IPPROTO_UDP}, udp_octets(kEntropyPort, kVxlan, vxlan(9000))),
        vnet);
    CHECK_EQ(net.frames().size(), 1u);
  });
}

TEST(inner_fragments_are_judged_together) {
  all_pairs([](Net& net, const Overlay& overlay) {
    const auto fragments = [&](uint16_t port, uint16_t id) {
      const std::string l4 = summed_udp(overlay, port, std::string(24, 'x'));
      const bool is_4 = overlay.family == 4;
      // RFC 791: flag 0x2000, in units of 8; RFC 8200 §4.5: bit 0, units in the upper bits.
      IpFields head{overlay.family, IPPROTO_UDP, 64, id, static_cast<uint16_t>(is_4 ? 0x2000 : 1)};
      IpFields tail{overlay.family, IPPROTO_UDP, 64, id, static_cast<uint16_t>(is_4 ? 2 : 16)};
      head.has_fragment_header = tail.has_fragment_header = !is_4;
      return std::array{overlay.packet(true, head, l4.substr(0, 16)),
                        overlay.packet(true, tail, l4.substr(16))};
    };
    const auto allowed = fragments(9000, 1);
    const std::vector<Sent> sent = net.frames();
    CHECK_EQ(sent.size(), 2u);
    CHECK_EQ(text_of(sent[0]), allowed[0]);
    CHECK_EQ(text_of(sent[1]), allowed[1]);
    fragments(kDenied, 2);
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.counter(Counter::kReassembled), 2u);
  });
}

TEST(outer_fragments_are_judged_together) {
  all_pairs([](Net& net, const Overlay& overlay) {
    const auto fragments = [&](uint16_t port, uint16_t id) {
      const std::string ip =
          overlay.ip(true, {overlay.family, IPPROTO_UDP}, summed_udp(overlay, port, "query"));
      const uint8_t protocol = overlay.family == 4 ? kIpv4InIp : kIpv6InIp;
      const bool is_4 = net.family == 4;
      IpFields head{net.family, protocol, 64, id, static_cast<uint16_t>(is_4 ? 0x2000 : 1)};
      IpFields tail{net.family, protocol, 64, id, static_cast<uint16_t>(is_4 ? 2 : 16)};
      head.has_fragment_header = tail.has_fragment_header = !is_4;
      overlay.receive(true, net.ip(true, head, ip.substr(0, 16)));
      overlay.receive(true, net.ip(true, tail, ip.substr(16)));
    };
    fragments(9000, 1);
    CHECK_EQ(net.frames().size(), 2u);
    fragments(kDenied, 2);
    CHECK_EQ(net.frames().size(), 0u);
  });
}

TEST(segments_that_would_be_changed_are_not_sent) {
  all_pairs([](Net& net, const Overlay& overlay) {
    overlay.tcp(true, kHttp, kSyn, kClientIsn, 0, "early");
    CHECK_EQ(net.frames().size(), 0u);
    overlay.handshake(kHttp);
    CHECK_EQ(net.frames().size(), 3u);
    overlay.client(kHttp, 0, "urgent", kAck | kUrg);
    CHECK_EQ(net.frames().size(), 0u);
    CHECK_EQ(net.counter(Counter::kTunnelUnjudged), 2u);
    overlay.client(kHttp, 0, {}, kRst);
    CHECK_EQ(net.frames().size(), 1u);
  });
}

TEST(address_resolution_within_a_tunnel_passes) {
  Net net(4);
  net.config.check_sources = true;
  net.set_path(EndpointPath::kInline);
  const Overlay overlay{net, 4};
  const std::string arp = be16(1) + be16(0x0800) + std::string("\x06\x04", 2) + be16(1) +
                          std::string(6, '\x02') + inner_address(4, true) + std::string(6, '\0') +
                          inner_address(4, false);
  overlay.receive(true, overlay.in_vxlan(true, ethernet_octets(true, 1, 0, 0x0806, arp)));
  CHECK_EQ(net.counter(Counter::kEssential), 0u);  // the tunnel's own source is not the pod's
  net.config.addresses = {{4, {10, 1, 0, 2}}};
  net.set_path(EndpointPath::kInline);
  net.forget();
  overlay.receive(true, overlay.in_vxlan(true, ethernet_octets(true, 1, 0, 0x0806, arp)));
  CHECK_EQ(net.counter(Counter::kEssential), 1u);
  CHECK_EQ(net.frames().size(), 1u);
  overlay.receive(true, overlay.in_vxlan(true, ethernet_octets(true, 1, 0, 0x88cc, "lldp")));
  CHECK_EQ(net.counter(Counter::kNotIpDenied), 1u);
}

TEST(icmp_error_within_a_tunnel_shares_its_flows_verdict) {
  all_pairs([](Net& net, const Overlay& overlay) {
    auto table = std::make_shared<FixedTable>(*net.table);
    table->icmp = {L4Verdict::kDeny, kDenyRule};
    net.engine->set_policy(table, net.now);
    overlay.udp(true, 9000, "question");
    net.forget();
    const bool is_4 = overlay.family == 4;
    const uint8_t protocol = is_4 ? uint8_t{IPPROTO_ICMP} : uint8_t{IPPROTO_ICMPV6};
    const auto too_big = [&](uint16_t port) {
      const std::string quoted = overlay.ip(true, {overlay.family, IPPROTO_UDP},
                                            udp_octets(kClientPort, port, "question"));
      const std::string message{static_cast<char>(is_4 ? 3 : 2), static_cast<char>(is_4 ? 4 : 0)};
      overlay.packet(false, {overlay.family, protocol}, message + be16(0) + be32(1400) + quoted);
    };
    too_big(9000);
    CHECK_EQ(net.frames().size(), 1u);
    too_big(9001);
    CHECK_EQ(net.frames().size(), 0u);
  });
}

TAP_MAIN()
