#include "flow/octet_log.h"

#include <algorithm>
#include <cstring>

namespace vethwall::flow {
namespace {

// Small segments share a chunk up to this size; trimming is by whole chunks.
constexpr size_t kChunkOctets = 16384;

}  // namespace

void OctetLog::append(uint64_t at, std::span<const uint8_t> octets) {
  if (octets.empty()) return;
  octets_ += octets.size();
  budget_.used_octets += octets.size();
  if (!chunks_.empty()) {
    Chunk& last = chunks_.back();
    if (last.end() == at && last.octets.size() + octets.size() <= kChunkOctets) {
      last.octets.insert(last.octets.end(), octets.begin(), octets.end());
      return;
    }
  }
  chunks_.push_back({at, {octets.begin(), octets.end()}});
}

void OctetLog::trim(uint64_t at) {
  size_t gone = 0;
  while (gone < chunks_.size() && chunks_[gone].end() <= at) {
    octets_ -= chunks_[gone].octets.size();
    budget_.used_octets -= chunks_[gone].octets.size();
    ++gone;
  }
  if (gone > 0) chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<ptrdiff_t>(gone));
}

bool OctetLog::agrees(uint64_t at, std::span<const uint8_t> octets) const {
  const uint64_t end = at + octets.size();
  for (const Chunk& chunk : chunks_) {
    const uint64_t from = std::max(at, chunk.at);
    const uint64_t to = std::min(end, chunk.end());
    if (from >= to) continue;
    if (std::memcmp(octets.data() + (from - at), chunk.octets.data() + (from - chunk.at),
                    to - from) != 0)
      return false;
  }
  return true;
}

void OctetLog::copy(uint64_t at, std::span<uint8_t> out) const {
  const uint64_t end = at + out.size();
  for (const Chunk& chunk : chunks_) {
    const uint64_t from = std::max(at, chunk.at);
    const uint64_t to = std::min(end, chunk.end());
    if (from < to)
      std::memcpy(out.data() + (from - at), chunk.octets.data() + (from - chunk.at), to - from);
  }
}

}  // namespace vethwall::flow
