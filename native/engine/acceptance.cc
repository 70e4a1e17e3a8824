// Which segments their receiver takes at all. What Linux's tcp_validate_incoming() and tcp_ack()
// discard is no part of the stream: the parser is not given it, and inline it does not go on.
#include <algorithm>

#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {
namespace {

// Linux's TCP_PAWS_WINDOW: how much older than the newest a segment may be.
constexpr int32_t kPawsWindow = 1;
constexpr uint32_t kHeaderOctets = 20;
constexpr uint32_t kStampOctets = 12;      // RFC 7323, appendix A
constexpr uint32_t kSignatureOctets = 18;  // RFC 2385 §3.0

int32_t older_by(const flow::HalfInspection& half, uint32_t timestamp) {
  return half.has_recent ? static_cast<int32_t>(half.recent_timestamp - timestamp) : 0;
}

}  // namespace

// RFC 2385 §2, RFC 5925 §7.5: signed from the SYN on, or never.
bool Shard::is_signed_as_its_syn(const Flow& flow, Dir dir,
                                 const flow::SegmentOptions& options) const {
  const flow::TcpHalf& half = flow.tcp[index_of(dir)];
  if (flow.start != Start::kSyn || !half.known) return true;
  if (options.syn.is_signed != half.options.is_signed) return false;
  // Linux without CONFIG_TCP_AO knows nothing of the other option: only inline can be strict.
  return flow.tap || options.syn.is_authenticated == half.options.is_authenticated;
}

// Where Linux looks for a signature it discards what it can't read; with less than that left it
// doesn't look. Inline nobody is left to guess.
bool Shard::are_readable(const Flow& flow, const flow::SegmentOptions& options) const {
  return options.unread_octets == 0 || (flow.tap && options.unread_octets < kSignatureOctets);
}

// RFC 7323 §5.3.
bool Shard::is_stamped(const Flow& flow, const flow::SegmentOptions& options) const {
  if (!options.syn.has_timestamp) return false;
  return flow.start != Start::kSyn ||
         (flow.tcp[0].options.has_timestamp && flow.tcp[1].options.has_timestamp);
}

// RFC 5961 §5.2: neither beyond what the receiver sent, nor older than its peer's widest window.
bool Shard::acknowledges_plausibly(const Flow& flow, Dir dir, const wire::Packet& packet) const {
  const flow::TcpHalf& other = flow.tcp[index_of(opposite(dir))];
  if (!other.known) return true;
  if (other.acknowledges_unsent(packet.acknowledgement)) return false;
  // A connection already under way was acknowledged before anybody looked.
  if (flow.start != Start::kSyn) return true;
  const uint64_t widest = flow.inspection->half[index_of(dir)].widest_window;
  // Linux's tp->bytes_acked: the opener counts its SYN.
  const uint64_t counted = other.acked + (dir == Dir::kReply ? 1 : 0);
  return other.offset_of(packet.acknowledgement) >=
         static_cast<int64_t>(other.acked) - static_cast<int64_t>(std::min(counted, widest));
}

bool Shard::is_acceptable(Flow& flow, Dir dir, const Arrival& arrival) {
  const wire::Packet& packet = arrival.packet;
  const flow::SegmentOptions options = flow::read_options(arrival.frame, packet);
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  const bool has_syn = (packet.tcp_flags & kSyn) != 0;
  if (!are_readable(flow, options) || !is_signed_as_its_syn(flow, dir, options)) return false;
  if ((packet.tcp_flags & kRst) != 0) return true;
  if (has_syn) return (packet.tcp_flags & kFin) == 0;
  if ((packet.tcp_flags & kAck) == 0) return false;
  // Nobody knows yet where its stream begins, but the SYN that will say it.
  if (!flow.tcp[index_of(dir)].known && flow.start == Start::kSyn)
    return packet.payload_octets == 0;
  if (is_stamped(flow, options) && older_by(half, options.timestamp) > kPawsWindow) return false;
  return acknowledges_plausibly(flow, dir, packet);
}

// Linux's tcp_check_req() completes no handshake with what is outside of its window, nor, since
// 6.14, with another time than its SYN-ACK told.
bool Shard::echoes_syn_ack(const Flow& flow, Dir dir, const Arrival& arrival) const {
  const HalfInspection& back = flow.inspection->half[index_of(opposite(dir))];
  const bool is_complete = flow.tcp[index_of(opposite(dir))].has_edge;
  if (dir != Dir::kOrig || is_complete || !back.has_recent || flow.start != Start::kSyn ||
      (arrival.packet.tcp_flags & kSyn) != 0)
    return true;
  const Segment segment = segment_of(flow, dir, arrival.packet);
  const auto next = static_cast<int64_t>(flow.inspection->half[index_of(dir)].next);
  const bool ends_behind = segment.to + (segment.fin ? 1 : 0) > next;
  if (segment.from != next && !ends_behind) return false;
  const flow::SegmentOptions options = flow::read_options(arrival.frame, arrival.packet);
  return !is_stamped(flow, options) || options.echoed_timestamp == 0 ||
         options.echoed_timestamp == back.recent_timestamp;
}

