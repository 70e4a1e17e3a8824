// A long body under a transaction that is allowed: its octets pass in the kernel, and everything
// before and behind them comes up to be judged. What is known of the other direction is that it
// only acknowledges.
#include <netinet/in.h>

#include <algorithm>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {
namespace {

// Below it the two system calls cost more than they save.
constexpr uint64_t kLongBody = 256u << 10;
// At a time, so that sequence numbers stay comparable (RFC 9293 §3.4).
constexpr uint64_t kBodyMax = 1u << 30;

// Everything before the body was judged and went on, and nothing waits.
bool is_at_body(const flow::Flow& flow, Dir dir) {
  const flow::HalfInspection& half = flow.inspection->half[index_of(dir)];
  const flow::HalfInspection& other = flow.inspection->half[index_of(opposite(dir))];
  const uint64_t sent = flow.tcp[index_of(dir)].sent;
  return !half.skip.empty() && half.next == half.skip.to && half.released >= half.skip.to &&
         half.held.empty() && other.held.empty() && half.fin_at == flow::kNowhere &&
         sent >= half.skip.from && half.skip.to > sent && half.skip.to - sent >= kLongBody;
}

}  // namespace

void Shard::carry_body(Flow& flow, Dir dir) {
  const uint32_t epoch = epoch_of(flow);
  if (flow.inspection == nullptr || flow.inspection->is_body_carried || flow.tap || epoch == 0 ||
      carrier_ == nullptr || flow.stance != flow::Stance::kUndecided ||
      flow.protocol() != IPPROTO_TCP || flow.key.vlans[0] != 0 || flow.is_inner() ||
      !is_at_body(flow, dir))
    return;
  flow::TcpHalf& body = flow.tcp[index_of(dir)];
  flow::TcpHalf& back = flow.tcp[index_of(opposite(dir))];
  if (!back.known) return;
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  const uint64_t to = std::min(half.skip.to, body.sent + kBodyMax);
  // The pod's own direction is the first.
  const bool is_from_pod = (flow.pod_side == PodSide::kOpener) == (dir == Dir::kOrig);
  std::array<PassRange, 2> ranges;
  ranges[is_from_pod ? 0 : 1] = {body.sequence_of(body.sent), body.sequence_of(to)};
  ranges[is_from_pod ? 1 : 0] = {back.sequence_of(back.sent), back.sequence_of(back.sent)};
  if (!carrier_->carry(carried_flow(flow), epoch, ranges)) return;
  flow.inspection->is_body_carried = true;
  flow.bypass = flow::Bypass::kCarry;
  half.carried_to = to;
  flow.inspection->half[index_of(opposite(dir))].carried_to = back.sent;
  // How far it will have gone when the next of it is seen; windows offered meanwhile are not.
  body.send_to(to, false);
  body.has_edge = back.has_edge = false;
}

bool Shard::is_past_body(const Flow& flow, Dir dir, const wire::Packet& packet) const {
  if ((packet.tcp_flags & (kSyn | kFin | kRst)) != 0) return true;
  const Segment segment = segment_of(flow, dir, packet);
  return segment.to > static_cast<int64_t>(flow.inspection->half[index_of(dir)].carried_to);
}

void Shard::end_body(Flow& flow) {
  if (flow.inspection == nullptr || !flow.inspection->is_body_carried) return;
  flow.inspection->is_body_carried = false;
  const CarriedCounts counts = carried(flow);
  const size_t orig = flow.pod_side == PodSide::kOpener ? 0 : 1;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    flow.packets[i] += counts.packets[i == 0 ? orig : 1 - orig];
    flow.octets[i] += counts.octets[i == 0 ? orig : 1 - orig];
  }
  stop_carrying(flow);
  flow.carried_packets = 0;
}

}  // namespace vethwall::engine
