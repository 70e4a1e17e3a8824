#include <netinet/in.h>

#include <algorithm>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {
namespace {

// RFC 7323 §2.3: the widest a window can be; taken where nobody saw the SYN that says how wide.
constexpr uint8_t kUnseenWindowScale = 14;

wire::Toward opposite(wire::Toward toward) {
  if (toward == wire::Toward::kUnknown) return toward;
  return toward == wire::Toward::kPod ? wire::Toward::kNetwork : wire::Toward::kPod;
}

bool is_first_syn(const wire::Packet& packet) {
  return (packet.tcp_flags & (kSyn | kAck | kRst)) == kSyn;
}

bool is_syn_ack(const wire::Packet& packet) {
  return (packet.tcp_flags & (kSyn | kAck | kRst)) == (kSyn | kAck);
}

// Of the two ends of a connection already under way, the lower port is taken for the server's.
bool is_from_opener(const wire::Packet& packet) {
  if (is_first_syn(packet)) return true;
  return !is_syn_ack(packet) && packet.source_port >= packet.destination_port;
}

Opening opening_of(const Arrival& arrival, const flow::Keyed& keyed, bool from_opener) {
  const wire::Packet& packet = arrival.packet;
  const wire::L3Template along = wire::template_of(arrival.frame, packet);
  Opening opening = {};
  opening.key = keyed.key;
  opening.source_is_low = keyed.source_is_low == from_opener;
  opening.toward = from_opener ? arrival.toward : opposite(arrival.toward);
  opening.along_orig = from_opener ? along : wire::reversed(along);
  opening.source_port = from_opener ? packet.source_port : packet.destination_port;
  opening.destination_port = from_opener ? packet.destination_port : packet.source_port;
  opening.start = is_first_syn(packet) ? Start::kSyn : Start::kMidstream;
  opening.tunnel = arrival.tunnel;
  return opening;
}

// With none, or some, of the octets that it brought (RFC 7413 §4.2.2). A repeated SYN may be
// answered as before.
bool acknowledges_pending(const flow::Flow& flow, const wire::Packet& packet) {
  const flow::PendingSyn& pending = flow.pending_syn;
  const bool is_repeated = pending.sequence + 1 == flow.tcp[index_of(pending.dir)].base;
  if (is_repeated && packet.sequence + 1 == flow.tcp[index_of(opposite(pending.dir))].base)
    return false;
  const size_t octets = flow.inspection == nullptr
                            ? 0
                            : flow.inspection->half[index_of(pending.dir)].syn_octets.size();
  return packet.acknowledgement - (pending.sequence + 1) <= octets;
}

}  // namespace

void Shard::tcp(const Arrival& arrival) {
  const flow::Keyed keyed = flow::key_of(arrival.endpoint.id, arrival.toward, arrival.packet);
  Flow* flow = in_force(table_.find(keyed.key));
  if (flow != nullptr && waits_for_recall(*flow, arrival)) return;
  if (flow != nullptr) flow = reopen(*flow, arrival, keyed);
  if (flow == nullptr) flow = open_tcp(arrival, keyed);
  if (flow == nullptr) return;
  const Dir dir = flow->dir_of(keyed.source_is_low);
  tally(*flow, dir, arrival);
  handle_tcp(*flow, dir, arrival);
  settle_after(*flow);
}

Shard::Flow* Shard::open_tcp(const Arrival& arrival, const flow::Keyed& keyed) {
  const wire::Packet& packet = arrival.packet;
  const bool from_opener = is_from_opener(packet);
  const Opening opening = opening_of(arrival, keyed, from_opener);
  if ((packet.tcp_flags & kRst) != 0) {
    stray_reset(arrival, opening);
    return nullptr;
  }
  Flow& flow = open(opening, arrival.endpoint);
  const Dir dir = from_opener ? Dir::kOrig : Dir::kReply;
  flow::TcpHalf& half = flow.tcp[index_of(dir)];
  half.start(packet.sequence + ((packet.tcp_flags & kSyn) != 0 ? 1 : 0));
  if ((packet.tcp_flags & kSyn) != 0) half.options = flow::read_syn_options(arrival.frame, packet);
  if (is_first_syn(packet)) flow.tcp[index_of(opposite(dir))].offer(packet.window);
  if ((packet.tcp_flags & kAck) != 0)
    flow.tcp[index_of(opposite(dir))].start(packet.acknowledgement);
  return &flow;
}

