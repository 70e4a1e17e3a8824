// RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f): ICMP errors are limited by a token bucket.
#pragma once
#include <algorithm>
#include <cstdint>

namespace vethwall::flow {

class TokenBucket {
 public:
  TokenBucket(uint64_t per_second, uint64_t burst)
      : interval_ns_(1'000'000'000 / per_second), burst_(burst), tokens_(burst) {}
  bool take(uint64_t now_ns) {
    filled_ns_ = std::min(filled_ns_, now_ns);  // a capture's clock may step back
    const uint64_t fresh = (now_ns - filled_ns_) / interval_ns_;
    tokens_ = std::min(burst_, tokens_ + fresh);
    filled_ns_ += fresh * interval_ns_;
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
  }

 private:
  uint64_t interval_ns_;
  uint64_t burst_;
  uint64_t tokens_;
  uint64_t filled_ns_ = 0;
};

}  // namespace vethwall::flow
