// All queues of one shard, by endpoint.
#pragma once
#include <memory>
#include <unordered_map>
#include <vector>

#include "os/poller.h"
#include "shard/queue.h"

namespace vethwall::shard {

// What Queues::add() numbers descriptors from: below it they are the shard's own.
inline constexpr uint32_t kFirstQueueNumber = 16;

class Queues {
 public:
  Queues(os::Poller& poller, const flow::SipKey& key) : poller_(poller), injected_(key) {}

  // In place of one that the endpoint has.
  void add(std::shared_ptr<Queue> queue);
  void close(uint16_t endpoint);
  void close_all();
  void set_mark(uint16_t endpoint, uint8_t generation);
  void set_fail_open(uint16_t endpoint, bool fail_open);
  bool empty() const { return open_.empty(); }

  // One batch from each that has packets.
  bool receive(engine::Engine& engine, uint64_t now_ns);
  // False where the frame's endpoint has no queue: it leaves another way.
  bool inject(const wire::VnetHeader& vnet, wire::Frame frame, uint64_t now_ns);
  void flush() noexcept;
  void update_statistics();
  const QueueTotals& totals() const { return totals_; }

 private:
  Queue* find(uint32_t endpoint);

  os::Poller& poller_;
  Injected injected_;
  QueueTotals totals_;
  std::unique_ptr<os::DatagramBatch> batch_;  // with the first queue
  std::unordered_map<uint32_t, std::shared_ptr<Queue>> open_;
  std::vector<std::shared_ptr<Queue>> closed_;  // whose tickets are still out
};

}  // namespace vethwall::shard
