#include "engine/shard.h"

namespace vethwall::engine {

// A whole datagram is judged like one that was never cut; its fragments go on as they came.
void Shard::fragment(const Arrival& arrival) {
  if (!arrival.is_inline()) arrival.ticket.accept(false);
  // What its receiver makes of overlapping ones only a copy's reader has to know.
  const auto overlaps = arrival.is_inline() ? wire::Overlaps::kRefused : wire::Overlaps::kAsLinux;
  wire::Reassembled whole;
  const wire::Fragmented state =
      reassembler_.add({arrival.endpoint.id, arrival.toward, overlaps, arrival.fragments}, now_ns_,
                       arrival.vnet, arrival.frame, arrival.packet, arrival.ticket, whole);
  if (state == wire::Fragmented::kHeld) ++count(Counter::kFragmentsHeld);
  if (state != wire::Fragmented::kComplete) return;
  ++count(Counter::kReassembled);
  wire::Ticket none;  // the fragments have theirs
  // Their checksum is of no more worth than that of what a capture has whole.
  const bool is_captured = arrival.toward == wire::Toward::kUnknown;
  Arrival judged{arrival.endpoint,
                 arrival.toward,
                 is_captured ? arrival.vnet : wire::VnetHeader{},
                 whole.frame,
                 {},
                 whole.originals,
                 none,
                 arrival.is_spread,
                 true,
                 arrival.depth,
                 arrival.tunnel};
  if (!read(judged)) return malformed(judged);
  judge(judged);
}

}  // namespace vethwall::engine
