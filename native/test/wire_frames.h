// Annotated frames that the wire tests take apart. The L4 checksums in the tests are constants that
// a separate implementation computed, not the code under test.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "wire/packet.h"

namespace vethwall::wire {

using Octets = std::vector<uint8_t>;

inline Octets joined(std::initializer_list<Octets> parts) {
  Octets out;
  for (const Octets& part : parts) out.insert(out.end(), part.begin(), part.end());
  return Octets(out.begin(), out.end());  // allocated exactly: ASan sees an over-read
}
inline Octets octets_of(std::string_view text) { return Octets(text.begin(), text.end()); }
inline Octets prefix(const Octets& octets, size_t count) {
  return Octets(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(count));
}

// towards the pod of endpoint 0x0105
inline Octets macs() { return {0x4e, 0x65, 0x75, 0x56, 0x01, 0x05, 2, 0, 0, 0, 0, 9}; }
inline Octets ether4() { return {0x08, 0x00}; }
inline Octets ether6() { return {0x86, 0xdd}; }

// 10.0.0.1 > 10.0.0.2, TTL 64, DF, id 0x1c46
inline Octets ipv4(uint8_t protocol, size_t data, uint16_t flags_and_offset = 0x4000,
                   Octets options = {}) {
  const size_t header = 20 + options.size();
  const size_t total = header + data;
  const Octets fixed = {static_cast<uint8_t>(0x40 | header / 4),
                        0,
                        static_cast<uint8_t>(total >> 8),
                        static_cast<uint8_t>(total),
                        0x1c,
                        0x46,
                        static_cast<uint8_t>(flags_and_offset >> 8),
                        static_cast<uint8_t>(flags_and_offset),
                        64,
                        protocol,
                        0,
                        0,
                        10,
                        0,
                        0,
                        1,
                        10,
                        0,
                        0,
                        2};
  Octets ip = joined({fixed, options});
  uint32_t sum = 0;  // RFC 1071, the slow way
  for (size_t i = 0; i < ip.size(); i += 2) sum += static_cast<uint32_t>(ip[i] << 8 | ip[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  ip[10] = static_cast<uint8_t>(~sum >> 8);
  ip[11] = static_cast<uint8_t>(~sum);
  return ip;
}

// fd00::1 > fd00::2, hop limit 64
inline Octets ipv6(uint8_t next_header, size_t payload) {
  return {0x60,
          0,
          0,
          0,
          static_cast<uint8_t>(payload >> 8),
          static_cast<uint8_t>(payload),
          next_header,
          64,
          0xfd,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          1,
          0xfd,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          2};
}

// 4660 > 80, seq 0x01020304, ack 0x0a0b0c0d, PSH ACK, window 0x2000
inline Octets tcp(uint16_t checksum, uint8_t flags = 0x18) {
  return {0x12,
          0x34,
          0x00,
          0x50,
          1,
          2,
          3,
          4,
          0x0a,
          0x0b,
          0x0c,
          0x0d,
          0x50,
          flags,
          0x20,
          0x00,
          static_cast<uint8_t>(checksum >> 8),
          static_cast<uint8_t>(checksum),
          0,
          0};
}
// 4660 > 53
inline Octets udp(uint16_t checksum, size_t payload) {
  const size_t length = 8 + payload;
  return {0x12,
          0x34,
          0x00,
          0x35,
          static_cast<uint8_t>(length >> 8),
          static_cast<uint8_t>(length),
          static_cast<uint8_t>(checksum >> 8),
          static_cast<uint8_t>(checksum)};
}

inline constexpr VnetHeader kWhole = {};
inline constexpr VnetHeader kPartial = {kNeedsCsum, kGsoNone, 0, 0, 0, 0};

}  // namespace vethwall::wire
