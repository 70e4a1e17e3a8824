// The engine's events into the ring, and when their reader is woken.
#pragma once
#include <cstdint>
#include <cstring>
#include <deque>

#include "engine/frame_sink.h"
#include "engine/records.h"
#include "os/ring.h"
#include "shard/clock.h"

namespace vethwall::shard {

class EventWriter final : public engine::EventSink {
 public:
  explicit EventWriter(os::Ring& ring) : ring_(ring) {}
  uint8_t* reserve(uint32_t octets) override { return record_ = ring_.reserve(octets); }

  void commit() override {
    is_awaited_ |= is_awaited(record_);
    ring_.commit();
    const uint32_t written = ring_.control().written.load(std::memory_order_relaxed);
    if (untold_since_ns_ == 0) {
      untold_since_ns_ = monotonic_ns();
      untold_from_ = written;
    }
    is_awaited_ |= written - untold_from_ >= kMuchOctets;
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

  // How long the reader may be left alone with what was written since told(). A flow's begin and
  // its end concern nobody at once, and waking a thread costs more than reading them.
  uint64_t rests_ns(uint64_t now_ns) const {
    if (is_awaited_) return 0;
    const uint64_t passed_ns = untold_since_ns_ == 0 ? 0 : now_ns - untold_since_ns_;
    return passed_ns < kRestNs ? kRestNs - passed_ns : 0;
  }

  // The reader was woken, or has read all.
  void told() {
    is_awaited_ = false;
    untold_since_ns_ = 0;
  }

 private:
  static constexpr uint64_t kRestNs = 5'000'000;
  static constexpr uint32_t kMuchOctets = 256 << 10;
  // A tenth of what a held payload may wait for its verdict.
  static constexpr uint64_t kCopyWaitNs = 100'000'000;
  // Fine enough for that: some thousand events at most lie between two marks.
  static constexpr uint32_t kMarkOctets = 64 << 10;

  // When what ends at `position` of the ring was written.
  struct Mark {
    uint32_t position;
    uint64_t written_ns;
  };

  // Whether an answer to it may let something go on.
  static bool is_awaited(const uint8_t* record) {
    engine::EventHeader header;
    std::memcpy(&header, record, sizeof header);
    switch (header.kind) {
      case engine::EventKind::kOpened:
        return header.c == static_cast<uint8_t>(engine::L4Verdict::kUndecided) &&
               header.d != static_cast<uint8_t>(engine::Start::kSyn);
      case engine::EventKind::kClosed:
      case engine::EventKind::kLost:
      case engine::EventKind::kSpoofed:
        return false;
      default:
        return true;
    }
  }

  os::Ring& ring_;
  uint8_t* record_ = nullptr;  // reserved and not committed
  bool is_awaited_ = false;
  uint64_t untold_since_ns_ = 0;  // 0 = nothing is
  uint32_t untold_from_ = 0;
  std::deque<Mark> marks_;  // unread ones: bounded by the ring
  uint32_t marked_ = 0;
};

}  // namespace vethwall::shard
