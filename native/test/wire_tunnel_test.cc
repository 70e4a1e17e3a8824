#include "test/engine_frame.h"
#include "test/tap.h"
#include "wire/tunnel.h"

namespace vethwall::wire {
namespace {

using engine_test::be16;
using engine_test::be32;
using engine_test::ip_octets;
using engine_test::IpFields;
using engine_test::udp_octets;

constexpr VnetHeader kPartial = {kNeedsCsum, kGsoNone, 0, 0, 0, 0};
constexpr uint8_t kIpv4InIp = 4, kIpv6InIp = 41, kGre = 47;

std::string addressed(uint8_t family, uint8_t protocol, const std::string& l4) {
  return ip_octets({family, protocol}, engine_test::pod_address(family),
                   engine_test::peer_address(family), l4);
}
std::string ethernet(uint8_t family, const std::string& ip) {
  return engine_test::ethernet_octets(true, 7, 0, family == 4 ? 0x0800 : 0x86dd, ip);
}
std::string inner_ip(uint8_t family) {
  return addressed(family, IPPROTO_UDP, udp_octets(1000, 2000, "inner"));
}

struct Opened {
  Decapsulated found = Decapsulated::kNone;
  Inner inner;
  Packet packet;  // the inner one
};

std::span<const uint8_t> octets_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

Opened open(const std::string& frame, const VnetHeader& vnet = kPartial) {
  const std::vector<uint8_t> exact(frame.begin(), frame.end());  // ASan sees an over-read
  Packet packet;
  Opened opened;
  CHECK_EQ(decode(exact, vnet, packet), Malformed::kOk);
  opened.found = decapsulate(exact, vnet, packet, {}, opened.inner);
  if (opened.found != Decapsulated::kInner) return opened;
  const std::vector<uint8_t> inner = inner_frame(exact, opened.inner);
  CHECK_EQ(decode(inner, kPartial, opened.packet), Malformed::kOk);
  opened.inner.octets = {};
  return opened;
}
// By a UDP tunnel and by GRE, over IPv4.
Opened open_udp(uint16_t port, const std::string& body) {
  return open(ethernet(4, addressed(4, IPPROTO_UDP, udp_octets(50000, port, body))));
}
Opened open_gre(const std::string& body, const VnetHeader& vnet = kPartial) {
  return open(ethernet(4, addressed(4, kGre, body)), vnet);
}

void check_inner(const Opened& opened, TunnelKind kind, uint32_t id, uint8_t family) {
  CHECK_EQ(opened.found, Decapsulated::kInner);
  CHECK_EQ(opened.inner.tunnel, kind);
  CHECK_EQ(opened.inner.id, id);
  CHECK_EQ(opened.packet.family, family);
  CHECK_EQ(opened.packet.destination_port, 2000);
  CHECK_EQ(opened.packet.payload_octets, 5u);
}

}  // namespace

TEST(ip_in_ip_of_either_family_in_either) {
  for (const uint8_t outer : {uint8_t{4}, uint8_t{6}})
    for (const uint8_t inner : {uint8_t{4}, uint8_t{6}}) {
      const uint8_t protocol = inner == 4 ? kIpv4InIp : kIpv6InIp;
      check_inner(open(ethernet(outer, addressed(outer, protocol, inner_ip(inner)))),
                  TunnelKind::kIp, 0, inner);
    }
}

TEST(gre_with_each_option) {
  const std::string ip = inner_ip(4);
  check_inner(open_gre(be16(0) + be16(0x0800) + ip), TunnelKind::kGre, 0, 4);
  check_inner(open_gre(be16(0) + be16(0x86dd) + inner_ip(6)), TunnelKind::kGre, 0, 6);
  check_inner(open_gre(be16(0) + be16(0x6558) + ethernet(4, ip)), TunnelKind::kGre, 0, 4);
  check_inner(open_gre(be16(0x2000) + be16(0x0800) + be32(77) + ip), TunnelKind::kGre, 77, 4);
  check_inner(open_gre(be16(0x1000) + be16(0x0800) + be32(1) + ip), TunnelKind::kGre, 0, 4);
  check_inner(open_gre(be16(0xb000) + be16(0x0800) + be32(0) + be32(77) + be32(1) + ip),
              TunnelKind::kGre, 77, 4);
}

TEST(gre_checksum_is_verified_where_it_is_whole) {
  std::string gre = be16(0x8000) + be16(0x0800) + be32(0) + inner_ip(4);
  CHECK_EQ(open_gre(gre, {}).found, Decapsulated::kMalformed);
  CHECK_EQ(open_gre(gre, {kDataValid, 0, 0, 0, 0, 0}).found, Decapsulated::kInner);
  gre.replace(4, 2, be16(engine_test::checksum(gre)));
  CHECK_EQ(open_gre(gre, {}).found, Decapsulated::kInner);
}

TEST(gre_faults) {
  const std::string ip = inner_ip(4);
  CHECK_EQ(open_gre(be16(0)).found, Decapsulated::kMalformed);
  CHECK_EQ(open_gre(be16(0x2000) + be16(0x0800) + "key").found, Decapsulated::kMalformed);
  CHECK_EQ(open_gre(be16(0x8000) + be16(0x0800)).found, Decapsulated::kMalformed);
  CHECK_EQ(open_gre(be16(0x1000) + be16(0x0800)).found, Decapsulated::kMalformed);
  CHECK_EQ(open_gre(be16(0x4000) + be16(0x0800) + be32(0) + ip).found, Decapsulated::kMalformed);
  CHECK_EQ(open_gre(be16(2) + be16(0x0800) + ip).found, Decapsulated::kMalformed);
  CHECK_EQ(open_gre(be16(0x3081) + be16(0x880b) + be32(9) + be32(1)).found, Decapsulated::kOpaque);
  CHECK_EQ(open_gre(be16(0) + be16(0x8847) + ip).found, Decapsulated::kOpaque);  // MPLS
}

TEST(vxlan_on_its_ports) {
  const std::string vxlan = be32(0x08000000) + be32(42 << 8) + ethernet(4, inner_ip(4));
  check_inner(open_udp(4789, vxlan), TunnelKind::kVxlan, 42, 4);
  check_inner(open_udp(8472, vxlan), TunnelKind::kVxlan, 42, 4);
  CHECK_EQ(open_udp(4790, vxlan).found, Decapsulated::kNone);
  check_inner(open_udp(4789, be32(0x08000000) + be32(42 << 8) + ethernet(6, inner_ip(6))),
              TunnelKind::kVxlan, 42, 6);
}

TEST(vxlan_faults) {
  CHECK_EQ(open_udp(4789, "seven..").found, Decapsulated::kMalformed);
  CHECK_EQ(open_udp(4789, "").found, Decapsulated::kMalformed);
  CHECK_EQ(open_udp(4789, be32(0) + be32(42 << 8) + ethernet(4, inner_ip(4))).found,
           Decapsulated::kMalformed);
}

TEST(geneve_with_options) {
  const std::string frame = ethernet(4, inner_ip(4));
  check_inner(open_udp(6081, be16(0) + be16(0x6558) + be32(7 << 8) + frame), TunnelKind::kGeneve, 7,
              4);
  check_inner(
      open_udp(6081, be16(0x0200) + be16(0x6558) + be32(7 << 8) + be32(1) + be32(2) + frame),
      TunnelKind::kGeneve, 7, 4);
  check_inner(open_udp(6081, be16(0) + be16(0x86dd) + be32(7 << 8) + inner_ip(6)),
              TunnelKind::kGeneve, 7, 6);
}

TEST(geneve_faults) {
  const std::string frame = ethernet(4, inner_ip(4));
  CHECK_EQ(open_udp(6081, "seven..").found, Decapsulated::kMalformed);
  CHECK_EQ(open_udp(6081, be16(0x4000) + be16(0x6558) + be32(0) + frame).found,
           Decapsulated::kMalformed);
  CHECK_EQ(open_udp(6081, be16(0x3f00) + be16(0x6558) + be32(0) + "short").found,
           Decapsulated::kMalformed);
  CHECK_EQ(open_udp(6081, be16(0x0080) + be16(0x6558) + be32(0)).found, Decapsulated::kOpaque);
  CHECK_EQ(open_udp(6081, be16(0) + be16(0x894f) + be32(0) + frame).found, Decapsulated::kOpaque);
}

TEST(other_packets_are_no_tunnels) {
  CHECK_EQ(open(ethernet(4, addressed(4, IPPROTO_UDP, udp_octets(4789, 53, "query")))).found,
           Decapsulated::kNone);
  Packet fragment;
  fragment.family = 4;
  fragment.protocol = kGre;
  fragment.is_fragment = true;
  CHECK_EQ(tunnel_kind({}, fragment), TunnelKind::kNone);
}

TEST(ports_are_as_configured) {
  const std::string frame = ethernet(
      4, addressed(4, IPPROTO_UDP, udp_octets(50000, 9999, be32(0x08000000) + be32(0) + "inner")));
  Packet packet;
  Inner inner;
  CHECK_EQ(decode(octets_of(frame), kPartial, packet), Malformed::kOk);
  CHECK_EQ(decapsulate(octets_of(frame), kPartial, packet, {{9999}, {}}, inner),
           Decapsulated::kInner);
  CHECK_EQ(decapsulate(octets_of(frame), kPartial, packet, {{}, {}}, inner), Decapsulated::kNone);
}

}  // namespace vethwall::wire

TAP_MAIN()
