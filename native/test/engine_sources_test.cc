// A pod that says it is another: IP, ARP and neighbour discovery against its own addresses; who may
// answer DHCP.
#include <algorithm>

#include "test/engine_net.h"

using namespace vethwall;
using namespace vethwall::engine_test;

namespace {

using engine::Spoof;

const std::string kPodMac("\x02\x00\x00\x00\x07\x01", 6);
const std::string kOtherMac("\x02\x00\x00\x00\x00\x09", 6);

wire::Address address_of(const std::string& octets) {
  wire::Address address;
  address.family = octets.size() == 4 ? 4 : 6;
  std::ranges::copy(octets, address.octets.begin());
  return address;
}

// What a default-deny pod may send is what passes here: policy denies all datagrams and ICMP.
struct Pod : Net {
  explicit Pod(uint8_t ip_family) : Net(ip_family) {
    table->icmp = {L4Verdict::kDeny, kDenyRule};
    for (const uint16_t port : {uint16_t{67}, uint16_t{68}, uint16_t{546}, uint16_t{547}})
      table->by_port[port] = {L4Verdict::kDeny, kDenyRule};
    config.check_sources = true;
    std::ranges::copy(kPodMac, config.mac.begin());
    config.addresses = {address_of(pod_address(4)), address_of(pod_address(6))};
    std::ranges::sort(config.addresses);
    engine->set_endpoint(config, now);
  }
  void set(bool check_sources) {
    config.check_sources = check_sources;
    engine->set_endpoint(config, now);
  }
  // Whether it went on as it came; what the engine answers itself goes the other way.
  bool passes(bool from_pod, const std::string& frame) {
    receive(from_pod, frame);
    bool passed = false;
    for (const Sent& sent : frames())
      passed |= std::string(sent.frame.begin(), sent.frame.end()) == frame;
    return passed;
  }
  bool arp(bool from_pod, uint16_t operation, const std::string& mac, const std::string& sender,
           const std::string& head = be16(1) + be16(0x0800) + "\x06\x04") {
    const std::string body =
        head + be16(operation) + mac + sender + std::string(6, '\0') + peer_address(4);
    return passes(from_pod, ethernet_octets(from_pod, config.id, vlan, 0x0806, body));
  }
  bool datagram(bool from_pod, uint8_t protocol, const std::string& source,
                const std::string& destination, const std::string& l4, uint8_t hops = 64) {
    const IpFields fields{family, protocol, hops};
    return passes(from_pod, ethernet_octets(from_pod, config.id, 0, family == 4 ? 0x0800 : 0x86dd,
                                            ip_octets(fields, source, destination, l4)));
  }
  bool nd(uint8_t type, const std::string& source, const std::string& rest, bool from_pod = true) {
    const std::string destination("\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
    const std::string pseudo =
        source + destination + be32(static_cast<uint32_t>(4 + rest.size())) + be32(IPPROTO_ICMPV6);
    return datagram(from_pod, IPPROTO_ICMPV6, source, destination,
                    icmp_octets(type, 0, rest, pseudo), 255);
  }
};

const std::string kNone4(4, '\0'), kNone6(16, '\0'), kZero32(4, '\0');

std::string option(uint8_t type, const std::string& mac) {
  return std::string{static_cast<char>(type), 1} + mac;
}

}  // namespace

TEST(a_pod_sends_ip_from_its_own_addresses_only) {
  both([](uint8_t family) {
    Pod pod(family);
    const std::string l4 = udp_octets(kClientPort, 9000, "x");
    const std::string own = pod_address(family), other = peer_address(family);
    // IPv6 has no datagram without a checksum: TCP instead, whose SYN goes on.
    if (family == 4) CHECK(pod.datagram(true, IPPROTO_UDP, own, other, l4));
    pod.tcp(true, kAllowed, kSyn, 1, 0);
    CHECK_EQ(pod.frames().size(), 1u);
    CHECK_EQ(pod.counter(Counter::kSpoofedIp), 0u);
    pod.config.addresses = {address_of(other)};
    pod.set(true);
    pod.tcp(true, kAllowed, kAck, 2, 1);
    pod.tcp(true, kHttp, kSyn, 1, 0);
    CHECK_EQ(pod.frames().size(), 0u);
    CHECK_EQ(pod.counter(Counter::kSpoofedIp), 2u);
    pod.set(false);
    pod.tcp(true, kAllowed, kSyn, 1, 0);
    CHECK_EQ(pod.frames().size(), 1u);
    // Outside protect nothing is dropped.
    pod.config.strict = false;
    pod.set(true);
    pod.tcp(true, kHttp, kSyn, 1, 0);
    CHECK_EQ(pod.frames().size(), 1u);
    CHECK_EQ(pod.counter(Counter::kSpoofedIp), 2u);
  });
}

TEST(a_pod_speaks_arp_for_itself_only) {
  Pod pod(4);
  const std::string own = pod_address(4), other = peer_address(4);
  for (const uint16_t operation : {uint16_t{1}, uint16_t{2}})
    CHECK(pod.arp(true, operation, kPodMac, own));
  CHECK(pod.arp(true, 1, kPodMac, kNone4));  // RFC 5227 §2.1.1: a probe
  pod.vlan = 7;
  CHECK(pod.arp(true, 1, kPodMac, own));
  CHECK(!pod.arp(true, 2, kPodMac, other));
  pod.vlan = 0;
  CHECK_EQ(pod.counter(Counter::kEssential), 4u);
  CHECK(!pod.arp(true, 1, kPodMac, other));
  CHECK(!pod.arp(true, 2, kPodMac, other));  // a gratuitous one for the gateway
  CHECK(!pod.arp(true, 1, kOtherMac, own));
  CHECK(!pod.arp(true, 2, kPodMac, kNone4));
  CHECK(!pod.arp(true, 3, kPodMac, own));  // RFC 903
  CHECK(!pod.arp(true, 1, kPodMac, own, be16(6) + be16(0x0800) + "\x06\x04"));
  CHECK(!pod.passes(true, ethernet_octets(true, kEndpoint, 0, 0x0806, "short")));
  CHECK_EQ(pod.counter(Counter::kSpoofedArp), 8u);
}

TEST(arp_towards_the_pod_is_checked_for_its_form) {
  Pod pod(4);
  CHECK(pod.arp(false, 2, kOtherMac, peer_address(4)));
  CHECK(!pod.arp(false, 2, kOtherMac, peer_address(4), be16(1) + be16(0x86dd) + "\x06\x04"));
  CHECK_EQ(pod.counter(Counter::kMalformed), 1u);
  CHECK_EQ(pod.counter(Counter::kArpConflicts), 0u);
  CHECK(pod.arp(false, 1, kOtherMac, pod_address(4)));
  CHECK_EQ(pod.counter(Counter::kArpConflicts), 1u);
}

TEST(a_pod_solicits_and_advertises_for_itself_only) {
  Pod pod(6);
  const std::string own = pod_address(6), other = peer_address(6);
  const std::string mine = option(1, kPodMac), theirs = option(1, kOtherMac);
  CHECK(pod.nd(133, own, kZero32 + mine));
  CHECK(pod.nd(133, kNone6, kZero32));
  CHECK(pod.nd(135, own, kZero32 + other + mine));
  CHECK(pod.nd(135, kNone6, kZero32 + own));  // duplicate address detection
  CHECK(pod.nd(135, kNone6, kZero32 + own + std::string("\x0e\x01nonce!", 8)));  // RFC 7527
  CHECK(pod.nd(136, own, kZero32 + own + option(2, kPodMac)));
  CHECK_EQ(pod.counter(Counter::kEssential), 6u);
  CHECK(!pod.nd(133, own, kZero32 + theirs));
  CHECK(!pod.nd(133, kNone6, kZero32 + mine));
  CHECK(!pod.nd(135, own, kZero32 + other + theirs));
  CHECK(!pod.nd(135, own, kZero32 + other + mine + theirs));
  CHECK(!pod.nd(135, other, kZero32 + own + mine));
  CHECK(!pod.nd(135, own, kZero32 + other + std::string("\x01\x00", 2) + kPodMac));
  CHECK(!pod.nd(135, own, kZero32 + other + mine.substr(0, 7)));
  CHECK(!pod.nd(136, own, kZero32 + other + option(2, kPodMac)));
  CHECK(!pod.nd(136, own, kZero32 + own + option(2, kOtherMac)));
  CHECK(!pod.nd(136, other, kZero32 + own));
  CHECK(!pod.nd(134, own, std::string(12, '\0')));
  CHECK(!pod.nd(137, own, kZero32 + other + other));
  CHECK_EQ(pod.counter(Counter::kSpoofedNd), 12u);
  CHECK_EQ(pod.counter(Counter::kEssential), 6u);
}

TEST(routers_reach_the_pod) {
  Pod pod(6);
  const std::string router("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
  CHECK(pod.nd(134, router, std::string(12, '\0'), false));
  CHECK(pod.nd(137, router, kZero32 + peer_address(6) + peer_address(6), false));
  CHECK(pod.nd(136, peer_address(6), kZero32 + peer_address(6), false));
  CHECK(!pod.nd(134, peer_address(6), std::string(12, '\0'), false));
}

TEST(dhcp_is_for_the_servers_that_are_named) {
  Pod pod(4);
  const std::string server = peer_address(4), rogue("\x0a\x01\x00\x63", 4);
  const std::string asks = udp_octets(68, 67, "?"), answers = udp_octets(67, 68, "!");
  const std::string all(4, '\xff');
  CHECK(pod.datagram(false, IPPROTO_UDP, rogue, pod_address(4), answers));
  CHECK(!pod.datagram(true, IPPROTO_UDP, pod_address(4), server, asks));
  // Of the other family: nothing changes.
  pod.config.dhcp_servers = {address_of(peer_address(6))};
  pod.set(true);
  CHECK(pod.datagram(false, IPPROTO_UDP, rogue, pod_address(4), answers));
  pod.config.dhcp_servers = {address_of(server)};
  pod.set(true);
  CHECK(pod.datagram(true, IPPROTO_UDP, kNone4, all, asks));
  CHECK(pod.datagram(true, IPPROTO_UDP, pod_address(4), server, asks));
  CHECK(!pod.datagram(true, IPPROTO_UDP, pod_address(4), rogue, asks));
  CHECK(pod.datagram(false, IPPROTO_UDP, server, pod_address(4), answers));
  CHECK_EQ(pod.counter(Counter::kDhcpRefused), 0u);
  CHECK(!pod.datagram(false, IPPROTO_UDP, rogue, all, answers));
  CHECK_EQ(pod.counter(Counter::kDhcpRefused), 1u);
}

TEST(a_flood_costs_one_record_a_tick) {
  Pod pod(4);
  const auto reports = [&] {
    std::vector<std::pair<uint8_t, uint64_t>> all;
    for (const Event& event : pod.events())
      if (event.header.kind == EventKind::kSpoofed) {
        CHECK_EQ(event.header.endpoint, kEndpoint);
        all.emplace_back(event.header.c, event.header.at);
      }
    return all;
  };
  for (int i = 0; i < 1000; ++i) pod.arp(true, 1, kOtherMac, pod_address(4));
  pod.datagram(true, IPPROTO_UDP, peer_address(4), pod_address(4), udp_octets(1, 2, ""));
  CHECK_EQ(reports().size(), 0u);
  pod.ring.room = 0;
  pod.pass(50 * kSecond / 1000);
  pod.ring.room = -1;
  CHECK_EQ(reports().size(), 0u);
  pod.pass(50 * kSecond / 1000);
  const auto told = reports();
  CHECK_EQ(told.size(), 2u);
  CHECK(told[0] == std::pair(static_cast<uint8_t>(Spoof::kIp), uint64_t{1}));
  CHECK(told[1] == std::pair(static_cast<uint8_t>(Spoof::kArp), uint64_t{1000}));
  pod.pass(50 * kSecond / 1000);
  CHECK_EQ(reports().size(), 0u);
  // What is not told yet is told before the endpoint goes.
  pod.arp(true, 1, kOtherMac, pod_address(4));
  pod.engine->remove_endpoint(kEndpoint, pod.now);
  CHECK_EQ(reports().size(), 1u);
  pod.pass(50 * kSecond / 1000);
  CHECK_EQ(reports().size(), 0u);
}

TAP_MAIN()
