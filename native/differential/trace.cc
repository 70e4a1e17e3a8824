#include "differential/trace.h"

#include <cinttypes>
#include <cstdio>

namespace vethwall::differential {

void trace(const char* what, const wire::VnetHeader& vnet, wire::Frame frame) {
  wire::Packet packet;
  const wire::Malformed malformed = wire::decode(frame, vnet, packet);
  std::printf(
      "# %s malformed %d fragment %d %u > %u flags %x sequence %u ack %u window %u octets %u\n",
      what, static_cast<int>(malformed), packet.is_fragment, packet.source_port,
      packet.destination_port, packet.tcp_flags, packet.sequence, packet.acknowledgement,
      packet.window, packet.payload_octets);
}

void trace(const engine_test::Event& event) {
  std::printf("# event %d flow %" PRIu64 " direction %d at %" PRIu64 " a %u b %u c %u '%s'\n",
              static_cast<int>(event.header.kind), event.header.flow,
              static_cast<int>(event.header.dir), event.header.at, event.header.a, event.header.b,
              event.header.c, event.octets.c_str());
}

}  // namespace vethwall::differential