// A reset that belongs to no flow opens none; it passes where a connection already under way would.
void Shard::stray_reset(const Arrival& arrival, const Opening& opening) {
  Flow stray;
  describe(stray, opening);
  stray.start = Start::kMidstream;
  if (judge_l4(stray).verdict == L4Verdict::kAllow) return forward(arrival);
  ++count(Counter::kDeniedFrames);
}

// What the frame is about: the flow it belongs to; a new one in place of one that has ended (then
// null: its first frame opens it); or one that a SYN announced on a connection its receiver forgot.
Shard::Flow* Shard::reopen(Flow& flow, const Arrival& arrival, const flow::Keyed& keyed) {
  const wire::Packet& packet = arrival.packet;
  const Dir dir = flow.dir_of(keyed.source_is_low);
  const flow::TcpHalf& half = flow.tcp[index_of(dir)];
  const bool is_repeated = half.known && packet.sequence + 1 == half.base;
  // Nobody keeps the octets that come with it until its receiver says whether it takes them.
  const bool is_unkept = flow.tap && flow.inspection == nullptr && packet.payload_octets > 0;
  if (is_first_syn(packet) && (flow.is_closed || (is_unkept && !is_repeated))) {
    if (!flow.tap && flow.stance == flow::Stance::kDenied && is_repeated) return &flow;
    // A copy's reader can't choose: in TIME-WAIT the receiver may refuse it (RFC 9293 §3.10.7.4).
    if (flow.tap && flow.is_answered && packet.payload_octets == 0) {
      flow.pending_syn = pending_syn_of(dir, arrival);
      return &flow;
    }
    remove(flow, Closed::kIdle);
    return nullptr;
  }
  const bool answers_pending = flow.pending_syn.set && is_syn_ack(packet) &&
                               dir != flow.pending_syn.dir && acknowledges_pending(flow, packet);
  return answers_pending ? &open_pending(flow, arrival, keyed) : &flow;
}

// The receiver has forgotten the earlier connection.
Shard::Flow& Shard::open_pending(Flow& flow, const Arrival& arrival, const flow::Keyed& keyed) {
  const flow::PendingSyn pending = flow.pending_syn;
  flow::RareOctets octets;
  if (flow.inspection != nullptr)
    octets = std::move(flow.inspection->half[index_of(pending.dir)].syn_octets);
  remove(flow, Closed::kRst);
  Opening opening = opening_of(arrival, keyed, false);
  opening.start = Start::kSyn;
  Flow& fresh = open(opening, arrival.endpoint);
  fresh.tcp[index_of(Dir::kOrig)].start(pending.sequence + 1);
  fresh.tcp[index_of(Dir::kOrig)].options = pending.options;
  fresh.tcp[index_of(Dir::kReply)].offer(pending.window);
  if (fresh.inspection != nullptr)
    fresh.inspection->half[index_of(Dir::kOrig)].syn_octets = std::move(octets);
  return fresh;
}

void Shard::handle_tcp(Flow& flow, Dir dir, const Arrival& arrival) {
  if (flow.tap) return observe_tcp(flow, dir, arrival);
  if (flow.stance == flow::Stance::kDenied) return denied_tcp(flow, dir, arrival);
  if (flow.stance == flow::Stance::kUndecided && flow.inspection == nullptr)
    return late_tcp(flow, dir, arrival);
  if (flow.inspection != nullptr) return inspect_tcp(flow, dir, arrival);
  forward_tcp(flow, dir, arrival);
}

void Shard::denied_tcp(Flow& flow, Dir dir, const Arrival& arrival) {
  ++count(Counter::kDeniedFrames);
  if (flow.refusal != nullptr) return continue_refusal(flow, dir, arrival);
  const bool is_first = !flow.is_closed;
  report_closed(flow, Closed::kDenied);
  if (flow.bypass != flow::Bypass::kNone) return reset_bypassed(flow, dir, arrival);
  if (is_first && flow.start == Start::kMidstream) return reset_both(flow);
  reset_sender(arrival);
}

void Shard::forward_tcp(Flow& flow, Dir dir, const Arrival& arrival) {
  if ((arrival.packet.tcp_flags & kSyn) != 0 && !take_syn(flow, dir, arrival)) return;
  follow(flow, dir, arrival);
  forward_of(flow, arrival);
}

Segment Shard::segment_of(const Flow& flow, Dir dir, const wire::Packet& packet) const {
  const bool has_syn = (packet.tcp_flags & kSyn) != 0;
  const int64_t from = flow.tcp[index_of(dir)].offset_of(packet.sequence + (has_syn ? 1 : 0));
  return {dir, from, from + packet.payload_octets, (packet.tcp_flags & kFin) != 0};
}

