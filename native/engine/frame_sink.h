// Where the pure engine leaves frames and events; the I/O loop and the replay implement them.
#pragma once
#include <cstdint>
#include <span>

#include "engine/records.h"
#include "wire/packet.h"
#include "wire/ticket.h"

namespace vethwall::engine {

// What goes along with a frame.
struct Departure {
  wire::Ticket ticket;      // of the queued packet that the frame is, unchanged; empty: it waits
                            // nowhere, or the engine made or changed it
  bool is_settled = false;  // the flow is allowed and nothing can change that but a new policy
  uint32_t epoch = 0;       // of the endpoint's verdicts in the kernel's flow map; 0: it has none
};

class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // The octets are copied or sent before the call returns. True where the sink took note of
  // `is_settled`: frames of this flow may from now on pass unseen.
  virtual bool emit(const wire::VnetHeader& vnet, wire::Frame frame, Departure departure) = 0;
};

class EventSink {
 public:
  virtual ~EventSink() = default;
  // Room for one record of `octets` (multiple of 8), or nullptr when the ring is full; the caller
  // counts the loss. The record is visible to the reader after commit().
  virtual uint8_t* reserve(uint32_t octets) = 0;
  virtual void commit() = 0;
  // True while the reader is so late that copies of what has gone on already would keep it from
  // what waits for its verdict.
  virtual bool is_behind() { return false; }
};

}  // namespace vethwall::engine
