// Packets within packets: IP in IP (RFC 2003, 2473, 4213), GRE (RFC 2784, 2890), VXLAN (RFC 7348),
// Geneve (RFC 8926).
#pragma once
#include <cstdint>
#include <vector>

#include "wire/packet.h"

namespace vethwall::wire {

enum class TunnelKind : uint8_t { kNone = 0, kIp = 1, kGre = 2, kVxlan = 3, kGeneve = 4 };

// Destination ports, host order.
struct TunnelPorts {
  std::vector<uint16_t> vxlan = {4789, 8472};  // IANA; Linux before it was assigned
  std::vector<uint16_t> geneve = {6081};
};

// What a packet of `protocol` to that port is, by numbers alone.
TunnelKind tunnel_kind(const TunnelPorts& ports, uint8_t protocol, uint16_t destination_port);
TunnelKind tunnel_kind(const TunnelPorts& ports, const Packet& packet);

struct Inner {
  TunnelKind tunnel = TunnelKind::kNone;
  uint32_t id = 0;         // VNI or GRE key; 0 where there is none
  uint16_t ethertype = 0;  // of `octets`: IPv4, IPv6, or kTransparentEthernet
  Frame octets;            // part of the frame that was given
};
inline constexpr uint16_t kTransparentEthernet = 0x6558;  // RFC 1701

enum class Decapsulated : uint8_t {
  kNone,       // no tunnel
  kInner,      //
  kOpaque,     // a tunnel of what is neither IP nor Ethernet, or of its own control messages
  kMalformed,  // no receiver would take what it carries
};

// `packet` is what decode() made of `frame`, whole.
Decapsulated decapsulate(Frame frame, const VnetHeader& vnet, const Packet& packet,
                         const TunnelPorts& ports, Inner& out);

// The inner packet as a frame that decode() reads; without an Ethernet header of its own it has the
// MAC addresses of `outer`.
std::vector<uint8_t> inner_frame(Frame outer, const Inner& inner);

}  // namespace vethwall::wire
