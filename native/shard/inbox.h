// Frames that other shards found to be this one's; any thread puts, one takes.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "wire/packet.h"

namespace vethwall::shard {

struct PassedFrame {
  wire::VnetHeader vnet;
  std::vector<uint8_t> octets;
};

class Inbox {
 public:
  // False = it is full.
  bool put(const wire::VnetHeader& vnet, wire::Frame frame) {
    const std::lock_guard lock(mutex_);
    if (octets_ + frame.size() > kOctetsMax) return false;
    octets_ += frame.size();
    frames_.push_back({vnet, {frame.begin(), frame.end()}});
    has_frames_.store(true, std::memory_order_release);
    return true;
  }
  std::vector<PassedFrame> take() {
    if (!has_frames_.load(std::memory_order_acquire)) return {};
    const std::lock_guard lock(mutex_);
    octets_ = 0;
    has_frames_.store(false, std::memory_order_relaxed);
    return std::exchange(frames_, {});
  }
  bool empty() const { return !has_frames_.load(std::memory_order_acquire); }

 private:
  static constexpr size_t kOctetsMax = 4 << 20;
  std::mutex mutex_;  // of the next two
  std::vector<PassedFrame> frames_;
  size_t octets_ = 0;
  std::atomic<bool> has_frames_ = false;
};

}  // namespace vethwall::shard
