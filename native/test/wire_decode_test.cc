#include "test/tap.h"
#include "test/wire_frames.h"
#include "wire/checksum.h"
#include "wire/marker.h"
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

TEST(tcp_over_ipv4) {
  Packet p;
  CHECK_EQ(decode(tcp4(), kWhole, p), Malformed::kOk);
  CHECK_EQ(p.family, 4);
  CHECK_EQ(p.protocol, 6);
  CHECK_EQ(p.source.octets[3], 1);
  CHECK_EQ(p.destination.octets[3], 2);
  CHECK_EQ(p.destination.family, 4);
  CHECK_EQ(p.hop_limit, 64);
  CHECK_EQ(p.l3_offset, 14);
  CHECK_EQ(p.l4_offset, 34);
  CHECK_EQ(p.l3_end, 59u);
  CHECK_EQ(p.source_port, 4660);
  CHECK_EQ(p.destination_port, 80);
  CHECK_EQ(p.sequence, 0x01020304u);
  CHECK_EQ(p.acknowledgement, 0x0a0b0c0du);
  CHECK_EQ(p.tcp_flags, 0x18);
  CHECK_EQ(p.window, 0x2000);
  CHECK_EQ(p.payload_offset, 54u);
  CHECK_EQ(p.payload_octets, 5u);
}

TEST(tcp_over_ipv6) {
  Packet p;
  CHECK_EQ(decode(tcp6(), kWhole, p), Malformed::kOk);
  CHECK_EQ(p.family, 6);
  CHECK_EQ(p.source.octets[0], 0xfd);
  CHECK_EQ(p.destination.octets[15], 2);
  CHECK_EQ(p.l4_offset, 54);
  CHECK_EQ(p.payload_offset, 74u);
  CHECK_EQ(p.payload_octets, 5u);
}

TEST(padding_behind_the_datagram_is_not_payload) {
  Packet p;
  CHECK_EQ(decode(joined({tcp4(), Octets(9, 0xee)}), kWhole, p), Malformed::kOk);
  CHECK_EQ(p.payload_octets, 5u);
  CHECK_EQ(p.l3_end, 59u);
}

TEST(vlan_tags_stay_in_band) {
  const Octets body = joined({ether4(), ipv4(6, 25), tcp(0x0b51), kHello});
  const Octets outer = {0x88, 0xa8, 0x60, 0x07};
  const Octets inner = {0x81, 0x00, 0x00, 0x64};
  Packet p;
  CHECK_EQ(decode(joined({macs(), inner, body}), kWhole, p), Malformed::kOk);
  CHECK_EQ(p.vlan_count, 1);
  CHECK_EQ(p.vlan_ids[0], 100);
  CHECK_EQ(decode(joined({macs(), outer, inner, body}), kWhole, p), Malformed::kOk);
  CHECK_EQ(p.vlan_ids[0], 7);
  CHECK_EQ(p.vlan_ids[1], 100);
  CHECK_EQ(p.ethertype, 0x0800);
  CHECK_EQ(p.l3_offset, 22);
  CHECK_EQ(decoded(joined({macs(), outer, inner, inner, body})), Malformed::kVlanDepth);
}

TEST(arp_is_not_ip) {
  Packet p;
  CHECK_EQ(decode(joined({macs(), {0x08, 0x06}, Octets(28, 1)}), kWhole, p), Malformed::kOk);
  CHECK_EQ(p.family, 0);
  CHECK_EQ(p.ethertype, 0x0806);
  CHECK_EQ(p.l3_offset, 14);
}

TEST(every_cut_of_a_frame_is_malformed) {
  const Octets tags = {0x88, 0xa8, 0, 7, 0x81, 0, 0, 100};
  const Octets chain = {43, 0, 0, 0, 0, 0, 0, 0, 60, 0, 2, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0};
  const Octets tagged =
      joined({macs(), tags, ether4(), ipv4(6, 25, 0x4000, {1, 1, 1, 0}), tcp(0x0b51), kHello});
  for (const Octets& whole : {tcp4(), tcp6(), tagged, with_chain(0, chain)}) {
    CHECK_EQ(decoded(whole), Malformed::kOk);
    for (size_t octets = 0; octets < whole.size(); ++octets)
      CHECK(decoded(prefix(whole, octets)) != Malformed::kOk);
  }
}

TEST(no_single_octet_change_reads_outside) {
  for (const Octets& whole : {tcp4(), tcp6()}) {
    for (size_t at = 0; at < whole.size(); ++at) {
      for (unsigned value = 0; value < 256; ++value) {
        Octets changed = whole;
        changed[at] = static_cast<uint8_t>(value);
        Packet p;
        if (decode(changed, kPartial, p) != Malformed::kOk || p.family == 0) continue;
        CHECK(p.l3_end <= changed.size());
        CHECK(p.payload_offset + p.payload_octets <= p.l3_end);
      }
    }
  }
}

