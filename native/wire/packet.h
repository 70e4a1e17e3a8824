// A checked, zero-copy description of one Ethernet frame: decode() bounds every offset once, and
// after kOk the offsets in Packet lie inside the frame, so later accessors need no test of their
// own.
#pragma once
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>

namespace vethwall::wire {

using Frame = std::span<const uint8_t>;

// struct virtio_net_hdr (linux/virtio_net.h), legacy layout, host order, as PACKET_VNET_HDR uses
// it.
struct VnetHeader {
  uint8_t flags;     // kNeedsCsum, kDataValid
  uint8_t gso_type;  // VIRTIO_NET_HDR_GSO_*
  uint16_t hdr_len;
  uint16_t gso_size;
  uint16_t csum_start;
  uint16_t csum_offset;
};
static_assert(sizeof(VnetHeader) == 10);
inline constexpr uint8_t kNeedsCsum = 1;
inline constexpr uint8_t kDataValid = 2;
inline constexpr uint8_t kGsoNone = 0;
inline constexpr uint8_t kGsoTcp4 = 1;
inline constexpr uint8_t kGsoUdp = 3;
inline constexpr uint8_t kGsoTcp6 = 4;
inline constexpr uint8_t kGsoUdpL4 = 5;
inline constexpr uint8_t kGsoEcn = 0x80;

struct Address {
  uint8_t family = 0;                   // 4 or 6, 0 = none
  std::array<uint8_t, 16> octets = {};  // IPv4 in the first 4, rest 0
  friend auto operator<=>(const Address&, const Address&) = default;
};

enum class Malformed : uint8_t {
  kOk = 0,
  kTruncated,        // a header or a stated length passes the end of the frame
  kIpVersion,        // version nibble does not match the ethertype
  kIpHeaderLength,   // RFC 791 §3.1: IHL < 5 or beyond total length
  kIpTotalLength,    // beyond the frame, or below the header
  kIpChecksum,       //
  kIpv6Extension,    // RFC 8200 §4: chain too long, hop-by-hop not first, cut short
  kFragment,         // RFC 791 / RFC 8200 §4.5: offset + length > 65535, length not multiple of 8
  kTcpHeaderLength,  // RFC 9293 §3.1: data offset < 5 or beyond the segment
  kUdpLength,        // RFC 768: < 8 or beyond the datagram
  kL4Checksum,       // the receiver would drop it, so nobody else may believe it
  kVlanDepth,        // more tags than kMaxVlans
  kSourceAddress,    // source is multicast, or unspecified where that is not allowed
  kSourceRoute,      // LSRR, SSRR (RFC 7126 §4.3), segments left > 0 (RFC 5095): judged for one
                     // destination, it would be delivered to another
  kUdpUnsummed,      // RFC 8200 §8.1: none over IPv6, which only a tunnel's receiver may take; all
                     // else is in order, and Packet is complete
  kCount
};

inline constexpr size_t kMaxVlans = 2;

struct Packet {
  uint16_t ethertype = 0;  // innermost, host order
  uint8_t vlan_count = 0;
  std::array<uint16_t, kMaxVlans> vlan_ids = {};
  uint8_t family = 0;  // 4, 6; 0 = not IP: of what is below only l3_offset and l3_end are set
  Address source;
  Address destination;
  uint8_t protocol = 0;  // IPPROTO_* after all extension headers; IPv6 fragment: what follows the
                         // fragment header
  uint8_t hop_limit = 0;
  uint16_t l3_offset = 0;
  uint16_t l4_offset = 0;    // 0 for a fragment that is not the first
  uint32_t l3_end = 0;       // end of the IP datagram in the frame; Ethernet padding lies behind
  bool is_fragment = false;  // atomic fragments (RFC 6946) are not
  bool more_fragments = false;
  uint32_t fragment_id = 0;
  uint16_t fragment_offset_octets = 0;
  uint16_t fragment_header_offset = 0;  // IPv6: of the fragment extension header
  uint16_t source_port = 0;             // host order; ICMP echo: identifier in both
  uint16_t destination_port = 0;
  uint32_t payload_offset = 0;  // behind the TCP, UDP, ICMP header; at l4 of other protocols;
                                // fragment: its piece of the datagram
  uint32_t payload_octets = 0;
  uint32_t sequence = 0;
  uint32_t acknowledgement = 0;
  uint8_t tcp_flags = 0;  // FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32
  uint16_t window = 0;
  uint16_t urgent_pointer = 0;
  uint8_t icmp_type = 0;
  uint8_t icmp_code = 0;
  // Of what came out of a tunnel; set by who took it out (engine/tunnels.cc).
  uint8_t tunnel_depth = 0;  // 1 in the outermost
  uint32_t tunnel = 0;       // which one it was; 0 = none
};

// Decodes Ethernet, up to kMaxVlans 802.1Q/802.1ad tags, IPv4, IPv6 with extension headers, TCP,
// UDP, ICMP, ICMPv6. Verifies IPv4 header checksums always, and L4 checksums of whole datagrams
// unless vnet says that they are partial or known good.
Malformed decode(Frame frame, const VnetHeader& vnet, Packet& out);

// The datagram that an ICMP error quotes (RFC 792, RFC 4443 §3): addresses, protocol and ports of
// the packet that *was sent*. False where `packet` is no ICMP error or quotes too little.
struct Quoted {
  uint8_t family;
  uint8_t protocol;
  Address source;
  Address destination;
  uint16_t source_port;
  uint16_t destination_port;
};
bool decode_quoted(Frame frame, const Packet& packet, Quoted& out);

}  // namespace vethwall::wire
