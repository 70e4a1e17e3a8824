// Octets appended, or stored in place, in network order.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vethwall::wire {

inline void append(std::vector<uint8_t>& out, std::span<const uint8_t> octets) {
  out.insert(out.end(), octets.begin(), octets.end());
}

class Writer {
 public:
  explicit Writer(std::vector<uint8_t>& out) : out_(out) {}
  void u8(unsigned value) { out_.push_back(static_cast<uint8_t>(value)); }
  void be16(unsigned value) {
    u8(value >> 8);
    u8(value & 0xff);
  }
  void be32(uint32_t value) {
    be16(value >> 16);
    be16(value & 0xffff);
  }
  void octets(std::span<const uint8_t> octets) { append(out_, octets); }

 private:
  std::vector<uint8_t>& out_;
};

// `at` comes from decode() of these very octets, or from what a Writer put there.
inline void store_be16(std::span<uint8_t> octets, size_t at, unsigned value) {
  const std::span<uint8_t> field = octets.subspan(at, 2);
  field[0] = static_cast<uint8_t>(value >> 8);
  field[1] = static_cast<uint8_t>(value);
}
inline void store_be32(std::span<uint8_t> octets, size_t at, uint32_t value) {
  store_be16(octets, at, value >> 16);
  store_be16(octets, at + 2, value & 0xffff);
}

}  // namespace vethwall::wire
