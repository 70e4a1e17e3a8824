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
  if (kept_ == nullptr) kept_ = std::make_unique<Kept>();
  kept_->octets += octets.size();
  budget_.used_octets += octets.size();
  if (!kept_->chunks.empty()) {
    Chunk& last = kept_->chunks.back();
    if (last.end() == at && last.octets.size() + octets.size() <= kChunkOctets) {
      last.octets.insert(last.octets.end(), octets.begin(), octets.end());
      return;
    }
  }
  kept_->chunks.push_back({at, {octets.begin(), octets.end()}});
}

void OctetLog::trim(uint64_t at) {
  if (kept_ == nullptr) return;
  std::vector<Chunk>& chunks = kept_->chunks;
  size_t gone = 0;
  while (gone < chunks.size() && chunks[gone].end() <= at) {
    kept_->octets -= chunks[gone].octets.size();
    budget_.used_octets -= chunks[gone].octets.size();
    ++gone;
  }
  if (gone == chunks.size())
    kept_.reset();
  else if (gone > 0)
    chunks.erase(chunks.begin(), chunks.begin() + static_cast<ptrdiff_t>(gone));
}

bool OctetLog::agrees(uint64_t at, std::span<const uint8_t> octets) const {
  if (kept_ == nullptr) return true;
  const uint64_t end = at + octets.size();
  for (const Chunk& chunk : kept_->chunks) {
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
  if (kept_ == nullptr) return;
  const uint64_t end = at + out.size();
  for (const Chunk& chunk : kept_->chunks) {
    const uint64_t from = std::max(at, chunk.at);
    const uint64_t to = std::min(end, chunk.end());
    if (from < to)
      std::memcpy(out.data() + (from - at), chunk.octets.data() + (from - chunk.at), to - from);
  }
}

}  // namespace vethwall::flow
