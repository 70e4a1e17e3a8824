// What passes without a judgement, what is malformed, what is no IP, and fragments.
#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

namespace {

std::string arp() {
  return be16(1) + be16(0x0800) + std::string("\x06\x04\x00\x01", 4) + std::string(20, '\0');
}

std::string ethernet(const Net& net, bool from_pod, uint16_t ethertype, const std::string& body) {
  return ethernet_octets(from_pod, net.config.id, 0, ethertype, body);
}

// Two fragments of a datagram of 16 + `rest` octets.
std::vector<std::string> fragments(const Net& net, const std::string& l4) {
  std::vector<std::string> out;
  IpFields fields{net.family, IPPROTO_UDP};
  fields.identification = 77;
  fields.has_fragment_header = true;
  fields.fragment = net.family == 4 ? 0x2000 : 1;
  out.push_back(net.ip(true, fields, l4.substr(0, 16)));
  fields.fragment = net.family == 4 ? 2 : 2 << 3;
  out.push_back(net.ip(true, fields, l4.substr(16)));
  return out;
}

std::string checked_udp(const Net& net, uint16_t port, const std::string& payload) {
  std::string l4 = udp_octets(kClientPort, port, payload);
  const std::string pseudo = pod_address(net.family) + peer_address(net.family) +
                             be32(static_cast<uint32_t>(l4.size())) + be32(IPPROTO_UDP);
  return l4.replace(6, 2, be16(checksum(pseudo + l4)));
}

}  // namespace

TEST(arp_passes_and_other_ethertypes_do_not_in_protect) {
  Net net(4);
  net.receive(true, ethernet(net, true, 0x0806, arp()));
  CHECK_EQ(net.frames().size(), 1u);
  CHECK_EQ(net.counter(Counter::kEssential), 1u);
  net.receive(true, ethernet(net, true, 0x88cc, std::string(46, 'x')));
  CHECK_EQ(net.frames().size(), 0u);
  CHECK_EQ(net.counter(Counter::kNotIpDenied), 1u);
  net.config.strict = false;
  net.engine->set_endpoint(net.config, net.now);
  net.receive(true, ethernet(net, true, 0x88cc, std::string(46, 'x')));
  CHECK_EQ(net.frames().size(), 1u);
}

TEST(neighbour_discovery_passes_under_any_policy) {
  Net net(6);
  net.table->icmp = {L4Verdict::kDeny, kDenyRule};
  for (const uint8_t type : {uint8_t{133}, uint8_t{135}, uint8_t{136}})
    net.icmp(true, type, 0, std::string(20, '\0'), 255);
  CHECK_EQ(net.frames().size(), 3u);
  CHECK_EQ(net.counter(Counter::kEssential), 3u);
  CHECK_EQ(net.engine->flows(), 0u);
  // RFC 4861 §7.1: one that was forwarded is no neighbour's.
  net.icmp(true, 135, 0, std::string(20, '\0'), 254);
  CHECK_EQ(net.frames().size(), 0u);
  // A pod is no router.
  net.icmp(true, 134, 0, std::string(12, '\0'), 255);
  CHECK_EQ(net.frames().size(), 0u);
  CHECK_EQ(net.counter(Counter::kEssential), 3u);
}

TEST(dhcp_passes_for_the_client_only) {
  Net net(4);
  net.table->by_port[67] = net.table->by_port[68] = {L4Verdict::kDeny, kDenyRule};
  const auto dhcp = [&](bool from_pod, uint16_t from, uint16_t to, const std::string& target) {
    const std::string l4 = udp_octets(from, to, "discover");
    const std::string source = from_pod ? std::string(4, '\0') : peer_address(4);
    net.receive(from_pod,
                ethernet(net, from_pod, 0x0800, ip_octets({4, IPPROTO_UDP}, source, target, l4)));
  };
  const std::string broadcast(4, '\xff');
  dhcp(true, 68, 67, broadcast);
  dhcp(false, 67, 68, pod_address(4));
  CHECK_EQ(net.frames().size(), 2u);
  CHECK_EQ(net.counter(Counter::kEssential), 2u);
  dhcp(true, 67, 68, broadcast);
  dhcp(true, 68, 67, peer_address(4));
  CHECK_EQ(net.sent_payload(false), "");
  CHECK_EQ(net.counter(Counter::kEssential), 2u);
}

TEST(malformed_frames_take_the_failure_setting) {
  both([](uint8_t family) {
    for (const Took failure : {Took::kOpen, Took::kClosed}) {
      Net net(family, {.failure = failure, .strict = false});
      std::string frame = net.ip(true, {family, IPPROTO_UDP}, udp_octets(1, 2, "abc"));
      frame.resize(frame.size() - 2);
      net.receive(true, frame);
      CHECK_EQ(net.counter(Counter::kMalformed), 1u);
      CHECK_EQ(net.frames().size(), failure == Took::kOpen ? 1u : 0u);
      CHECK_EQ(net.engine->flows(), 0u);
    }
  });
}

TEST(fragments_are_judged_reassembled_and_go_on_as_they_came) {
  both([](uint8_t family) {
    Net net(family);
    const std::vector<std::string> allowed =
        fragments(net, checked_udp(net, 9000, "0123456789abc"));
    net.receive(true, allowed[0]);
    CHECK_EQ(net.frames().size(), 0u);
    net.receive(true, allowed[1]);
    std::vector<Sent> frames = net.frames();
    CHECK_EQ(frames.size(), 2u);
    CHECK(std::string(frames[0].frame.begin(), frames[0].frame.end()) == allowed[0]);
    CHECK(std::string(frames[1].frame.begin(), frames[1].frame.end()) == allowed[1]);
    CHECK_EQ(net.counter(Counter::kReassembled), 1u);
    CHECK_EQ(net.events().last(EventKind::kOpened).opened.destination_port, 9000);
    for (const std::string& one : fragments(net, checked_udp(net, kDns, "0123456789abc")))
      net.receive(true, one);
    CHECK_EQ(net.events().joined(Dir::kOrig), "0123456789abc");
    CHECK_EQ(net.frames().size(), 0u);
    net.release(Dir::kOrig, 1);
    CHECK_EQ(net.frames().size(), 2u);
    for (const std::string& one : fragments(net, checked_udp(net, kDenied, "0123456789abc")))
      net.receive(true, one);
    frames = net.frames();
    CHECK_EQ(frames.size(), 1u);
    CHECK_EQ(frames[0].packet.icmp_code, family == 4 ? 13 : 1);
  });
}

TEST(lone_fragments_expire) {
  both([](uint8_t family) {
    Net net(family);
    net.receive(true, fragments(net, checked_udp(net, 9000, "0123456789abc"))[0]);
    CHECK_EQ(net.counter(Counter::kFragmentsHeld), 1u);
    net.pass(31 * kSecond);
    CHECK_EQ(net.counter(Counter::kFragmentsDropped), 1u);
    CHECK_EQ(net.frames().size(), 0u);
  });
}

TAP_MAIN()
