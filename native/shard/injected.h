// The packets that we sent into a namespace ourselves and that its rules may queue to us again.
// Each is known by its digest, once: nobody can make another packet that passes for it, and who
// sends the very same octets changes nothing.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "flow/siphash.h"

namespace vethwall::shard {

class Injected {
 public:
  explicit Injected(const flow::SipKey& key) : key_(key) {}
  void remember(uint64_t namespace_id, std::span<const uint8_t> packet, uint64_t now_ns);
  // True once for each that was remembered of late.
  bool take(uint64_t namespace_id, std::span<const uint8_t> packet, uint64_t now_ns);

 private:
  static constexpr size_t kEntries = 512;
  struct Entry {
    uint64_t digest;
    uint64_t until_ns;
    uint32_t octets;  // 0 = none
  };
  uint64_t digest(uint64_t namespace_id, std::span<const uint8_t> packet) const;

  flow::SipKey key_;
  std::array<Entry, kEntries> entries_ = {};
  size_t next_ = 0;
  uint64_t last_until_ns_ = 0;  // nothing is remembered after it
};

}  // namespace vethwall::shard
