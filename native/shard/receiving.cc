// What comes to a shard: frames of vth-neuv, of other shards, and of queues.
#include "shard/clock.h"
#include "shard/shard.h"
#include "wire/marker.h"

namespace vethwall::shard {
namespace {

constexpr uint64_t kDiscardNs = 100'000'000;

}  // namespace

bool Shard::receive(uint64_t now_ns) {
  bool has_frames = receive_frames(now_ns);
  has_frames |= receive_passed(now_ns);
  return queues_.receive(*engine_, now_ns) || has_frames;
}

bool Shard::receive_frames(uint64_t now_ns) {
  const std::span<const os::ReceivedFrame> frames = socket_->receive();
  for (const os::ReceivedFrame& received : frames) {
    wire::Marker marker;
    if (!wire::read_marker(received.frame, marker)) {
      count(ShellCounter::kUnmarked);
      continue;
    }
    const bool is_copy = marker.form == wire::MarkerForm::kCopy;
    const bool is_spread = group_->spread().shards > 1;
    engine_->receive({marker.endpoint, marker.toward, now_ns, false, is_copy, is_spread, false},
                     received.vnet, received.frame, {});
  }
  return !frames.empty();
}

bool Shard::receive_passed(uint64_t now_ns) {
  const std::vector<PassedFrame> frames = group_->inbox(index_).take();
  for (const PassedFrame& passed : frames) {
    wire::Marker marker;
    if (!wire::read_marker(passed.octets, marker)) continue;
    const bool is_copy = marker.form == wire::MarkerForm::kCopy;
    engine_->receive({marker.endpoint, marker.toward, now_ns, false, is_copy, false, true},
                     passed.vnet, passed.octets, {});
  }
  return !frames.empty();
}

void Shard::pass(uint32_t shard, const wire::VnetHeader& vnet, wire::Frame frame) {
  count(ShellCounter::kRelayed);
  if (!group_->pass(shard, vnet, frame)) count(ShellCounter::kRelayLost);
}

// All that waits was queued before the heartbeat ran out, or shortly after: no time stamp of a
// frame is needed to know that it is too old.
void Shard::discard_stale() {
  count(ShellCounter::kStalls);
  const uint64_t deadline_ns = monotonic_ns() + kDiscardNs;
  for (;;) {
    const size_t frames = socket_->receive().size();
    if (frames == 0) return;
    count(ShellCounter::kStallDiscarded, frames);
    if (monotonic_ns() > deadline_ns) return;
  }
}

}  // namespace vethwall::shard
