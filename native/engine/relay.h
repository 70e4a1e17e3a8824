// Where packets go that turn out to be of another shard's flow: datagrams that came in fragments,
// ICMP errors, TCP behind IPv6 extension headers.
#pragma once
#include "wire/spread.h"

namespace vethwall::engine {

class Relay {
 public:
  virtual ~Relay() = default;
  virtual const wire::Spread& spread() const = 0;
  virtual uint32_t own_shard() const = 0;
  // The octets are copied before the call returns. A shard that is behind loses them.
  virtual void pass(uint32_t shard, const wire::VnetHeader& vnet, wire::Frame frame) = 0;
};

}  // namespace vethwall::engine
