// Flows whose frames may pass unseen once one went on as settled: by a connection mark, or by a
// flow map in the kernel. What is still seen of them is the end, and everything after a new policy.
#include <netinet/in.h>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {
namespace {

// A datagram flow tells nobody when it ends: only what is worth it leaves our sight.
constexpr uint64_t kManyDatagrams = 256;
// The flow map counts, so that an end is noticed: an answered look-up is over before it pays.
constexpr uint64_t kSomeDatagrams = 4;
constexpr uint64_t kUnansweredDatagrams = 16;
// How far behind what was last seen a segment may lie and still be taken for a repeated one.
constexpr uint32_t kRepeatedOctets = 64u << 20;

// Both ends have spoken and agree on each other's numbers.
bool is_established(const flow::Flow& flow) {
  const bool handshake_done = flow.tcp[0].has_edge && flow.tcp[1].has_edge;
  return handshake_done || (flow.start == Start::kMidstream && flow.is_answered);
}

// The receiver's SYN-ACK is enough: the flow map has a copy of every end come up.
bool is_answered(const flow::Flow& flow) {
  return is_established(flow) || (flow.tcp[0].has_edge && flow.tcp[1].known);
}

bool is_busy(const flow::Flow& flow) {
  const uint64_t packets = flow.packets[0] + flow.packets[1];
  return packets >= (flow.is_answered ? kSomeDatagrams : kUnansweredDatagrams);
}

// What the kernel program has an entry for (native/bpf/flows.bpf.h).
bool fits_flow_map(const flow::Flow& flow) {
  if (flow.key.vlans[0] != 0) return false;
  if (flow.protocol() == IPPROTO_TCP || flow.protocol() == IPPROTO_UDP) return true;
  return flow::is_icmp(flow.protocol()) && flow.source_port == flow.destination_port;
}

wire::TcpFields ports_along(const flow::Flow& flow, Dir dir) {
  wire::TcpFields fields = {};
  const bool along = dir == Dir::kOrig;
  fields.source_port = along ? flow.source_port : flow.destination_port;
  fields.destination_port = along ? flow.destination_port : flow.source_port;
  return fields;
}

}  // namespace

// Allowed by the policy in force, with nobody left who reads it or compares it with what was read.
// A tap's packets went on already: what a new policy says of their flow is said without its octets.
bool Shard::is_settled(const Flow& flow) const {
  const uint32_t generation = policy_ == nullptr ? 0 : policy_->generation();
  const bool is_in_force = flow.tap || flow.judged_generation == generation;
  // What a tunnel carries is judged packet by packet, and the kernel knows it by nothing.
  if (flow.is_inner() || carries_tunnel(flow)) return false;
  if (flow.stance != flow::Stance::kForward || flow.inspection != nullptr || flow.is_closed ||
      !is_in_force || wants_octets(flow))
    return false;
  const bool is_tcp = flow.protocol() == IPPROTO_TCP;
  if (epoch_of(flow) != 0 && carrier_ != nullptr)
    return fits_flow_map(flow) && (is_tcp ? is_answered(flow) : is_busy(flow));
  if (is_tcp) return is_established(flow);
  return !flow::is_icmp(flow.protocol()) && flow.packets[0] + flow.packets[1] >= kManyDatagrams;
}

void Shard::forward_of(Flow& flow, const Arrival& arrival) {
  if (is_tunnel(arrival.packet)) return defer(arrival);
  if (!arrival.is_inline()) return let_pass(flow, arrival);
  if (has_filters(flow, arrival)) {
    forward(arrival);
    return look_for_big(flow, arrival);
  }
  const flow::Bypass bypass = arrival.ticket ? flow::Bypass::kMark : flow::Bypass::kCarry;
  if (send_on(arrival, is_settled(flow))) flow.bypass = bypass;
}

// Tap: the packet that the copy is of still waits in its queue, or has gone on; then the copy goes
// back for its mark alone.
void Shard::let_pass(Flow& flow, const Arrival& arrival) {
  if (!is_settled(flow)) return;
  if (arrival.ticket) {
    if (arrival.ticket.accept(true)) flow.bypass = flow::Bypass::kMark;
  } else if (epoch_of(flow) != 0 && carrier_ != nullptr && arrival.fragments.empty()) {
    if (emit(arrival.vnet, arrival.frame, {{}, true, epoch_of(flow)}))
      flow.bypass = flow::Bypass::kCarry;
  }
}

// Its numbers went on by up to 4 GiB meanwhile, always forward; what they tell of the octets that
// nobody counted is all that there is.
void Shard::follow_bypassed(Flow& flow, Dir dir, const Arrival& arrival) {
  const wire::Packet& packet = arrival.packet;
  const size_t i = index_of(dir);
  flow::TcpHalf& half = flow.tcp[i];
  if (!half.known) half.start(packet.sequence);
  const uint32_t unseen = packet.sequence - half.sequence_of(half.sent);
  const bool is_repeated = half.fin_at != flow::kNowhere || uint32_t{0} - unseen < kRepeatedOctets;
  if (unseen == 0 || !is_repeated) {
    if (flow.bypass != flow::Bypass::kCarry) flow.octets[i] += unseen;
    half.send_to(half.sent + unseen + packet.payload_octets, (packet.tcp_flags & kFin) != 0);
  }
  if ((packet.tcp_flags & kRst) != 0) return report_closed(flow, Closed::kRst);
  // The acknowledgement of the last FIN passes unseen.
  if (flow.tcp[0].fin_at != flow::kNowhere && flow.tcp[1].fin_at != flow::kNowhere)
    report_closed(flow, Closed::kFin);
}

// A segment before the window has each end say where it stands (RFC 9293 §3.10.7.4): its answer is
// denied, and reset with exact numbers.
void Shard::probe_both(const Flow& flow) {
  if (flow.protocol() != IPPROTO_TCP) return;
  for (const Dir dir : {Dir::kReply, Dir::kOrig}) {
    const flow::TcpHalf& half = flow.tcp[index_of(dir)];
    const flow::TcpHalf& back = flow.tcp[index_of(opposite(dir))];
    wire::TcpFields fields = ports_along(flow, dir);
    fields.sequence = half.sequence_of(half.sent) - 1;
    fields.acknowledgement = back.sequence_of(back.acked);
    fields.flags = kAck;
    emit(wire::build_tcp(flow.along(dir), fields, {}));
  }
}

// Where a bypassed flow stands, only its own frames tell: the sender hears what its receiver
// expects of it, the receiver what comes next.
void Shard::reset_bypassed(const Flow& flow, Dir dir, const Arrival& arrival) {
  const wire::Packet& packet = arrival.packet;
  reset_sender(arrival);
  if ((packet.tcp_flags & kRst) != 0) return;
  wire::TcpFields fields = ports_along(flow, dir);
  fields.sequence = packet.sequence;
  fields.acknowledgement = packet.acknowledgement;
  fields.flags = kRst | kAck;
  emit(wire::build_tcp(flow.along(dir), fields, {}));
  ++count(Counter::kResetsSent);
}

}  // namespace vethwall::engine
