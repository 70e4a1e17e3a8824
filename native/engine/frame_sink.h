// Where the pure engine leaves frames and events; the I/O loop and the replay implement them.
#pragma once
#include <cstdint>
#include <span>

#include "engine/records.h"
#include "wire/packet.h"

namespace vethwall::engine {

class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // The octets are copied or sent before the call returns.
  virtual void emit(const wire::VnetHeader& vnet, wire::Frame frame) = 0;
};

class EventSink {
 public:
  virtual ~EventSink() = default;
  // Room for one record of `octets` (multiple of 8), or nullptr when the ring is full; the caller
  // counts the loss. The record is visible to the reader after commit().
  virtual uint8_t* reserve(uint32_t octets) = 0;
  virtual void commit() = 0;
};

}  // namespace vethwall::engine