void Shard::take_acknowledgement(Flow& flow, Dir dir, const wire::Packet& packet) {
  if ((packet.tcp_flags & kAck) == 0) return;
  flow::TcpHalf& other = flow.tcp[index_of(opposite(dir))];
  if (!other.known) {
    if (flow.start != Start::kMidstream && !flow.tap) return;
    other.start(packet.acknowledgement);
  }
  other.acknowledge(packet.acknowledgement, window_octets(flow, dir, packet));
}

uint32_t Shard::window_octets(const Flow& flow, Dir dir, const wire::Packet& packet) const {
  const flow::TcpHalf& own = flow.tcp[index_of(dir)];
  const flow::TcpHalf& other = flow.tcp[index_of(opposite(dir))];
  uint8_t scale = 0;
  if (flow.start == Start::kMidstream)
    scale = kUnseenWindowScale;
  else if (own.options.has_window_scale && other.options.has_window_scale)
    scale = own.options.window_scale;
  // RFC 7323 §2.2: the window of a SYN is never scaled.
  if ((packet.tcp_flags & kSyn) != 0) scale = 0;
  return uint32_t{packet.window} << scale;
}

// RFC 5961 §3.2: a reset counts exactly where its receiver is; elsewhere in the window the receiver
// asks its sender once more. In answer to a SYN it has to acknowledge that (RFC 9293 §3.10.7.3).
bool Shard::resets(const Flow& flow, Dir dir, const Arrival& arrival) const {
  const wire::Packet& packet = arrival.packet;
  const flow::TcpHalf& half = flow.tcp[index_of(dir)];
  const flow::TcpHalf& other = flow.tcp[index_of(opposite(dir))];
  if (!half.known)
    return flow.start != Start::kSyn || ((packet.tcp_flags & kAck) != 0 && other.known &&
                                         other.offset_of(packet.acknowledgement) >= 0 &&
                                         !other.acknowledges_unsent(packet.acknowledgement));
  // A receiver whose handshake waits, but that took octets of the SYN, resets what it can't place
  // and stays (Linux's tcp_check_req()).
  if (flow.inspection != nullptr && flow.inspection->half[index_of(opposite(dir))].is_embryonic &&
      (packet.tcp_flags & kAck) == 0)
    return false;
  const int64_t at = half.offset_of(packet.sequence);
  if (flow.inspection != nullptr && is_old(flow, dir, arrival)) return false;
  if (flow.inspection == nullptr)
    return at == static_cast<int64_t>(half.sent) || at == static_cast<int64_t>(half.acked);
  const HalfInspection& inspected = flow.inspection->half[index_of(dir)];
  if (inspected.lacks_bare(half.acked))
    return at == static_cast<int64_t>(std::max<uint64_t>(half.acked, inspected.bare_from));
  const uint64_t next = inspected.next + (inspected.fin_at <= inspected.next ? 1 : 0);
  // `sent` is behind what is held; beyond `next` it is behind a hole, or a claim of the sender's.
  return at == static_cast<int64_t>(next) ||
         (at == static_cast<int64_t>(half.sent) && half.sent <= next);
}

// Sequence numbers, ends and counts of a flow; where it ends whoever reads its payload knows
// better.
void Shard::follow(Flow& flow, Dir dir, const Arrival& arrival) {
  const wire::Packet& packet = arrival.packet;
  flow::TcpHalf& half = flow.tcp[index_of(dir)];
  if (flow.bypass != flow::Bypass::kNone) return follow_bypassed(flow, dir, arrival);
  // What one says that is not of this connection acknowledges nothing of it.
  if ((packet.tcp_flags & kRst) != 0) {
    if (resets(flow, dir, arrival)) report_closed(flow, Closed::kRst);
    return;
  }
  take_acknowledgement(flow, dir, packet);
  if (!half.known) half.start(packet.sequence);
  const Segment segment = segment_of(flow, dir, packet);
  const bool is_read = flow.inspection != nullptr &&
                       flow.inspection->half[index_of(dir)].next != flow::kWholeDirection;
  const auto end = static_cast<uint64_t>(std::max<int64_t>(segment.to, 0));
  if (segment.to >= 0 && is_read) half.send_to(end + (segment.fin ? 1 : 0), false);
  if (segment.to >= 0 && !is_read) half.send_to(end, segment.fin);
  close_when_acknowledged(flow);
}

void Shard::close_when_acknowledged(Flow& flow) {
  if (flow.tcp[0].is_fin_acked() && flow.tcp[1].is_fin_acked()) report_closed(flow, Closed::kFin);
}

}  // namespace vethwall::engine