TEST(tcp_header_faults) {
  Octets frame = tcp4();
  frame[46] = 0x40;
  CHECK_EQ(decoded(frame), Malformed::kTcpHeaderLength);
  frame[46] = 0x70;  // 28 octets of 25
  CHECK_EQ(decoded(frame), Malformed::kTcpHeaderLength);
  CHECK_EQ(decoded(joined({macs(), ether4(), ipv4(6, 19), prefix(tcp(0), 19)})),
           Malformed::kTruncated);
}

TEST(udp_lengths) {
  const Octets query = octets_of("query");
  const auto datagram = [&](Octets header) {
    return decoded(joined({macs(), ether4(), ipv4(17, 13), header, query}));
  };
  CHECK_EQ(datagram(udp(0x8980, 5)), Malformed::kOk);
  CHECK_EQ(datagram(udp(0, 6)), Malformed::kUdpLength);
  Octets short_header = udp(0, 5);
  short_header[5] = 7;
  CHECK_EQ(datagram(short_header), Malformed::kUdpLength);
  Packet p;  // octets behind the UDP length belong to nobody
  CHECK_EQ(decode(joined({macs(), ether4(), ipv4(17, 13), udp(0, 3), query}), kWhole, p),
           Malformed::kOk);
  CHECK_EQ(p.payload_octets, 3u);
}

TEST(checksums) {
  const Octets query = octets_of("query");
  const VnetHeader valid = {kDataValid, kGsoNone, 0, 0, 0, 0};
  const Octets wrong4 = joined({macs(), ether4(), ipv4(6, 25), tcp(0x0b50), kHello});
  CHECK_EQ(decoded(wrong4), Malformed::kL4Checksum);
  CHECK_EQ(decoded(wrong4, kPartial), Malformed::kOk);
  CHECK_EQ(decoded(wrong4, valid), Malformed::kOk);
  const auto udp4 = [&](uint16_t sum) {
    return joined({macs(), ether4(), ipv4(17, 13), udp(sum, 5), query});
  };
  const auto udp6 = [&](uint16_t sum) {
    return joined({macs(), ether6(), ipv6(17, 13), udp(sum, 5), query});
  };
  CHECK_EQ(decoded(udp4(0)), Malformed::kOk);
  CHECK_EQ(decoded(udp4(0x8981)), Malformed::kL4Checksum);
  CHECK_EQ(decoded(udp6(0xa37e)), Malformed::kOk);
  CHECK_EQ(decoded(udp6(0)), Malformed::kUdpUnsummed);
  CHECK_EQ(decoded(udp6(0), valid), Malformed::kUdpUnsummed);
  CHECK_EQ(decoded(udp6(0), kPartial), Malformed::kOk);
}

TEST(echo_identifier_stands_for_ports) {
  Packet p;
  const Octets ping4 = {8, 0, 0x39, 0x0f, 0xbe, 0xef, 0, 1};
  CHECK_EQ(decode(joined({macs(), ether4(), ipv4(1, 8), ping4}), kWhole, p), Malformed::kOk);
  CHECK_EQ(p.source_port, 0xbeef);
  CHECK_EQ(p.icmp_type, 8);
  const Octets ping6 = {128, 0, 0xc6, 0xc7, 0xbe, 0xef, 0, 1};
  CHECK_EQ(decode(joined({macs(), ether6(), ipv6(58, 8), ping6}), kWhole, p), Malformed::kOk);
  CHECK_EQ(p.destination_port, 0xbeef);
  CHECK_EQ(decoded(joined({macs(), ether4(), ipv4(1, 8), ping6})), Malformed::kL4Checksum);
}

TEST(a_64_kib_segment) {
  const size_t payload = 65535 - 40;
  const VnetHeader gso = {kNeedsCsum, kGsoTcp4, 54, 1448, 34, 16};
  Packet p;
  const Octets frame =
      joined({macs(), ether4(), ipv4(6, 20 + payload), tcp(0), Octets(payload, 'x')});
  CHECK_EQ(decode(frame, gso, p), Malformed::kOk);
  CHECK_EQ(p.payload_octets, payload);
  CHECK_EQ(p.l3_end, frame.size());
}

