// The engine's events into the ring.
#pragma once
#include <cstdint>
#include <deque>

#include "engine/frame_sink.h"
#include "os/ring.h"
#include "shard/clock.h"

namespace vethwall::shard {

class EventWriter final : public engine::EventSink {
 public:
  explicit EventWriter(os::Ring& ring) : ring_(ring) {}
  uint8_t* reserve(uint32_t octets) override { return ring_.reserve(octets); }

  void commit() override {
    ring_.commit();
    const uint32_t written = ring_.control().written.load(std::memory_order_relaxed);
    if (written - marked_ < kMarkOctets) return;
    marks_.push_back({written, monotonic_ns()});
    marked_ = written;
  }

  bool is_behind() override {
    const uint32_t read = ring_.control().read.load(std::memory_order_acquire);
    while (!marks_.empty() && static_cast<int32_t>(marks_.front().position - read) <= 0)
      marks_.pop_front();
    return !marks_.empty() && monotonic_ns() - marks_.front().written_ns > kCopyWaitNs;
  }

 private:
  // A tenth of what a held payload may wait for its verdict.
  static constexpr uint64_t kCopyWaitNs = 100'000'000;
  // Fine enough for that: some thousand events at most lie between two marks.
  static constexpr uint32_t kMarkOctets = 64 << 10;

  // When what ends at `position` of the ring was written.
  struct Mark {
    uint32_t position;
    uint64_t written_ns;
  };

  os::Ring& ring_;
  std::deque<Mark> marks_;  // unread ones: bounded by the ring
  uint32_t marked_ = 0;
};

}  // namespace vethwall::shard
