// A pod and a peer that also speak to each other through a tunnel, under other addresses.
#pragma once
#include "test/engine_net.h"

namespace vethwall::engine_test {

inline constexpr uint16_t kVxlan = 4789, kGeneve = 6081;
inline constexpr uint16_t kEntropyPort = 50000;
inline constexpr uint8_t kIpv4InIp = 4, kIpv6InIp = 41, kGre = 47;
inline constexpr uint32_t kVni = 42;

inline std::string inner_address(uint8_t family, bool of_pod) {
  std::string address = of_pod ? pod_address(family) : peer_address(family);
  address[1] = 0x63;  // another network
  return address;
}

inline std::string vxlan_octets(uint32_t vni, const std::string& frame) {
  return be32(0x08000000) + be32(vni << 8) + frame;
}

struct Overlay {
  Net& net;
  uint8_t family;  // of what is within
  uint32_t vni = kVni;

  std::string ip(bool from_pod, const IpFields& fields, const std::string& l4) const {
    return ip_octets(fields, inner_address(family, from_pod), inner_address(family, !from_pod), l4);
  }
  std::string frame(bool from_pod, const std::string& body) const {
    return ethernet_octets(from_pod, 0x3fff, 0, family == 4 ? 0x0800 : 0x86dd, body);
  }
  std::string in_vxlan(bool from_pod, const std::string& inner) const {
    return net.ip(from_pod, {net.family, IPPROTO_UDP},
                  udp_octets(kEntropyPort, kVxlan, vxlan_octets(vni, inner)));
  }
  std::string receive(bool from_pod, const std::string& outer) const {
    wire::VnetHeader vnet = {};
    vnet.flags = wire::kNeedsCsum;
    net.receive(from_pod, outer, vnet);
    return outer;
  }
  // Each gives back the frame that was received.
  std::string packet(bool from_pod, const IpFields& fields, const std::string& l4) const {
    return receive(from_pod, in_vxlan(from_pod, frame(from_pod, ip(from_pod, fields, l4))));
  }
  std::string tcp(bool from_pod, uint16_t port, uint8_t flags, uint32_t sequence,
                  uint32_t acknowledgement, std::string_view payload = {},
                  const TcpOptions& options = {}) const {
    return packet(from_pod, {family, IPPROTO_TCP},
                  tcp_octets(from_pod ? kClientPort : port, from_pod ? port : kClientPort, flags,
                             sequence, acknowledgement, payload, options));
  }
  std::string udp(bool from_pod, uint16_t port, std::string_view payload) const {
    return packet(
        from_pod, {family, IPPROTO_UDP},
        udp_octets(from_pod ? kClientPort : port, from_pod ? port : kClientPort, payload));
  }
  void handshake(uint16_t port) const {
    tcp(true, port, kSyn, kClientIsn, 0);
    tcp(false, port, kSyn | kAck, kServerIsn, kClientIsn + 1);
    tcp(true, port, kAck, kClientIsn + 1, kServerIsn + 1);
    net.ring.flow = net.ring.inner_flow;  // the reply opened one of the tunnel's own
  }
  std::string client(uint16_t port, uint32_t offset, std::string_view payload,
                     uint8_t flags = kAck) const {
    return tcp(true, port, flags, kClientIsn + 1 + offset, kServerIsn + 1, payload);
  }
};

// Each family around each.
template <typename Run>
void all_pairs(Run run, const Setup& setup = {}) {
  for (const uint8_t outer : {uint8_t{4}, uint8_t{6}})
    for (const uint8_t inner : {uint8_t{4}, uint8_t{6}}) {
      Net net(outer, setup);
      run(net, Overlay{net, inner});
    }
}

inline std::string text_of(const Sent& sent) { return {sent.frame.begin(), sent.frame.end()}; }

}  // namespace vethwall::engine_test
