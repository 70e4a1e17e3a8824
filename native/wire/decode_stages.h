// The stages of decode(), each bounded by the Reader that the one before it left: at the first
// octet of its own header, limited to the end of what encloses it.
#pragma once
#include "wire/packet.h"
#include "wire/reader.h"

namespace vethwall::wire {

// uapi/linux/in.h, IANA protocol numbers
inline constexpr uint8_t kIcmp = 1;
inline constexpr uint8_t kIgmp = 2;
inline constexpr uint8_t kTcp = 6;
inline constexpr uint8_t kUdp = 17;
inline constexpr uint8_t kIcmpV6 = 58;
inline constexpr uint16_t kEtherIpv4 = 0x0800;
inline constexpr uint16_t kEtherIpv6 = 0x86dd;

// RFC 791 §3.1: of the field of flags and offset; the offset counts 8 octets.
inline constexpr uint16_t kIpv4DontFragment = 0x4000;
inline constexpr uint16_t kIpv4FragmentOffset = 0x1fff;
// RFC 8200 §4.5: the field's value is in octets.
inline constexpr uint16_t kIpv6FragmentOffset = 0xfff8;

inline constexpr size_t kIpv4Octets = 20;
inline constexpr size_t kIpv6Octets = 40;
inline constexpr size_t kTcpOctets = 20;
inline constexpr size_t kUdpOctets = 8;
inline constexpr size_t kIcmpOctets = 8;

Malformed decode_ipv4(Reader& reader, Packet& out);
Malformed decode_ipv6(Reader& reader, Packet& out);
Malformed decode_l4(Reader& reader, const VnetHeader& vnet, Packet& out);

bool is_ipv6_extension(uint8_t next_header);
// Moves past an extension header that is no fragment header. False where it is cut short.
bool skip_ipv6_extension(Reader& reader, uint8_t kind, uint8_t& next_header);
inline constexpr uint8_t kNextHopByHop = 0;
inline constexpr uint8_t kNextRouting = 43;
inline constexpr uint8_t kNextFragment = 44;
inline constexpr uint8_t kNextAuthentication = 51;
inline constexpr uint8_t kNextDestination = 60;
// RFC 8200 §4.1 lists seven in its recommended order; with one spare.
inline constexpr int kMaxExtensions = 8;

// ICMP echo request and reply, whose identifier stands for ports.
bool is_echo(uint8_t family, uint8_t icmp_type);

// Errors that quote the packet they are about.
bool is_icmp_error(const Packet& packet);

}  // namespace vethwall::wire
