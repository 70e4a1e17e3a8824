// What the shell counts, and its snapshot for other threads.
#include "shard/shard.h"

namespace vethwall::shard {

const std::array<const char*, static_cast<size_t>(ShellCounter::kCount)> kShellCounterNames = {
    "unmarked",        "receive_errors",      "truncated",
    "send_failed",     "socket_dropped",      "stalls",
    "stall_discarded", "corrupt_commands",    "bound_again",
    "queue_packets",   "queue_accepted",      "queue_dropped",
    "queue_overflow",  "queue_passed_unread", "queue_errors",
    "injected",        "injected_seen_again", "raw_send_failed",
    "relayed",         "relay_lost"};

std::array<uint64_t, kCounters> Shard::counters() const {
  std::array<uint64_t, kCounters> counts;
  for (size_t i = 0; i < kCounters; i++) counts[i] = snapshot_[i].load(std::memory_order_relaxed);
  return counts;
}

void Shard::snapshot() {
  for (size_t i = 0; i < kEngineCounters; i++) {
    snapshot_[i].store(engine_->counter(static_cast<engine::Counter>(i)),
                       std::memory_order_relaxed);
  }
  const auto set = [this](ShellCounter counter, uint64_t value) {
    shell_counts_[static_cast<size_t>(counter)] = value;
  };
  if (socket_) {
    const os::PacketCounts& socket = socket_->counts();
    set(ShellCounter::kReceiveErrors, socket.receive_errors);
    set(ShellCounter::kTruncated, socket.truncated);
    set(ShellCounter::kSendFailed, socket.send_failed);
    set(ShellCounter::kSocketDropped, socket.kernel_dropped);
    set(ShellCounter::kBoundAgain, socket.bound_again);
  }
  snapshot_queues();
  for (size_t i = 0; i < shell_counts_.size(); i++) {
    snapshot_[kEngineCounters + i].store(shell_counts_[i], std::memory_order_relaxed);
  }
  flows_.store(engine_->flows(), std::memory_order_relaxed);
}

void Shard::snapshot_queues() {
  const QueueTotals& totals = queues_.totals();
  const auto set = [this](ShellCounter counter, uint64_t value) {
    shell_counts_[static_cast<size_t>(counter)] = value;
  };
  set(ShellCounter::kQueuePackets, totals.packets);
  set(ShellCounter::kQueueAccepted, totals.accepted);
  set(ShellCounter::kQueueDropped, totals.dropped);
  set(ShellCounter::kQueueOverflow, totals.overflowed);
  set(ShellCounter::kQueuePassedUnread, totals.passed_unread);
  set(ShellCounter::kQueueErrors, totals.errors);
  set(ShellCounter::kInjected, totals.injected);
  set(ShellCounter::kInjectedAgain, totals.injected_seen_again);
  set(ShellCounter::kRawSendFailed, totals.raw_send_failed);
}

void Shard::count(ShellCounter counter, uint64_t more) {
  shell_counts_[static_cast<size_t>(counter)] += more;
}

}  // namespace vethwall::shard
