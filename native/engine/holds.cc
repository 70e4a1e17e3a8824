#include <netinet/in.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/rule_id.h"
#include "engine/shard.h"
#include "engine/tcp_flags.h"

namespace vethwall::engine {
namespace {

constexpr size_t kFlagsAt = 12, kChecksumAt = 16, kUrgentAt = 18;  // RFC 9293 §3.1

uint16_t be16(std::span<const uint8_t> octets, size_t at) {
  return static_cast<uint16_t>(octets[at] << 8 | octets[at + 1]);
}

void store_be16(std::span<uint8_t> octets, size_t at, uint16_t value) {
  octets[at] = static_cast<uint8_t>(value >> 8);
  octets[at + 1] = static_cast<uint8_t>(value);
}

// RFC 1624 §3, equation 3.
uint16_t updated_checksum(uint16_t checksum, uint16_t before, uint16_t after) {
  uint32_t sum = static_cast<uint16_t>(~checksum) + uint32_t{static_cast<uint16_t>(~before)};
  sum += after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace

// RFC 6093 §6: an urgent octet leaves the receiver's stream, so the receiver would read other
// octets than were judged; middleboxes clear the indication.
bool Shard::clear_urgent(std::span<uint8_t> frame, const wire::VnetHeader& vnet,
                         const wire::Packet& packet) {
  if (packet.protocol != IPPROTO_TCP || (packet.tcp_flags & kUrg) == 0) return false;
  const std::span<uint8_t> header = frame.subspan(packet.l4_offset);
  const uint16_t flags = be16(header, kFlagsAt);
  const auto without = static_cast<uint16_t>(flags & ~uint16_t{kUrg});
  uint16_t checksum = be16(header, kChecksumAt);
  checksum = updated_checksum(checksum, flags, without);
  checksum = updated_checksum(checksum, be16(header, kUrgentAt), 0);
  store_be16(header, kFlagsAt, without);
  store_be16(header, kUrgentAt, 0);
  // A partial checksum covers the pseudo-header only.
  if ((vnet.flags & wire::kNeedsCsum) == 0) store_be16(header, kChecksumAt, checksum);
  ++count(Counter::kUrgentCleared);
  return true;
}

void Shard::forward_clean(const Arrival& arrival) {
  if ((arrival.packet.tcp_flags & kUrg) == 0 || arrival.depth > 0) return forward(arrival);
  std::vector<uint8_t> copy(arrival.frame.begin(), arrival.frame.end());
  clear_urgent(copy, arrival.vnet, arrival.packet);
  emit(arrival.vnet, copy, {});
}

flow::Held Shard::held_from(const Arrival& arrival, uint64_t from, uint64_t to) {
  flow::Held held = {};
  held.from = from;
  held.to = to;
  held.vnet = arrival.vnet;
  held.packet = arrival.packet;
  held.frame.assign(arrival.frame.begin(), arrival.frame.end());
  if (arrival.depth == 0 && clear_urgent(held.frame, held.vnet, held.packet)) {
    held.packet.tcp_flags &= static_cast<uint8_t>(~kUrg);
    held.packet.urgent_pointer = 0;
  } else {
    held.fragments.assign(std::make_move_iterator(arrival.fragments.begin()),
                          std::make_move_iterator(arrival.fragments.end()));
    held.ticket = std::move(arrival.ticket);
  }
  return held;
}

flow::Held Shard::passed_copy(uint64_t at, std::span<const uint8_t> octets, bool fin) const {
  flow::Held held = {};
  held.from = at;
  held.to = at + octets.size();
  held.fin = fin;
  held.passed = true;
  held.frame.assign(octets.begin(), octets.end());
  held.packet.payload_octets = static_cast<uint32_t>(octets.size());
  return held;
}

// The last frame may pass the limit: one that segmentation offload made is longer than the limit.
// The limit is for octets that the judge has read and keeps. Of those that it has not read yet a
// sender past its initial window has more in flight, and what is lost of them costs it a time-out:
// while half of the node's memory is free they wait.
bool Shard::has_room(const HalfInspection& half, const Arrival& arrival) const {
  const uint64_t octets = half.held.payload_octets();
  const uint64_t limit = limits_.hold_octets_per_direction;
  const uint64_t unread_limit = std::max<uint64_t>(limit, limits_.unread_octets_per_direction);
  const bool wants_more = half.need_told && half.delivered + half.need > half.next;
  const bool may_lag = !wants_more && budget_.has(limits_.hold_octets_total / 2);
  const bool fits = arrival.packet.protocol == IPPROTO_TCP
                        ? octets < (may_lag ? unread_limit : limit)
                        : octets == 0 || octets + arrival.packet.payload_octets <= limit;
  return fits && !half.held.is_long();
}

// A frame that was held may come behind one that is newer: RFC 7323 §5 would have its receiver
// discard it.
void Shard::freshen(const HalfInspection& half, flow::Held& held) {
  if (!half.has_recent || !held.fragments.empty()) return;
  const flow::SegmentOptions options = flow::read_options(held.frame, held.packet);
  if (!options.syn.has_timestamp ||
      static_cast<int32_t>(half.recent_timestamp - options.timestamp) <= 0)
    return;
  const std::span<uint8_t> frame(held.frame);
  const std::span<uint8_t> header = frame.subspan(held.packet.l4_offset);
  uint16_t checksum = be16(header, kChecksumAt);
  for (const size_t word : {size_t{0}, size_t{2}}) {
    const size_t at = options.timestamp_at + word;
    const auto value = static_cast<uint16_t>(half.recent_timestamp >> (word == 0 ? 16 : 0));
    checksum = updated_checksum(checksum, be16(frame, at), value);
    store_be16(frame, at, value);
  }
  if ((held.vnet.flags & wire::kNeedsCsum) == 0) store_be16(header, kChecksumAt, checksum);
  held.ticket = {};
}

void Shard::emit(flow::Held& held) {
  if (held.fragments.empty()) emit(held.vnet, held.frame, {std::move(held.ticket)});
  for (wire::HeldFrame& fragment : held.fragments)
    emit(fragment.vnet, fragment.frame, {std::move(fragment.ticket)});
}

void Shard::flush(Flow& flow) {
  for (const Dir dir : {Dir::kOrig, Dir::kReply}) {
    if (flow.inspection == nullptr) return;
    if (flow.protocol() == IPPROTO_TCP)
      flush_tcp(flow, dir);
    else
      flush_datagrams(flow, dir);
  }
}

void Shard::flush_tcp(Flow& flow, Dir dir) {
  HalfInspection& half = flow.inspection->half[index_of(dir)];
  bool has_sent = false;
  for (size_t i = 0; i < half.held.frames().size(); ++i) {
    flow::Held& held = half.held.leaving(i);
    if (held.passed) continue;
    if (held.to > half.released) {
      if (held.from >= half.released) break;
      if (!held.fragments.empty()) continue;
      flow.tcp[index_of(dir)].send_to(half.released, false);
      half.send_on(held.from, half.released);
      flush_across(half, i);
      has_sent = true;
      continue;
    }
    freshen(half, held);
    note_timestamp(flow, dir, held.frame, held.packet);
    emit(held);
    flow.tcp[index_of(dir)].send_to(held.to, held.fin);
    half.send_on(held.from, held.to);
    has_sent = true;
    // The judge still reads it, once it is next.
    if (held.to > half.next && wants_octets(flow))
      half.held.replace(i, passed_copy(held.from, held.payload(), held.fin));
    else
      half.held.mark_sent(i);
  }
  half.held.erase_sent();
  // The judge made progress: what still waits has its full time again.
  if (has_sent) holds_.remove(flow);
}

// Sends the part before `released` and leaves the rest in its place.
void Shard::flush_across(HalfInspection& half, size_t index) {
  flow::Held& held = half.held.leaving(index);
  freshen(half, held);
  const auto keep_from = static_cast<uint32_t>(half.released - held.from);
  emit(wire::cut_tcp(held.frame, held.vnet, held.packet, 0, keep_from));
  wire::Built rest =
      wire::cut_tcp(held.frame, held.vnet, held.packet, keep_from, held.packet.payload_octets);
  flow::Held after = {};
  after.from = half.released;
  after.to = held.to;
  after.fin = held.fin;
  after.vnet = rest.vnet;
  after.frame = std::move(rest.frame);
  wire::decode(after.frame, after.vnet, after.packet);
  half.held.replace(index, std::move(after));
}

void Shard::end_hold(Flow& flow, Dir dir, HoldCause cause) {
  ++count(cause == HoldCause::kTime ? Counter::kHoldTime : Counter::kHoldMemory);
  const HalfInspection& half = flow.inspection->half[index_of(dir)];
  const uint64_t at = half.held.empty() ? half.next : half.held.frames()[0].from;
  const EndpointConfig* config = endpoint(flow.endpoint());
  const Took took = config == nullptr ? Took::kClosed : config->failure;
  if (!events_.hold_ended(flow, dir, at, cause, took)) flow.event_lost = true;
  if (took == Took::kOpen)
    forward_uninspected(flow, kRuleHoldLimit);
  else
    cut(flow, kRuleHoldLimit);
}

void Shard::hold_expired(Flow& flow) {
  holds_.remove(flow);
  if (flow.inspection == nullptr) return;
  for (const Dir dir : {Dir::kOrig, Dir::kReply})
    if (flow.inspection->half[index_of(dir)].awaits_judge())
      return end_hold(flow, dir, HoldCause::kTime);
  // Nothing for the judge to decide: the sender repeats what was lost before, and these with it.
  for (HalfInspection& half : flow.inspection->half) half.held.erase_waiting(half.next);
  ++count(Counter::kOutOfOrderLimit);
}

}  // namespace vethwall::engine
