// Frames of the tests, built by hand: no line of the code under test has a part in them. L4
// checksums are left partial (vnet), as a pod's kernel leaves them.
#pragma once
#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/packet.h"

namespace vethwall::engine_test {

inline std::string be16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}
inline std::string be32(uint32_t value) { return be16(value >> 16) + be16(value & 0xffff); }

inline uint16_t checksum(const std::string& octets) {
  uint32_t sum = 0;
  for (size_t i = 0; i < octets.size(); ++i)
    sum += uint32_t{static_cast<uint8_t>(octets[i])} << (i % 2 == 0 ? 8 : 0);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

inline std::string pod_address(uint8_t family) {
  return family == 4 ? std::string("\x0a\x01\x00\x02", 4)
                     : std::string("\xfd\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\x02", 16);
}
inline std::string peer_address(uint8_t family) {
  return family == 4 ? std::string("\x0a\x01\x00\x09", 4)
                     : std::string("\xfd\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\x09", 16);
}

// Destination, source and tags; the pod's address is overwritten by the endpoint's marker.
inline std::string ethernet_octets(bool from_pod, uint16_t endpoint, uint16_t vlan,
                                   uint16_t ethertype, std::string_view body) {
  const std::string marker = std::string("\x4e\x65\x75\x56", 4) + be16(endpoint);
  const std::string other("\x02\x00\x00\x00\x00\x01", 6);
  std::string frame = from_pod ? other + marker : marker + other;
  if (vlan != 0) frame += be16(0x8100) + be16(vlan);
  return frame + be16(ethertype) + std::string(body);
}

struct IpFields {
  uint8_t family;
  uint8_t protocol;
  uint8_t hops = 64;
  uint16_t identification = 0;
  uint16_t fragment = 0;  // IPv4 flags and offset field; IPv6: of the fragment header
  bool has_fragment_header = false;
};

inline std::string ipv4_octets(const IpFields& ip, const std::string& source,
                               const std::string& destination, const std::string& l4) {
  std::string head = be16(0x4500) + be16(static_cast<unsigned>(20 + l4.size())) +
                     be16(ip.identification) + be16(ip.fragment);
  head += {static_cast<char>(ip.hops), static_cast<char>(ip.protocol)};
  head += be16(0) + source + destination;
  const std::string sum = be16(checksum(head));
  return head.replace(10, 2, sum) + l4;
}

inline std::string ipv6_octets(const IpFields& ip, const std::string& source,
                               const std::string& destination, std::string l4) {
  uint8_t next = ip.protocol;
  if (ip.has_fragment_header) {
    l4 = std::string{static_cast<char>(next), 0} + be16(ip.fragment) + be32(ip.identification) + l4;
    next = IPPROTO_FRAGMENT;
  }
  std::string head = be32(0x60000000) + be16(static_cast<unsigned>(l4.size()));
  head += {static_cast<char>(next), static_cast<char>(ip.hops)};
  return head + source + destination + l4;
}

inline std::string ip_octets(const IpFields& ip, const std::string& source,
                             const std::string& destination, const std::string& l4) {
  return ip.family == 4 ? ipv4_octets(ip, source, destination, l4)
                        : ipv6_octets(ip, source, destination, l4);
}

struct TcpOptions {
  uint16_t window = 65535;
  int window_scale = -1;
  uint16_t urgent = 0;
  std::string_view raw = {};  // instead of any other; a multiple of 4 octets
};

inline std::string tcp_octets(uint16_t source_port, uint16_t destination_port, uint8_t flags,
                              uint32_t sequence, uint32_t acknowledgement, std::string_view payload,
                              const TcpOptions& fields) {
  std::string options(fields.raw);
  if (fields.window_scale >= 0)
    options =
        std::string("\x02\x04\x05\xb4\x01\x03\x03", 7) + static_cast<char>(fields.window_scale);
  std::string segment =
      be16(source_port) + be16(destination_port) + be32(sequence) + be32(acknowledgement);
  segment += {static_cast<char>((20 + options.size()) / 4 << 4), static_cast<char>(flags)};
  return segment + be16(fields.window) + be16(0) + be16(fields.urgent) + options +
         std::string(payload);
}

inline std::string udp_octets(uint16_t source_port, uint16_t destination_port,
                              std::string_view payload) {
  return be16(source_port) + be16(destination_port) +
         be16(static_cast<unsigned>(8 + payload.size())) + be16(0) + std::string(payload);
}

// ICMP with its checksum; `pseudo` is empty for IPv4.
inline std::string icmp_octets(uint8_t type, uint8_t code, std::string_view rest,
                               const std::string& pseudo) {
  std::string message{static_cast<char>(type), static_cast<char>(code)};
  message += be16(0) + std::string(rest);
  return message.replace(2, 2, be16(checksum(pseudo + message)));
}

}  // namespace vethwall::engine_test