// Linux's tcp_rcv_established() takes what it expects next with however old an acknowledgement, or
// not, as its memory is.
bool Shard::is_predicted(const Flow& flow, Dir dir, const Arrival& arrival) const {
  const wire::Packet& packet = arrival.packet;
  const HalfInspection& half = flow.inspection->half[index_of(dir)];
  const flow::SegmentOptions options = flow::read_options(arrival.frame, packet);
  const uint32_t option_octets = packet.payload_offset - packet.l4_offset - kHeaderOctets;
  return segment_of(flow, dir, packet).from == static_cast<int64_t>(half.next) &&
         option_octets == (is_stamped(flow, options) ? kStampOctets : 0) &&
         older_by(half, options.timestamp) <= 0;
}

// What some Linux takes: its own acknowledgement will tell. Inline such a segment does not go on.
void Shard::keep_doubtful(Flow& flow, Dir dir, const Arrival& arrival) {
  const wire::Packet& packet = arrival.packet;
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  flow::TcpHalf& tcp = flow.tcp[index_of(dir)];
  if ((packet.tcp_flags & ~kPsh) != kAck || !tcp.known || !half.held.empty() ||
      flow.tcp[index_of(opposite(dir))].acknowledges_unsent(packet.acknowledgement))
    return;
  const Segment segment = segment_of(flow, dir, packet);
  const auto next = static_cast<int64_t>(half.next);
  if (segment.from > next || segment.to <= next) return;
  const auto taken = arrival.payload().subspan(static_cast<size_t>(next - segment.from));
  half.doubtful.assign(taken);
  tcp.send_to(half.next + half.doubtful.size(), false);
}

// Of a segment that its receiver takes.
void Shard::note_accepted(Flow& flow, Dir dir, const Arrival& arrival) {
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  half.widest_window = std::max(half.widest_window, window_octets(flow, dir, arrival.packet));
  const Segment segment = segment_of(flow, dir, arrival.packet);
  const auto next = static_cast<int64_t>(half.next);
  const flow::TcpHalf& tcp = flow.tcp[index_of(dir)];
  const bool is_before_edge = !tcp.has_edge || segment.from < static_cast<int64_t>(tcp.edge);
  const bool is_in_window =
      segment.from == next || (segment.to + (segment.fin ? 1 : 0) > next && is_before_edge);
  if (is_in_window && (arrival.packet.tcp_flags & kSyn) == 0) half.is_embryonic = false;
  note_timestamp(flow, dir, arrival.frame, arrival.packet);
}

// Inline its receiver may have acknowledged whatever went on in sequence, and nobody knows yet:
// what it might find old is old.
uint64_t Shard::may_be_acknowledged(const Flow& flow, Dir dir) const {
  const flow::TcpHalf& tcp = flow.tcp[index_of(dir)];
  const HalfInspection& half = flow.inspection->half[index_of(dir)];
  if (flow.tap || !wants_octets(flow)) return tcp.acked;
  const uint64_t went_on = half.bare_from < half.bare_to ? half.bare_from : half.next;
  return std::max(tcp.acked, std::min(went_on, tcp.sent));
}

// Linux's tcp_replace_ts_recent(): of segments that begin no later than the last acknowledgement,
// and do not end before it.
void Shard::note_timestamp(Flow& flow, Dir dir, wire::Frame frame, const wire::Packet& packet) {
  const flow::TcpHalf& tcp = flow.tcp[index_of(dir)];
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  const flow::SegmentOptions options = flow::read_options(frame, packet);
  if (!options.syn.has_timestamp) return;
  const bool has_syn = (packet.tcp_flags & kSyn) != 0;
  // Whoever has acknowledged one answers another, and takes nothing of it (RFC 5961 §4.2).
  if (has_syn && tcp.has_edge) return;
  // The SYN-ACK's is asked for until the handshake is complete (echoes_syn_ack()).
  if (!has_syn && dir == Dir::kReply && !tcp.has_edge) return;
  const Segment segment = segment_of(flow, dir, packet);
  const bool is_next = segment.from <= static_cast<int64_t>(may_be_acknowledged(flow, dir)) &&
                       segment.to + (segment.fin ? 1 : 0) >= static_cast<int64_t>(tcp.acked);
  if (!has_syn && (!is_next || !is_stamped(flow, options))) return;
  if (!has_syn && older_by(half, options.timestamp) > 0) return;
  half.recent_timestamp = options.timestamp;
  half.has_recent = true;
}

}  // namespace vethwall::engine
