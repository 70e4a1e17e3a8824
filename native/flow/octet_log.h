// The octets of one direction that were judged or wait to be, kept until the receiver has
// acknowledged them: what a retransmission is compared with. Skipped ranges leave holes.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "flow/budget.h"

namespace vethwall::flow {

class OctetLog {
 public:
  explicit OctetLog(Budget& budget) : budget_(budget) {}
  OctetLog(const OctetLog&) = delete;
  OctetLog& operator=(const OctetLog&) = delete;
  ~OctetLog() { trim(~uint64_t{0}); }

  // `at` is not below the end of what the log holds.
  void append(uint64_t at, std::span<const uint8_t> octets);
  // Forgets what lies wholly before `at`; a chunk that crosses it stays whole.
  void trim(uint64_t at);
  // False where an octet that the log holds differs.
  bool agrees(uint64_t at, std::span<const uint8_t> octets) const;
  // [at, at + out.size()) must be in the log without a hole.
  void copy(uint64_t at, std::span<uint8_t> out) const;
  uint64_t end() const { return kept_ ? kept_->chunks.back().end() : 0; }
  bool empty() const { return kept_ == nullptr; }
  uint64_t octets() const { return kept_ ? kept_->octets : 0; }

 private:
  struct Chunk {
    uint64_t at;
    std::vector<uint8_t> octets;
    uint64_t end() const { return at + octets.size(); }
  };
  struct Kept {
    std::vector<Chunk> chunks;  // by `at`, disjoint; not empty
    uint64_t octets = 0;
  };
  Budget& budget_;
  std::unique_ptr<Kept> kept_;  // null = nothing: most flows are at rest most of the time
};

}  // namespace vethwall::flow
