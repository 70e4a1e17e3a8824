#include <algorithm>

#include "test/tap.h"
#include "test/wire_frames.h"
#include "wire/fragments.h"

namespace vethwall::wire {
namespace {

constexpr FragmentOrigin kPod = {5, Toward::kPod};
const Octets kData = octets_of("abcdefghijklmnopqrstuvwx");

Octets whole_datagram(int family) {
  return family == 4 ? joined({udp(0xc421, 24), kData}) : joined({udp(0xde1f, 24), kData});
}

// Octets [from, to) of a datagram with the given identification.
Octets fragment(int family, const Octets& datagram, size_t from, size_t to, uint16_t id = 7) {
  const Octets data(datagram.begin() + static_cast<std::ptrdiff_t>(from),
                    datagram.begin() + static_cast<std::ptrdiff_t>(to));
  const bool more = to < datagram.size();
  const auto hi = static_cast<uint8_t>(id >> 8), lo = static_cast<uint8_t>(id);
  if (family == 4) {
    const auto field = static_cast<uint16_t>((more ? 0x2000 : 0) | from / 8);
    Octets ip = ipv4(17, data.size(), field);
    const unsigned sum = (unsigned{ip[10]} << 8 | ip[11]) + 0x1c46u + 0xffffu - id;  // RFC 1624
    const unsigned mended = (sum & 0xffff) + (sum >> 16);
    ip[4] = hi, ip[5] = lo;
    ip[10] = static_cast<uint8_t>(mended >> 8), ip[11] = static_cast<uint8_t>(mended);
    return joined({macs(), ether4(), ip, data});
  }
  const auto field = static_cast<uint16_t>(from | (more ? 1 : 0));
  const Octets destination_options = {44, 0, 1, 4, 0, 0, 0, 0};
  const Octets header = {17, 0, static_cast<uint8_t>(field >> 8), static_cast<uint8_t>(field), 0, 0,
                         hi, lo};
  return joined({macs(), ether6(), ipv6(60, 16 + data.size()), destination_options, header, data});
}

Fragmented add(Reassembler& to, const Octets& frame, Reassembled& out,
               const FragmentOrigin& origin = kPod, uint64_t now_ns = 1) {
  Packet packet;
  CHECK_EQ(decode(frame, kWhole, packet), Malformed::kOk);
  CHECK(packet.is_fragment);
  Ticket ticket;
  return to.add(origin, now_ns, kWhole, frame, packet, ticket, out);
}
Fragmented add(Reassembler& to, const Octets& frame) {
  Reassembled out;
  return add(to, frame, out);
}

}  // namespace

TEST(every_order_makes_the_datagram_whole) {
  for (const int family : {4, 6}) {
    const Octets datagram = whole_datagram(family);
    std::vector<Octets> parts = {fragment(family, datagram, 0, 8),
                                 fragment(family, datagram, 8, 24),
                                 fragment(family, datagram, 24, 32)};
    std::ranges::sort(parts);
    do {
      Reassembler reassembler({});
      Reassembled out;
      CHECK_EQ(add(reassembler, parts[0], out), Fragmented::kHeld);
      CHECK_EQ(add(reassembler, parts[1], out), Fragmented::kHeld);
      CHECK_EQ(add(reassembler, parts[2], out), Fragmented::kComplete);
      CHECK_EQ(out.originals.size(), 3u);
      for (size_t i = 0; i < 3; ++i) CHECK(out.originals[i].frame == parts[i]);
      Packet packet;  // its checksum was made over the whole datagram
      CHECK_EQ(decode(out.frame, kWhole, packet), Malformed::kOk);
      CHECK(!packet.is_fragment);
      CHECK_EQ(packet.destination_port, 53);
      const auto payload = out.frame.begin() + packet.payload_offset;
      CHECK(Octets(payload, payload + packet.payload_octets) == kData);
      CHECK_EQ(reassembler.datagrams(), 0u);
      CHECK_EQ(reassembler.held_octets(), 0u);
    } while (std::ranges::next_permutation(parts).found);
  }
}

TEST(an_overlap_refuses_the_whole_datagram) {
  for (const int family : {4, 6}) {
    Octets other = whole_datagram(family);
    other[20] ^= 1;
    const Octets datagram = whole_datagram(family);
    Reassembler reassembler({});
    CHECK_EQ(add(reassembler, fragment(family, datagram, 0, 16)), Fragmented::kHeld);
    CHECK_EQ(add(reassembler, fragment(family, other, 8, 24)), Fragmented::kDropped);
    CHECK_EQ(add(reassembler, fragment(family, datagram, 0, 16)), Fragmented::kDropped);
    CHECK_EQ(add(reassembler, fragment(family, datagram, 16, 32)), Fragmented::kDropped);
    CHECK_EQ(reassembler.dropped(FragmentDrop::kOverlap), 4u);
    CHECK_EQ(reassembler.held_octets(), 0u);
    reassembler.expire(31'000'000'000);
    CHECK_EQ(add(reassembler, fragment(family, datagram, 0, 16)), Fragmented::kHeld);
  }
}

TEST(a_duplicate_is_not_an_overlap) {
  const Octets datagram = whole_datagram(4);
  Octets other = datagram;
  other[9] ^= 1;
  Reassembler reassembler({});
  Reassembled out;
  CHECK_EQ(add(reassembler, fragment(4, datagram, 0, 16)), Fragmented::kHeld);
  CHECK_EQ(add(reassembler, fragment(4, datagram, 0, 16)), Fragmented::kHeld);
  CHECK_EQ(add(reassembler, fragment(4, datagram, 16, 32), out), Fragmented::kComplete);
  CHECK_EQ(out.originals.size(), 2u);
  CHECK_EQ(reassembler.dropped(), 0u);
  CHECK_EQ(add(reassembler, fragment(4, datagram, 0, 16)), Fragmented::kHeld);
  CHECK_EQ(add(reassembler, fragment(4, other, 0, 16)), Fragmented::kDropped);
}

TEST(contradicting_ends_refuse_the_datagram) {
  const Octets datagram = whole_datagram(4);
  Reassembler shorter({});
  CHECK_EQ(add(shorter, fragment(4, datagram, 16, 24)), Fragmented::kHeld);
  CHECK_EQ(add(shorter, fragment(4, prefix(datagram, 16), 8, 16)), Fragmented::kDropped);
  Reassembler longer({});
  CHECK_EQ(add(longer, fragment(4, prefix(datagram, 16), 8, 16)), Fragmented::kHeld);
  CHECK_EQ(add(longer, fragment(4, datagram, 16, 24)), Fragmented::kDropped);
  CHECK_EQ(longer.dropped(FragmentDrop::kInconsistent), 2u);
}

TEST(what_tells_datagrams_apart) {
  const Octets datagram = whole_datagram(4);
  const Octets tail = fragment(4, datagram, 16, 32);
  Octets tagged = tail;
  const Octets tag = {0x81, 0, 0, 100};
  tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
  Reassembler reassembler({});
  Reassembled out;
  CHECK_EQ(add(reassembler, fragment(4, datagram, 0, 16)), Fragmented::kHeld);
  CHECK_EQ(add(reassembler, tail, out, {6, Toward::kPod}), Fragmented::kHeld);
  CHECK_EQ(add(reassembler, tail, out, {5, Toward::kNetwork}), Fragmented::kHeld);
  CHECK_EQ(add(reassembler, fragment(4, datagram, 16, 32, 8)), Fragmented::kHeld);
  CHECK_EQ(add(reassembler, tagged), Fragmented::kHeld);
  CHECK_EQ(reassembler.datagrams(), 5u);
  CHECK_EQ(add(reassembler, tail, out), Fragmented::kComplete);
  reassembler.remove_endpoint(5);
  CHECK_EQ(reassembler.datagrams(), 1u);
}

TEST(a_datagram_that_stays_in_part_expires) {
  Reassembler reassembler({});
  Reassembled out;
  const Octets head = fragment(6, whole_datagram(6), 0, 16);
  add(reassembler, head, out, kPod, 1000);
  reassembler.expire(30'000'000'999);
  CHECK_EQ(reassembler.datagrams(), 1u);
  reassembler.expire(30'000'001'000);
  CHECK_EQ(reassembler.datagrams(), 0u);
  CHECK_EQ(reassembler.dropped(FragmentDrop::kTimeout), 1u);
  CHECK_EQ(reassembler.held_octets(), 0u);
}

TEST(a_flood_costs_its_own_endpoint) {
  FragmentLimits limits;
  limits.fragment_datagrams = 16;
  Reassembler reassembler(limits);
  Reassembled out;
  const Octets datagram = whole_datagram(4);
  add(reassembler, fragment(4, datagram, 0, 16), out, {6, Toward::kPod});
  for (uint16_t id = 0; id < 100; ++id) add(reassembler, fragment(4, datagram, 0, 16, id));
  CHECK_EQ(reassembler.datagrams(), 16u);
  CHECK_EQ(reassembler.dropped(FragmentDrop::kDatagrams), 85u);
  CHECK_EQ(add(reassembler, fragment(4, datagram, 16, 32), out, {6, Toward::kPod}),
           Fragmented::kComplete);
}

TEST(octets_have_a_limit) {
  FragmentLimits limits;
  limits.fragment_octets_total = 1000;
  Reassembler reassembler(limits);
  const Octets datagram = whole_datagram(4);
  for (uint16_t id = 0; id < 100; ++id) {
    add(reassembler, fragment(4, datagram, 0, 16, id));
    CHECK(reassembler.held_octets() <= 1000);
  }
  CHECK_EQ(reassembler.dropped(FragmentDrop::kOctets), 95u);
  const Octets large(2000, 'x');
  CHECK_EQ(add(reassembler, fragment(4, large, 0, 1000)), Fragmented::kDropped);
  Reassembler alone(limits);  // a datagram that needs more than all of it
  Fragmented last = Fragmented::kHeld;
  for (size_t from = 0; from < 2000; from += 200)
    last = add(alone, fragment(4, large, from, from + 200));
  CHECK(last != Fragmented::kComplete);
  CHECK(alone.held_octets() <= 1000);
}

TEST(a_whole_beyond_65535_octets_is_refused) {
  Reassembler reassembler({});
  const Octets options(40, 1);
  const Octets head = joined({macs(), ether4(), ipv4(17, 32768, 0x2000, options), Octets(32768)});
  const Octets tail = joined({macs(), ether4(), ipv4(17, 32740, 0x1000), Octets(32740)});
  CHECK_EQ(add(reassembler, head), Fragmented::kHeld);
  CHECK_EQ(add(reassembler, tail), Fragmented::kDropped);
  CHECK_EQ(reassembler.dropped(FragmentDrop::kOversize), 2u);
}

TEST(a_fragment_within_a_fragment_is_refused) {
  const Octets outer_head = {44, 0, 0, 1, 0, 0, 0, 7};
  const Octets outer_tail = {44, 0, 0, 8, 0, 0, 0, 7};
  const Octets inner = {17, 0, 0, 1, 0, 0, 0, 9};
  Reassembler reassembler({});
  CHECK_EQ(add(reassembler, joined({macs(), ether6(), ipv6(44, 16), outer_head, inner})),
           Fragmented::kHeld);
  CHECK_EQ(add(reassembler, joined({macs(), ether6(), ipv6(44, 16), outer_tail, udp(0, 0)})),
           Fragmented::kDropped);
}

}  // namespace vethwall::wire

TAP_MAIN()
