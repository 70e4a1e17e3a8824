#include "shard/injected.h"

#include <algorithm>
#include <cstring>

namespace vethwall::shard {
namespace {

constexpr uint64_t kRememberNs = 2'000'000'000;
constexpr size_t kIpv4Octets = 20;
// What the kernel fills in where we left 0 (raw(7)).
constexpr size_t kIdentificationAt = 4, kChecksumAt = 10;

}  // namespace

uint64_t Injected::digest(uint64_t namespace_id, std::span<const uint8_t> packet) const {
  struct {
    uint64_t namespace_id;
    uint64_t rest;
    std::array<uint8_t, kIpv4Octets> head;
    uint32_t pad;
  } parts = {};
  const size_t head = std::min(packet.size(), kIpv4Octets);
  parts.namespace_id = namespace_id;
  parts.rest = flow::siphash24(key_, packet.subspan(head));
  std::copy_n(packet.begin(), head, parts.head.begin());
  if (head > 0 && packet[0] >> 4 == 4) {
    std::memset(&parts.head[kIdentificationAt], 0, 2);
    std::memset(&parts.head[kChecksumAt], 0, 2);
  }
  return flow::siphash24(key_, {reinterpret_cast<const uint8_t*>(&parts), sizeof parts});
}

void Injected::remember(uint64_t namespace_id, std::span<const uint8_t> packet, uint64_t now_ns) {
  last_until_ns_ = now_ns + kRememberNs;
  entries_[next_] = {digest(namespace_id, packet), last_until_ns_,
                     static_cast<uint32_t>(packet.size())};
  next_ = (next_ + 1) % kEntries;
}

bool Injected::take(uint64_t namespace_id, std::span<const uint8_t> packet, uint64_t now_ns) {
  if (now_ns > last_until_ns_) return false;
  const auto of_its_length = [&](const Entry& entry) {
    return entry.octets == packet.size() && entry.octets != 0 && now_ns <= entry.until_ns;
  };
  if (std::ranges::none_of(entries_, of_its_length)) return false;
  const uint64_t wanted = digest(namespace_id, packet);
  const auto found = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.digest == wanted && of_its_length(entry); });
  if (found == entries_.end()) return false;
  *found = {};
  return true;
}

}  // namespace vethwall::shard
