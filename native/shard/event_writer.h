// The engine's events into the ring.
#pragma once
#include "engine/frame_sink.h"
#include "os/ring.h"

namespace vethwall::shard {

class EventWriter final : public engine::EventSink {
 public:
  explicit EventWriter(os::Ring& ring) : ring_(ring) {}
  uint8_t* reserve(uint32_t octets) override { return ring_.reserve(octets); }
  void commit() override { ring_.commit(); }

 private:
  os::Ring& ring_;
};

}  // namespace vethwall::shard
