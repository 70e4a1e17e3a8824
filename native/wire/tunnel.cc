#include "wire/tunnel.h"

#include <algorithm>
#include <array>

#include "wire/checksum.h"
#include "wire/decode_stages.h"
#include "wire/reader.h"

namespace vethwall::wire {
namespace {

// IANA protocol numbers
constexpr uint8_t kIpv4InIp = 4;
constexpr uint8_t kIpv6InIp = 41;
constexpr uint8_t kGre = 47;

constexpr size_t kMacsOctets = 12;

bool is_among(const std::vector<uint16_t>& ports, uint16_t port) {
  return std::ranges::find(ports, port) != ports.end();
}

Decapsulated take_rest(const Reader& reader, uint16_t ethertype, Inner& out) {
  if (ethertype != kEtherIpv4 && ethertype != kEtherIpv6 && ethertype != kTransparentEthernet)
    return Decapsulated::kOpaque;
  out.ethertype = ethertype;
  out.octets = reader.rest();
  return Decapsulated::kInner;
}

// RFC 2784 §2.1, RFC 2890 §2: checksum, key and sequence number, each where its bit says so.
Decapsulated read_gre(Reader& reader, const VnetHeader& vnet, Inner& out) {
  constexpr uint16_t kChecksum = 0x8000, kRouting = 0x4000, kKey = 0x2000, kSequence = 0x1000;
  constexpr uint16_t kVersion = 0x0007, kPointToPoint = 1;
  const std::span<const uint8_t> whole = reader.rest();
  Header<4> gre;
  if (!reader.read(gre)) return Decapsulated::kMalformed;
  const uint16_t flags = gre.be16<0>();
  if ((flags & kVersion) == kPointToPoint) return Decapsulated::kOpaque;  // RFC 2637: PPP
  // Linux takes neither: gre_parse_header().
  if ((flags & (kVersion | kRouting)) != 0) return Decapsulated::kMalformed;
  if ((flags & kChecksum) != 0) {
    const bool is_open = (vnet.flags & (kNeedsCsum | kDataValid)) == 0;
    if (!reader.skip(4) || (is_open && ones_sum(whole) != kSumOfIntact))
      return Decapsulated::kMalformed;
  }
  Header<4> key;
  if ((flags & kKey) != 0) {
    if (!reader.read(key)) return Decapsulated::kMalformed;
    out.id = key.be32<0>();
  }
  if ((flags & kSequence) != 0 && !reader.skip(4)) return Decapsulated::kMalformed;
  return take_rest(reader, gre.be16<2>(), out);
}

// RFC 7348 §5. Without the I flag there is no VNI, and no receiver.
Decapsulated read_vxlan(Reader& reader, Inner& out) {
  constexpr uint8_t kHasVni = 0x08;
  Header<8> vxlan;
  if (!reader.read(vxlan) || (vxlan.u8<0>() & kHasVni) == 0) return Decapsulated::kMalformed;
  out.id = vxlan.be32<4>() >> 8;
  return take_rest(reader, kTransparentEthernet, out);
}

// RFC 8926 §3.4. Options are the receiver's business, unless they are all that there is.
Decapsulated read_geneve(Reader& reader, Inner& out) {
  constexpr uint8_t kOptionsMask = 0x3f, kControl = 0x80;
  Header<8> geneve;
  if (!reader.read(geneve) || geneve.u8<0>() >> 6 != 0) return Decapsulated::kMalformed;
  if (!reader.skip((geneve.u8<0>() & kOptionsMask) * size_t{4})) return Decapsulated::kMalformed;
  out.id = geneve.be32<4>() >> 8;
  if ((geneve.u8<1>() & kControl) != 0) return Decapsulated::kOpaque;
  return take_rest(reader, geneve.be16<2>(), out);
}

}  // namespace

TunnelKind tunnel_kind(const TunnelPorts& ports, uint8_t protocol, uint16_t destination_port) {
  if (protocol == kIpv4InIp || protocol == kIpv6InIp) return TunnelKind::kIp;
  if (protocol == kGre) return TunnelKind::kGre;
  if (protocol != kUdp) return TunnelKind::kNone;
  if (is_among(ports.vxlan, destination_port)) return TunnelKind::kVxlan;
  return is_among(ports.geneve, destination_port) ? TunnelKind::kGeneve : TunnelKind::kNone;
}

TunnelKind tunnel_kind(const TunnelPorts& ports, const Packet& packet) {
  if (packet.family == 0 || packet.is_fragment) return TunnelKind::kNone;
  return tunnel_kind(ports, packet.protocol, packet.destination_port);
}

Decapsulated decapsulate(Frame frame, const VnetHeader& vnet, const Packet& packet,
                         const TunnelPorts& ports, Inner& out) {
  out = {};
  out.tunnel = tunnel_kind(ports, packet);
  const Reader whole(frame);
  Reader reader(whole.part(packet.payload_offset, packet.payload_octets));
  switch (out.tunnel) {
    case TunnelKind::kNone:
      return Decapsulated::kNone;
    case TunnelKind::kIp:
      return take_rest(reader, packet.protocol == kIpv4InIp ? kEtherIpv4 : kEtherIpv6, out);
    case TunnelKind::kGre:
      return read_gre(reader, vnet, out);
    case TunnelKind::kVxlan:
      return read_vxlan(reader, out);
    case TunnelKind::kGeneve:
      return read_geneve(reader, out);
  }
  return Decapsulated::kMalformed;
}

std::vector<uint8_t> inner_frame(Frame outer, const Inner& inner) {
  std::vector<uint8_t> frame;
  frame.reserve(kMacsOctets + sizeof inner.ethertype + inner.octets.size());
  if (inner.ethertype != kTransparentEthernet) {
    const std::span<const uint8_t> macs = Reader(outer).part(0, kMacsOctets);
    frame.assign(macs.begin(), macs.end());
    frame.push_back(static_cast<uint8_t>(inner.ethertype >> 8));
    frame.push_back(static_cast<uint8_t>(inner.ethertype));
  }
  frame.insert(frame.end(), inner.octets.begin(), inner.octets.end());
  return frame;
}

}  // namespace vethwall::wire
