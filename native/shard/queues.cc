#include "shard/queues.h"

#include <utility>

#include "os/fault.h"
#include "wire/marker.h"

namespace vethwall::shard {

Queue* Queues::find(uint32_t endpoint) {
  const auto found = open_.find(endpoint);
  return found == open_.end() ? nullptr : found->second.get();
}

void Queues::add(std::shared_ptr<Queue> queue) {
  const uint16_t endpoint = queue->endpoint();
  close(endpoint);
  if (!batch_) batch_ = std::make_unique<os::DatagramBatch>();
  try {
    poller_.add(queue->fd(), kFirstQueueNumber + endpoint);
  } catch (const os::Fault&) {
    totals_.errors++;
    return;
  }
  open_.emplace(endpoint, std::move(queue));
}

void Queues::close(uint16_t endpoint) {
  const auto found = open_.find(endpoint);
  if (found == open_.end()) return;
  poller_.remove(found->second->fd());
  found->second->close(totals_);
  closed_.push_back(std::move(found->second));
  open_.erase(found);
}

void Queues::close_all() {
  while (!open_.empty()) close(static_cast<uint16_t>(open_.begin()->first));
}

void Queues::set_mark(uint16_t endpoint, uint8_t generation) {
  if (Queue* queue = find(endpoint)) queue->set_mark(generation);
}

void Queues::set_fail_open(uint16_t endpoint, bool fail_open) {
  Queue* queue = find(endpoint);
  if (queue == nullptr) return;
  try {
    queue->set_fail_open(fail_open);
  } catch (const os::Fault&) {
    totals_.errors++;
  }
}

bool Queues::receive(engine::Engine& engine, uint64_t now_ns) {
  if (open_.empty()) return false;
  bool worked = false;
  for (const uint32_t number : poller_.wait(0)) {
    Queue* queue = number < kFirstQueueNumber ? nullptr : find(number - kFirstQueueNumber);
    if (queue == nullptr) continue;
    worked |= queue->receive(engine, *batch_, injected_, totals_, now_ns);
    queue->flush();
  }
  return worked;
}

bool Queues::inject(const wire::VnetHeader& vnet, wire::Frame frame, uint64_t now_ns) {
  wire::Marker marker;
  if (open_.empty() || !wire::read_marker(frame, marker)) return false;
  Queue* queue = find(marker.endpoint);
  if (queue == nullptr) return false;
  queue->inject(vnet, frame, injected_, totals_, now_ns);
  return true;
}

void Queues::flush() noexcept {
  for (const auto& [endpoint, queue] : open_) queue->flush();
}

void Queues::update_statistics() {
  for (const auto& [endpoint, queue] : open_) queue->update_statistics(totals_);
  for (const auto& queue : closed_) queue->update_statistics(totals_);
  std::erase_if(closed_, [](const auto& queue) { return !queue->has_tickets(); });
}

}  // namespace vethwall::shard
