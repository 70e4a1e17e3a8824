// A captured IP datagram as its receiver had it. What a capture on the sending host lacks, since
// the card fills it in, is the IPv4 header checksum and the length of what segmentation is to cut;
// what a snap length cut off is missing at the end, so that what is left is a datagram of its own.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "wire/capture_record.h"

namespace vethwall::wire {

class CapturedIp {
 public:
  // By `datagram`'s header; whether anything must be written shows is_sound().
  CapturedIp(std::span<const uint8_t> datagram, CaptureCut cut);
  bool is_sound() const { return count_ == 0; }
  // In a copy of that datagram.
  void mend(std::span<uint8_t> datagram) const;

 private:
  struct Field {
    uint32_t at;
    uint16_t value;
  };
  void read_ipv4(std::span<const uint8_t> datagram, CaptureCut cut);
  void read_ipv6(std::span<const uint8_t> datagram, CaptureCut cut);
  void read_udp(std::span<const uint8_t> segment, size_t at);
  void sum_ipv4(std::span<const uint8_t> header, uint16_t total);
  void set(size_t at, size_t value) {
    fields_[count_++] = {static_cast<uint32_t>(at), static_cast<uint16_t>(value)};
  }

  std::array<Field, 3> fields_ = {};  // length, checksum, UDP's length
  size_t count_ = 0;
};

}  // namespace vethwall::wire
