#include <algorithm>

#include "test/tap.h"
#include "test/wire_frames.h"
#include "wire/packet.h"

namespace vethwall::wire {
namespace {

const Octets kHello = octets_of("hello");

Octets tcp4() { return joined({macs(), ether4(), ipv4(6, 25), tcp(0x0b51), kHello}); }
Octets tcp6() { return joined({macs(), ether6(), ipv6(6, 25), tcp(0x254f), kHello}); }

Malformed decoded(const Octets& frame, const VnetHeader& vnet = kWhole) {
  Packet packet;
  return decode(frame, vnet, packet);
}

// An IPv6 packet of `chain` (the first header of kind `next`) before the TCP segment.
Octets with_chain(uint8_t next, const Octets& chain) {
  return joined({macs(), ether6(), ipv6(next, chain.size() + 25), chain, tcp(0x254f), kHello});
}

}  // namespace

TEST(ipv4_header_faults) {
  const auto broken = [](size_t at, uint8_t value) {
    Octets frame = tcp4();
    frame[at] = value;
    return decoded(frame);
  };
  CHECK_EQ(broken(14, 0x65), Malformed::kIpVersion);
  CHECK_EQ(broken(14, 0x44), Malformed::kIpHeaderLength);
  CHECK_EQ(broken(14, 0x4f), Malformed::kIpHeaderLength);  // 60 octets of 45
  CHECK_EQ(broken(16, 0xff), Malformed::kIpTotalLength);
  CHECK_EQ(broken(17, 19), Malformed::kIpTotalLength);
  CHECK_EQ(broken(24, 0), Malformed::kIpChecksum);
  CHECK_EQ(broken(22, 63), Malformed::kIpChecksum);
}

TEST(ipv4_options) {
  const auto with = [](const Octets& options) {
    return decoded(joined({macs(), ether4(), ipv4(6, 25, 0x4000, options), tcp(0x0b51), kHello}));
  };
  CHECK_EQ(with({148, 4, 0, 0}), Malformed::kOk);  // router alert
  CHECK_EQ(with({1, 1, 0, 131}), Malformed::kOk);  // behind the end of options nothing counts
  CHECK_EQ(with({148, 5, 0, 0}), Malformed::kIpHeaderLength);
  CHECK_EQ(with({148, 1, 0, 0}), Malformed::kIpHeaderLength);
  CHECK_EQ(with({1, 1, 1, 148}), Malformed::kIpHeaderLength);
  CHECK_EQ(with({131, 7, 4, 10, 0, 0, 9, 0}), Malformed::kSourceRoute);
  CHECK_EQ(with({1, 137, 7, 4, 10, 0, 0, 9}), Malformed::kSourceRoute);
}

TEST(ipv6_lengths) {
  Octets frame = tcp6();
  frame[19] = 26;
  CHECK_EQ(decoded(frame), Malformed::kIpTotalLength);
  frame = tcp6();
  frame[14] = 0x40;
  CHECK_EQ(decoded(frame), Malformed::kIpVersion);
  // RFC 2675: payload length 0, a hop-by-hop header with the jumbo option
  const Octets jumbo = {6, 0, 0xc2, 4, 0, 0, 0, 33};
  frame = with_chain(0, jumbo);
  frame[19] = 0;
  CHECK_EQ(decoded(frame), Malformed::kIpv6Extension);
}

TEST(ipv6_extension_chain) {
  const Octets hop_by_hop = {43, 0, 1, 4, 0, 0, 0, 0};
  const Octets routing = {60, 0, 0, 0, 0, 0, 0, 0};
  const Octets destination = {44, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const Octets atomic = {51, 0, 0, 0, 0, 0, 0, 9};
  const Octets authentication = {6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1};
  const Octets frame =
      with_chain(0, joined({hop_by_hop, routing, destination, atomic, authentication}));
  Packet p;
  CHECK_EQ(decode(frame, kWhole, p), Malformed::kOk);
  CHECK_EQ(p.protocol, 6);
  CHECK_EQ(p.is_fragment, false);
  CHECK_EQ(p.l4_offset, 54 + 52);
  CHECK_EQ(p.payload_octets, 5u);
}

// RFC 8200 §4.7: nothing follows, whatever octets there are.
TEST(ipv6_no_next_header) {
  const Octets to_none = {59, 0, 1, 4, 0, 0, 0, 0};
  for (const Octets& chain : {Octets{}, to_none}) {
    const Octets frame = with_chain(chain.empty() ? 59 : 60, chain);
    Packet p;
    CHECK_EQ(decode(frame, kWhole, p), Malformed::kOk);
    CHECK_EQ(p.protocol, 59);
    CHECK_EQ(p.source_port, 0);
    CHECK_EQ(p.l4_offset, 54 + chain.size());
  }
}

TEST(ipv6_extension_faults) {
  const Octets to_tcp = {6, 0, 1, 4, 0, 0, 0, 0};
  const Octets to_hop_by_hop = {0, 0, 1, 4, 0, 0, 0, 0};
  const Octets to_destination = {60, 0, 1, 4, 0, 0, 0, 0};
  CHECK_EQ(decoded(with_chain(0, to_tcp)), Malformed::kOk);
  CHECK_EQ(decoded(with_chain(60, joined({to_hop_by_hop, to_tcp}))), Malformed::kIpv6Extension);
  Octets chain = to_tcp;
  for (int i = 0; i < 7; ++i) chain = joined({to_destination, chain});
  CHECK_EQ(decoded(with_chain(60, chain)), Malformed::kOk);
  CHECK_EQ(decoded(with_chain(60, joined({to_destination, chain}))), Malformed::kIpv6Extension);
  CHECK_EQ(decoded(with_chain(60, {6, 200, 0, 0, 0, 0, 0, 0})), Malformed::kIpv6Extension);
  CHECK_EQ(decoded(with_chain(43, {6, 0, 0, 1, 0, 0, 0, 0})), Malformed::kSourceRoute);
  const Octets two_fragments = {44, 0, 0, 0, 0, 0, 0, 9, 6, 0, 0, 0, 0, 0, 0, 9};
  CHECK_EQ(decoded(with_chain(44, two_fragments)), Malformed::kIpv6Extension);
}

TEST(ipv4_fragments) {
  const auto fragment = [](uint16_t field, size_t data) {
    return joined({macs(), ether4(), ipv4(17, data, field), Octets(data, 7)});
  };
  Packet p;
  CHECK_EQ(decode(fragment(0x2000, 16), kWhole, p), Malformed::kOk);
  CHECK(p.is_fragment && p.more_fragments);
  CHECK_EQ(p.fragment_id, 0x1c46u);
  CHECK_EQ(p.l4_offset, 34);
  CHECK_EQ(p.payload_octets, 16u);
  CHECK_EQ(decode(fragment(0x0002, 5), kWhole, p), Malformed::kOk);
  CHECK(p.is_fragment && !p.more_fragments);
  CHECK_EQ(p.fragment_offset_octets, 16);
  CHECK_EQ(p.l4_offset, 0);
  CHECK_EQ(decoded(fragment(0x2000, 15)), Malformed::kFragment);
  CHECK_EQ(decoded(fragment(0x0002, 0)), Malformed::kFragment);
  CHECK_EQ(decoded(fragment(0x1fff, 8)), Malformed::kFragment);  // the ping of death
}

TEST(ipv6_fragments) {
  const auto fragment = [](uint16_t field, size_t data) {
    const Octets header = {
        17, 0, static_cast<uint8_t>(field >> 8), static_cast<uint8_t>(field), 0xca, 0xfe, 0, 1};
    return joined({macs(), ether6(), ipv6(44, 8 + data), header, Octets(data, 7)});
  };
  Packet p;
  CHECK_EQ(decode(fragment(17, 16), kWhole, p), Malformed::kOk);
  CHECK(p.is_fragment && p.more_fragments);
  CHECK_EQ(p.fragment_id, 0xcafe0001u);
  CHECK_EQ(p.fragment_offset_octets, 16);
  CHECK_EQ(p.fragment_header_offset, 54);
  CHECK_EQ(p.protocol, 17);
  CHECK_EQ(decoded(fragment(17, 15)), Malformed::kFragment);
  CHECK_EQ(decoded(fragment(16, 0)), Malformed::kFragment);
  CHECK_EQ(decoded(fragment(0xfff8, 8)), Malformed::kFragment);
}

TEST(sources_that_no_host_has) {
  const auto from = [](Octets source, uint8_t protocol, Octets l4) {
    Octets frame = joined({macs(), ether6(), ipv6(protocol, l4.size()), l4});
    std::copy(source.begin(), source.end(), frame.begin() + 22);
    return decoded(frame, kPartial);
  };
  const Octets any(16, 0);
  Octets group(16, 0);
  group[0] = 0xff;
  CHECK_EQ(from(group, 58, {135, 0, 0, 0, 0, 0, 0, 0}), Malformed::kSourceAddress);
  CHECK_EQ(from(any, 58, {135, 0, 0, 0, 0, 0, 0, 0}), Malformed::kOk);
  CHECK_EQ(from(any, 58, {143, 0, 0, 0, 0, 0, 0, 0}), Malformed::kOk);
  CHECK_EQ(from(any, 58, {128, 0, 0, 0, 0, 0, 0, 0}), Malformed::kSourceAddress);
  CHECK_EQ(from(any, 17, udp(0, 0)), Malformed::kSourceAddress);
}

}  // namespace vethwall::wire

TAP_MAIN()
