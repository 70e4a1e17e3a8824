// How long to look for the next frame before sleeping. A sleep and its wake-up cost some 10 us of
// latency, spinning costs a CPU: so only as long as looking a little longer has paid lately.
#pragma once
#include <algorithm>
#include <cstdint>

namespace vethwall::shard {

class Spin {
 public:
  void worked(uint64_t now_ns) {
    if (idle_since_ns_ != 0) {
      const uint64_t idle_ns = now_ns - idle_since_ns_;
      if (idle_ns <= kMaxNs) {
        budget_ns_ = std::min(std::max(budget_ns_ * 2, kMinNs), kMaxNs);
      } else {
        budget_ns_ /= 2;
      }
    }
    idle_since_ns_ = 0;
  }
  bool may_spin(uint64_t now_ns) {
    if (idle_since_ns_ == 0) idle_since_ns_ = now_ns;
    return now_ns - idle_since_ns_ < budget_ns_;
  }

 private:
  static constexpr uint64_t kMinNs = 5'000;
  static constexpr uint64_t kMaxNs = 50'000;
  uint64_t budget_ns_ = kMinNs;
  uint64_t idle_since_ns_ = 0;
};

}  // namespace vethwall::shard