TEST(quoted_datagram) {
  const Octets error = {3, 4, 0, 0, 0, 0, 5, 0xdc};
  const Octets quote = joined({ipv4(6, 1400), prefix(tcp(0), 8)});
  const size_t octets = error.size() + quote.size();
  const Octets frame = joined({macs(), ether4(), ipv4(1, octets), error, quote});
  Packet p;
  Quoted quoted;
  CHECK_EQ(decode(frame, kPartial, p), Malformed::kOk);
  CHECK(decode_quoted(frame, p, quoted));
  CHECK_EQ(quoted.protocol, 6);
  CHECK_EQ(quoted.source.octets[3], 1);
  CHECK_EQ(quoted.destination_port, 80);
  for (size_t cut = 0; cut < quote.size(); ++cut) {
    const Octets part = joined({macs(), ether4(), ipv4(1, 8 + cut), error, prefix(quote, cut)});
    CHECK_EQ(decode(part, kPartial, p), Malformed::kOk);
    CHECK(!decode_quoted(part, p, quoted));
  }
  CHECK_EQ(decode(tcp4(), kWhole, p), Malformed::kOk);
  CHECK(!decode_quoted(tcp4(), p, quoted));
}

TEST(quoted_ipv6_datagram) {
  const Octets too_big = {2, 0, 0, 0, 0, 0, 5, 0};
  const Octets first_fragment = {17, 0, 0, 1, 0, 0, 0, 9};
  const Octets quote = joined({ipv6(44, 1400), first_fragment, udp(0, 1000)});
  const size_t octets = too_big.size() + quote.size();
  const Octets frame = joined({macs(), ether6(), ipv6(58, octets), too_big, quote});
  Packet p;
  Quoted quoted;
  CHECK_EQ(decode(frame, kPartial, p), Malformed::kOk);
  CHECK(decode_quoted(frame, p, quoted));
  CHECK_EQ(quoted.protocol, 17);
  CHECK_EQ(quoted.source_port, 4660);
}

TEST(quoted_ipv6_extension_headers) {
  const Octets unreachable = {1, 4, 0, 0, 0, 0, 0, 0};
  const Octets hop_by_hop = {43, 0, 1, 4, 0, 0, 0, 0};
  const Octets routing = {60, 0, 3, 1, 0, 0, 0, 0};  // sent with segments left
  const Octets destination = {51, 0, 1, 4, 0, 0, 0, 0};
  const Octets authentication = {17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1};
  const Octets quote =
      joined({ipv6(0, 1400), hop_by_hop, routing, destination, authentication, udp(0, 1000)});
  const auto error = [&](const Octets& part) {
    return joined(
        {macs(), ether6(), ipv6(58, unreachable.size() + part.size()), unreachable, part});
  };
  Packet p;
  Quoted quoted;
  CHECK_EQ(decode(error(quote), kPartial, p), Malformed::kOk);
  CHECK(decode_quoted(error(quote), p, quoted));
  CHECK_EQ(quoted.protocol, 17);
  CHECK_EQ(quoted.source_port, 4660);
  for (size_t cut = 0; cut < quote.size(); ++cut) {
    CHECK_EQ(decode(error(prefix(quote, cut)), kPartial, p), Malformed::kOk);
    CHECK(!decode_quoted(error(prefix(quote, cut)), p, quoted));
  }
}

TEST(checksum_of_every_length) {
  for (size_t octets = 0; octets < 130; ++octets) {
    Octets data(octets);
    uint32_t slow = 0;
    for (size_t i = 0; i < octets; ++i) {
      data[i] = static_cast<uint8_t>(0xf1 + i * 37);
      slow += i % 2 == 0 ? uint32_t{data[i]} << 8 : uint32_t{data[i]};
    }
    while (slow >> 16) slow = (slow & 0xffff) + (slow >> 16);
    CHECK_EQ(ones_sum(data), slow);
  }
}

TEST(marker_in_exactly_one_slot) {
  Marker marker;
  CHECK(read_marker(tcp4(), marker));
  CHECK_EQ(marker.toward, Toward::kPod);
  CHECK_EQ(marker.kind, AddressKind::kPodMac);
  CHECK_EQ(marker.endpoint, 0x0105);
  const auto mac = marker_mac(AddressKind::kMulticast, 0x2fff);
  const Octets other = {2, 0, 0, 0, 0, 9};
  const Octets marked(mac.begin(), mac.end());
  CHECK(read_marker(joined({other, marked}), marker));
  CHECK_EQ(marker.toward, Toward::kNetwork);
  CHECK_EQ(marker.kind, AddressKind::kMulticast);
  CHECK_EQ(marker.endpoint, 0x2fff);
  CHECK(!read_marker(joined({marked, marked}), marker));
  CHECK(!read_marker(joined({other, other}), marker));
  CHECK(!read_marker(prefix(joined({other, marked}), 11), marker));
}

}  // namespace vethwall::wire

TAP_MAIN()
