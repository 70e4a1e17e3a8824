#include "wire/link_header.h"

#include "wire/decode_stages.h"

namespace vethwall::wire {
namespace {

constexpr uint16_t kSllBroadcast = 1;  // LINKTYPE_LINUX_SLL's packet type
// LINKTYPE_NULL and LINKTYPE_LOOP: an address family whose numbers and order differ between
// systems; the IP header says the same.
constexpr size_t kFamilyOctets = 4;

// IEEE 802 numbers; 0x9100 and 0x9200 are what switches tagged with before 802.1ad.
constexpr uint16_t kCustomerTag = 0x8100, kServiceTag = 0x88a8, kOldTag = 0x9100,
                   kOldTagToo = 0x9200;
constexpr uint16_t kMpls = 0x8847, kMplsMulticast = 0x8848, kPppoeSession = 0x8864;
// IEEE 802.3 §3.2.6: below it, a length.
constexpr uint16_t kLeastEthertype = 0x0600;
// RFC 3032 §2.1
constexpr uint32_t kBottomOfStack = 0x100;
// A label stack, or tags, of no more than so many; providers' have five.
constexpr int kMaxShims = 16;

bool is_tag(uint16_t ethertype) {
  return ethertype == kCustomerTag || ethertype == kServiceTag || ethertype == kOldTag ||
         ethertype == kOldTagToo;
}

uint16_t ethertype_of_ip(const Reader& packet) {
  Header<1> first;
  if (!packet.peek(first)) return 0;
  const unsigned version = first.u8<0>() >> 4;
  return version == 6 ? kEtherIpv6 : version == 4 ? kEtherIpv4 : uint16_t{0};
}

// RFC 1042 over IEEE 802.2: SNAP without an organisation; else it has no ethertype.
bool read_llc(Reader& packet, LinkHeader& out) {
  Header<8> llc;
  out.ethertype = 0;
  if (!packet.peek(llc)) return true;
  const bool is_snap = llc.be32<0>() == 0xaaaa0300 && llc.be16<4>() == 0;
  if (!is_snap) return true;
  out.ethertype = llc.be16<6>();
  return packet.skip(8);
}

// RFC 1661 §2, RFC 1662 §3.1: address and control may be left out, and a protocol's zero octet.
bool read_ppp(Reader& packet, LinkHeader& out) {
  constexpr uint16_t kAddressAndControl = 0xff03, kPppIpv4 = 0x21, kPppIpv6 = 0x57,
                     kPppMpls = 0x281;
  Header<2> head;
  if (packet.peek(head) && head.be16<0>() == kAddressAndControl) packet.skip(2);
  Header<1> first, second;
  if (!packet.read(first)) return false;
  uint16_t protocol = first.u8<0>();
  if ((protocol & 1) == 0) {
    if (!packet.read(second)) return false;
    protocol = static_cast<uint16_t>(protocol << 8 | second.u8<0>());
  }
  out.ethertype = protocol == kPppIpv4   ? kEtherIpv4
                  : protocol == kPppIpv6 ? kEtherIpv6
                  : protocol == kPppMpls ? kMpls
                                         : uint16_t{0};
  return true;
}

// RFC 2516 §4
bool read_pppoe(Reader& packet, LinkHeader& out) {
  Header<6> session;
  return packet.read(session) && read_ppp(packet, out);
}

bool read_mpls(Reader& packet, LinkHeader& out) {
  Header<4> label;
  for (int count = 0; count < kMaxShims; ++count) {
    if (!packet.read(label)) return false;
    if ((label.be32<0>() & kBottomOfStack) == 0) continue;
    out.ethertype = ethertype_of_ip(packet);
    return true;
  }
  return false;
}

void add_tag(uint32_t tag, LinkHeader& out) {
  if (out.vlan_count == kMaxVlans) {
    for (size_t i = 1; i < kMaxVlans; ++i) out.vlan_tags[i - 1] = out.vlan_tags[i];
    --out.vlan_count;
  }
  out.vlan_tags[out.vlan_count++] = tag;
}

bool read_shims(Reader& packet, LinkHeader& out) {
  for (int count = 0; is_tag(out.ethertype); ++count) {
    Header<4> tag;
    if (count == kMaxShims || !packet.read(tag)) return false;
    const uint32_t tpid = out.ethertype == kCustomerTag ? kCustomerTag : kServiceTag;
    add_tag(tpid << 16 | tag.be16<0>(), out);
    out.ethertype = tag.be16<2>();
  }
  if (out.ethertype == kMpls || out.ethertype == kMplsMulticast) return read_mpls(packet, out);
  if (out.ethertype == kPppoeSession)
    return read_pppoe(packet, out) && (out.ethertype != kMpls || read_mpls(packet, out));
  return out.ethertype == 0 || out.ethertype >= kLeastEthertype || read_llc(packet, out);
}

bool read_ethernet(Reader& packet, LinkHeader& out) {
  Header<14> ethernet;
  if (!packet.read(ethernet)) return false;
  ethernet.copy<0, 6>(out.destination);
  ethernet.copy<6, 6>(out.source);
  out.ethertype = ethernet.be16<12>();
  return read_shims(packet, out);
}

// IEEE 802.11 §9.2.4, §9.3.2: data frames in clear have LLC behind their header; nothing else has
// an ethertype, nor has an aggregate (A-MSDU).
bool read_wireless(Reader& packet, LinkHeader& out) {
  constexpr unsigned kToAndFromSystem = 3, kProtected = 0x40, kOrder = 0x80, kAggregate = 0x80;
  constexpr unsigned kData = 2, kNoData = 4, kQos = 8;
  Header<24> header;
  if (!packet.read(header)) return packet.skip(packet.left());
  const unsigned type = header.u8<0>() >> 2 & 3, subtype = header.u8<0>() >> 4;
  const unsigned flags = header.u8<1>();
  if (type != kData || (subtype & kNoData) != 0 || (flags & kProtected) != 0) return true;
  if ((flags & kToAndFromSystem) == kToAndFromSystem && !packet.skip(6)) return false;
  Header<2> qos;
  if ((subtype & kQos) != 0) {
    if (!packet.read(qos)) return false;
    if ((qos.u8<0>() & kAggregate) != 0) return true;
    if ((flags & kOrder) != 0 && !packet.skip(4)) return false;
  }
  // Drivers pad the header to four octets; radiotap tells it of some.
  Reader padded = packet;
  if (padded.skip(2) && read_llc(padded, out) && out.ethertype != 0) {
    packet = padded;
    return true;
  }
  return read_llc(packet, out);
}

// Its own length is little-endian (radiotap.org).
bool read_radiotap(Reader& packet, LinkHeader& out) {
  Header<4> radiotap;
  if (!packet.peek(radiotap)) return false;
  const size_t octets = radiotap.u8<2>() | size_t{radiotap.u8<3>()} << 8;
  return packet.skip(octets) && read_wireless(packet, out);
}

template <size_t N, size_t Type, size_t Kind, size_t Source>
bool read_cooked(Reader& packet, LinkHeader& out) {
  Header<N> cooked;
  if (!packet.read(cooked)) return false;
  // SLL has the packet type in two octets, of which the first is 0.
  if (cooked.template u8<Kind>() == kSllBroadcast) out.destination.fill(0xff);
  cooked.template copy<Source, 6>(out.source);
  out.ethertype = cooked.template be16<Type>();
  return read_shims(packet, out);
}

// draft-ietf-opsawg-pcaplinktype: address, control and an ethertype.
bool read_cisco_hdlc(Reader& packet, LinkHeader& out) {
  Header<4> header;
  if (!packet.read(header)) return false;
  out.ethertype = header.be16<2>();
  return read_shims(packet, out);
}

bool read_raw(Reader& packet, LinkHeader& out) {
  out.ethertype = ethertype_of_ip(packet);
  return packet.left() > 0;
}

}  // namespace

bool is_readable(LinkType link_type) {
  switch (link_type) {
    case LinkType::kNull:
    case LinkType::kEthernet:
    case LinkType::kPpp:
    case LinkType::kRawAsWritten:
    case LinkType::kRawAsWrittenToo:
    case LinkType::kPppSerial:
    case LinkType::kPppEther:
    case LinkType::kRaw:
    case LinkType::kCiscoHdlc:
    case LinkType::kWireless:
    case LinkType::kLoop:
    case LinkType::kLinuxSll:
    case LinkType::kRadiotap:
    case LinkType::kIpv4:
    case LinkType::kIpv6:
    case LinkType::kLinuxSll2:
      return true;
  }
  return false;
}

bool read_link_header(LinkType link_type, Reader& packet, LinkHeader& out) {
  switch (link_type) {
    case LinkType::kEthernet:
      return read_ethernet(packet, out);
    case LinkType::kPpp:
    case LinkType::kPppSerial:
      return read_ppp(packet, out) && read_shims(packet, out);
    case LinkType::kPppEther:
      return read_pppoe(packet, out) && read_shims(packet, out);
    case LinkType::kCiscoHdlc:
      return read_cisco_hdlc(packet, out);
    case LinkType::kWireless:
      return read_wireless(packet, out) && read_shims(packet, out);
    case LinkType::kRadiotap:
      return read_radiotap(packet, out) && read_shims(packet, out);
    case LinkType::kLinuxSll:
      return read_cooked<16, 14, 1, 6>(packet, out);
    case LinkType::kLinuxSll2:
      return read_cooked<20, 0, 10, 12>(packet, out);
    case LinkType::kNull:
    case LinkType::kLoop:
      return packet.skip(kFamilyOctets) && read_raw(packet, out);
    case LinkType::kRawAsWritten:
    case LinkType::kRawAsWrittenToo:
    case LinkType::kRaw:
    case LinkType::kIpv4:
    case LinkType::kIpv6:
      return read_raw(packet, out);
  }
  return false;
}

}  // namespace vethwall::wire
