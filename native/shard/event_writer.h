// The engine's events into the ring, their flow ids made the process's.
#pragma once
#include <cstddef>
#include <cstring>

#include "engine/frame_sink.h"
#include "os/ring.h"

namespace vethwall::shard {

class EventWriter final : public engine::EventSink {
 public:
  EventWriter(os::Ring& ring, uint64_t flow_id_base) : ring_(ring), flow_id_base_(flow_id_base) {}

  uint8_t* reserve(uint32_t octets) override {
    record_ = ring_.reserve(octets);
    return record_;
  }
  void commit() override {
    constexpr size_t kFlow = offsetof(engine::EventHeader, flow);
    uint64_t flow;
    std::memcpy(&flow, record_ + kFlow, sizeof flow);
    flow += flow_id_base_;
    std::memcpy(record_ + kFlow, &flow, sizeof flow);
    ring_.commit();
  }

 private:
  os::Ring& ring_;
  uint64_t flow_id_base_;
  uint8_t* record_ = nullptr;
};

}  // namespace vethwall::shard
