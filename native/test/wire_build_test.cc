#include <algorithm>

#include "test/tap.h"
#include "test/wire_frames.h"
#include "wire/build.h"
#include "wire/checksum.h"
#include "wire/marker.h"
#include "wire/packet.h"

namespace vethwall::wire {
namespace {

constexpr uint8_t kFin = 1, kSyn = 2, kPsh = 8, kAck = 16, kUrg = 32;

struct Decoded {
  Malformed malformed;
  Packet packet;
};
Decoded take_apart(const Octets& frame, const VnetHeader& vnet) {
  Decoded out;
  out.malformed = decode(frame, vnet, out.packet);
  return out;
}

// What the kernel does with NEEDS_CSUM (skb_checksum_help): sums from csum_start, stores.
Octets finished(const Built& built) {
  Octets frame = built.frame;
  if (built.vnet.flags & kNeedsCsum) {
    const size_t at = size_t{built.vnet.csum_start} + built.vnet.csum_offset;
    const auto sum = static_cast<uint16_t>(~ones_sum(Frame(frame).subspan(built.vnet.csum_start)));
    frame.at(at) = static_cast<uint8_t>(sum >> 8);
    frame.at(at + 1) = static_cast<uint8_t>(sum);
  }
  return frame;
}
Decoded verified(const Built& built) { return take_apart(finished(built), kWhole); }

Octets payload_of(const Octets& frame, const Packet& packet) {
  const auto from = frame.begin() + packet.payload_offset;
  return Octets(from, from + packet.payload_octets);
}

const Octets kTags = {0x88, 0xa8, 0x60, 7, 0x81, 0, 0, 100};
const Octets kText = octets_of("abcdefghij");

Octets tcp_frame(int family, uint8_t flags, const Octets& payload, const Octets& tags = {}) {
  const size_t l4 = 20 + payload.size();
  return joined({macs(), tags, family == 4 ? ether4() : ether6(),
                 family == 4 ? ipv4(6, l4) : ipv6(6, l4), tcp(0, flags), payload});
}
Octets udp_frame(int family, const Octets& payload) {
  const size_t l4 = 8 + payload.size();
  return joined({macs(), family == 4 ? ether4() : ether6(),
                 family == 4 ? ipv4(17, l4) : ipv6(17, l4), udp(0, payload.size()), payload});
}

}  // namespace

TEST(a_reset_answers_along_the_way_back) {
  for (const int family : {4, 6}) {
    const Octets cause = tcp_frame(family, kSyn, {}, kTags);
    const Packet p = take_apart(cause, kPartial).packet;
    const L3Template back = reversed(template_of(cause, p));
    const Built built = build_tcp(back, {80, 4660, 0, 0x01020305, 0x14, 0}, {});
    const Decoded reset = verified(built);
    CHECK_EQ(reset.malformed, Malformed::kOk);
    CHECK_EQ(reset.packet.tcp_flags, 0x14);
    CHECK_EQ(reset.packet.acknowledgement, 0x01020305u);
    CHECK(reset.packet.source == p.destination && reset.packet.destination == p.source);
    CHECK_EQ(reset.packet.vlan_count, 2);
    CHECK(Octets(built.frame.begin() + 12, built.frame.begin() + 20) == kTags);
    Marker marker;
    CHECK(read_marker(built.frame, marker));
    CHECK_EQ(marker.toward, Toward::kNetwork);
    CHECK_EQ(marker.endpoint, 0x0105);
  }
}

TEST(an_answer_to_a_broadcast_is_unicast) {
  L3Template l3;
  l3.destination_mac = marker_mac(AddressKind::kBroadcast, 0x0105);
  CHECK(reversed(l3).source_mac == marker_mac(AddressKind::kPodMac, 0x0105));
}

TEST(a_long_refusal_asks_for_segmentation) {
  const Octets page(3000, 'x');
  for (const int family : {4, 6}) {
    const Octets cause = tcp_frame(family, kAck, {});
    const L3Template l3 = template_of(cause, take_apart(cause, kPartial).packet);
    const Built built = build_tcp(l3, {80, 4660, 1, 2, kAck | kPsh, 500}, page);
    CHECK_EQ(built.vnet.gso_type, family == 4 ? kGsoTcp4 : kGsoTcp6);
    CHECK_EQ(built.vnet.gso_size, 1220);
    CHECK_EQ(built.vnet.hdr_len, family == 4 ? 54 : 74);
    CHECK(payload_of(built.frame, verified(built).packet) == page);
    CHECK_EQ(build_tcp(l3, {80, 4660, 1, 2, kAck, 500}, kText).vnet.gso_type, kGsoNone);
    const Octets too_long(70000, 'x');
    CHECK_EQ(verified(build_tcp(l3, {80, 4660, 1, 2, kAck, 500}, too_long)).malformed,
             Malformed::kOk);
  }
}

TEST(a_udp_answer) {
  for (const int family : {4, 6}) {
    const Octets query = udp_frame(family, kText);
    const Packet p = take_apart(query, kPartial).packet;
    const Built built = build_udp(reversed(template_of(query, p)), 53, 4660, kText);
    const Decoded answer = verified(built);
    CHECK_EQ(answer.malformed, Malformed::kOk);
    CHECK_EQ(answer.packet.source_port, 53);
    CHECK(payload_of(built.frame, answer.packet) == kText);
  }
}

TEST(prohibited_quotes_what_was_denied) {
  for (const int family : {4, 6}) {
    for (const size_t payload : {size_t{0}, size_t{5}, size_t{3000}}) {
      const Octets denied = udp_frame(family, Octets(payload, 'q'));
      const Packet p = take_apart(denied, kPartial).packet;
      const Built built = build_prohibited(denied, p);
      const Decoded error = verified(built);
      CHECK_EQ(error.malformed, Malformed::kOk);
      CHECK_EQ(error.packet.icmp_type, family == 4 ? 3 : 1);
      CHECK_EQ(error.packet.icmp_code, family == 4 ? 13 : 1);
      CHECK(error.packet.destination == p.source);
      const uint32_t octets = error.packet.l3_end - error.packet.l3_offset;
      if (payload == 3000) CHECK_EQ(octets, family == 4 ? 576u : 1280u);
      Quoted quoted;
      CHECK(decode_quoted(built.frame, error.packet, quoted));
      CHECK(quoted.source == p.source && quoted.destination_port == 53);
    }
  }
}

TEST(what_no_error_answers) {
  const auto answered = [](Octets frame) {
    const Decoded denied = take_apart(frame, kPartial);
    CHECK_EQ(denied.malformed, Malformed::kOk);
    return !build_prohibited(frame, denied.packet).frame.empty();
  };
  Octets frame = udp_frame(6, kText);
  CHECK(answered(frame));
  frame[4] |= 0x40;  // marker kind 1: the destination was the broadcast address
  CHECK(!answered(frame));
  frame = udp_frame(6, kText);
  frame[38] = 0xff;  // destination ff00::
  CHECK(!answered(frame));
  frame = udp_frame(6, kText);
  frame[0] = 0x33;  // group address in the MAC, no marker
  CHECK(!answered(frame));
  const Octets error = {3, 1, 0, 0, 0, 0, 0, 0};
  CHECK(!answered(joined({macs(), ether4(), ipv4(1, 8), error})));
  CHECK(!answered(joined({macs(), ether4(), ipv4(17, 8, 0x0002), Octets(8, 1)})));
  CHECK(!answered(joined({macs(), {0x08, 0x06}, Octets(28, 1)})));
}

TEST(every_cut_of_a_segment_is_whole) {
  for (const int family : {4, 6}) {
    const Octets whole = joined({tcp_frame(family, kFin | kPsh | kAck, kText, kTags), {0, 0, 0}});
    const Packet p = take_apart(whole, kPartial).packet;
    for (uint32_t from = 0; from <= 10; ++from) {
      for (uint32_t to = from; to <= 10; ++to) {
        const Built built = cut_tcp(whole, kPartial, p, from, to);
        const Decoded part = verified(built);
        CHECK_EQ(part.malformed, Malformed::kOk);
        CHECK_EQ(part.packet.sequence, p.sequence + from);
        CHECK_EQ(part.packet.tcp_flags, to == 10 ? kFin | kPsh | kAck : kAck);
        CHECK_EQ(part.packet.l3_end, built.frame.size());
        CHECK(payload_of(built.frame, part.packet) ==
              Octets(kText.begin() + from, kText.begin() + to));
      }
    }
  }
}

TEST(a_super_frame_keeps_its_segmentation_while_it_needs_it) {
  for (const int family : {4, 6}) {
    const auto type = static_cast<uint8_t>(family == 4 ? kGsoTcp4 : kGsoTcp6);
    const Octets whole = tcp_frame(family, kAck, Octets(60000, 'x'));
    const VnetHeader gso = {kNeedsCsum, type, 100, 1448, 34, 16};
    const Packet p = take_apart(whole, gso).packet;
    const Built large = cut_tcp(whole, gso, p, 1448, 40000);
    CHECK_EQ(large.vnet.gso_type, type);
    CHECK_EQ(large.vnet.gso_size, 1448);
    CHECK_EQ(large.vnet.hdr_len, p.payload_offset);
    CHECK_EQ(large.vnet.csum_start, p.l4_offset);
    CHECK_EQ(verified(large).malformed, Malformed::kOk);
    const Built small = cut_tcp(whole, gso, p, 0, 1448);
    CHECK_EQ(small.vnet.gso_type, kGsoNone);
    CHECK_EQ(small.vnet.gso_size, 0);
    CHECK_EQ(verified(small).packet.payload_octets, 1448u);
  }
}

TEST(a_cut_syn_leaves_its_number_in_front) {
  const Octets whole = tcp_frame(4, kSyn, kText);
  const Packet p = take_apart(whole, kPartial).packet;
  const Packet head = verified(cut_tcp(whole, kPartial, p, 0, 4)).packet;
  CHECK_EQ(head.tcp_flags, kSyn);
  CHECK_EQ(head.sequence, p.sequence);
  const Packet tail = verified(cut_tcp(whole, kPartial, p, 4, 10)).packet;
  CHECK_EQ(tail.tcp_flags, 0);
  CHECK_EQ(tail.sequence, p.sequence + 5);
}

TEST(a_cut_moves_the_urgent_pointer) {
  Octets whole = tcp_frame(4, kUrg | kAck, kText);
  whole[53] = 6;
  const Packet p = take_apart(whole, kPartial).packet;
  const Packet near = verified(cut_tcp(whole, kPartial, p, 4, 10)).packet;
  CHECK_EQ(near.urgent_pointer, 2);
  CHECK_EQ(near.tcp_flags, kUrg | kAck);
  const Packet past = verified(cut_tcp(whole, kPartial, p, 6, 10)).packet;
  CHECK_EQ(past.urgent_pointer, 0);
  CHECK_EQ(past.tcp_flags, kAck);
}

TEST(a_full_checksum_becomes_partial) {
  const Octets whole = joined({macs(), ether4(), ipv4(6, 25), tcp(0x0b51), octets_of("hello")});
  const Decoded before = take_apart(whole, kWhole);
  CHECK_EQ(before.malformed, Malformed::kOk);
  const Built same = cut_tcp(whole, kWhole, before.packet, 0, 5);
  CHECK_EQ(same.vnet.flags, kNeedsCsum);
  CHECK(finished(same) == whole);
}

TEST(udp_segments_are_datagrams_of_their_own) {
  for (const int family : {4, 6}) {
    const Octets whole = udp_frame(family, kText);
    const VnetHeader gso = {kNeedsCsum, kGsoUdpL4, 42, 4, 34, 6};
    const Packet p = take_apart(whole, gso).packet;
    CHECK_EQ(udp_datagrams(gso, p), 3u);
    CHECK_EQ(udp_datagrams(kPartial, p), 1u);
    const Built last = cut_udp(whole, gso, p, 2);
    const Decoded datagram = verified(last);
    CHECK_EQ(datagram.malformed, Malformed::kOk);
    CHECK(payload_of(last.frame, datagram.packet) == octets_of("ij"));
    CHECK_EQ(verified(cut_udp(whole, gso, p, 9)).packet.payload_octets, 0u);
    CHECK_EQ(verified(cut_udp(whole, kPartial, p, 0)).packet.payload_octets, 10u);
  }
}

}  // namespace vethwall::wire

TAP_MAIN()
