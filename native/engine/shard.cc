#include "engine/shard.h"

#include <netinet/in.h>

#include <utility>

#include "engine/essentials.h"
#include "engine/rule_id.h"

namespace vethwall::engine {
namespace {

// Linux's net.ipv4.icmp_msgs_per_sec and icmp_msgs_burst.
constexpr uint64_t kIcmpPerSecond = 1000;
constexpr uint64_t kIcmpBurst = 50;

}  // namespace

const std::array<const char*, static_cast<size_t>(Counter::kCount)> kCounterNames = {
    "frames",         "frame_octets",       "emitted",           "unknown_endpoint",
    "malformed",      "essential",          "not_ip_denied",     "flows_opened",
    "flows_closed",   "flow_table_full",    "denied_frames",     "midstream_denied",
    "held_octets",    "hold_time",          "hold_memory",       "contradiction",
    "out_of_window",  "out_of_order_limit", "fragments_held",    "fragments_dropped",
    "reassembled",    "events_lost",        "copies_shed",       "stale_commands",
    "resets_sent",    "icmp_sent",          "refusals_sent",     "hold_full",
    "urgent_cleared", "spoofed_ip",         "spoofed_arp",       "spoofed_nd",
    "arp_conflicts",  "dhcp_refused",       "tunnelled",         "tunnel_malformed",
    "tunnel_depth",   "tunnel_unjudged",    "tunnel_unanswered", "unacceptable",
    "urgent_seen",
};

std::unique_ptr<Engine> Engine::create(const Limits& limits, std::array<uint64_t, 2> key,
                                       FrameSink& frames, EventSink& events, Carrier* carrier,
                                       Relay* relay) {
  return std::make_unique<Shard>(limits, key, frames, events, carrier, relay);
}

Shard::Shard(const Limits& limits, const flow::SipKey& key, FrameSink& frames, EventSink& events,
             Carrier* carrier, Relay* relay)
    : limits_(limits),
      frames_(frames),
      carrier_(carrier),
      relay_(relay),
      events_(events, count(Counter::kEventsLost), count(Counter::kCopiesShed)),
      budget_{limits.hold_octets_total},
      sip_key_(key),
      table_(limits.flows, key),
      icmp_tokens_(kIcmpPerSecond, kIcmpBurst),
      reassembler_({limits.fragment_octets_total, limits.fragment_datagrams, limits.fragment_ns}) {}

uint64_t Shard::counter(Counter counter) const {
  if (counter == Counter::kHeldOctets) return budget_.used_octets;
  if (counter == Counter::kFragmentsDropped) return reassembler_.dropped();
  return counters_[static_cast<size_t>(counter)];
}

void Shard::receive(const FrameMeta& meta, const wire::VnetHeader& vnet, wire::Frame frame,
                    wire::Ticket ticket) {
  now_ns_ = meta.now_ns;
  if (!meta.is_relayed) {
    ++count(Counter::kFrames);
    count(Counter::kFrameOctets) += frame.size();
  }
  const EndpointConfig* config = endpoint(meta.endpoint);
  if (config == nullptr) {
    ++count(Counter::kUnknownEndpoint);
    return;
  }
  Arrival arrival{*config, meta.toward, vnet, frame, {}, {}, ticket, meta.is_spread && relay_};
  if (meta.is_beginning && arrival.is_inline()) ticket = {};
  if (meta.is_copy) return note_end(arrival);
  take(arrival);
  judge_deferred();
  if (!arrival.is_inline()) ticket.accept(false);
}

bool Shard::read(Arrival& arrival) {
  const wire::Malformed found = wire::decode(arrival.frame, arrival.vnet, arrival.packet);
  arrival.packet.tunnel = arrival.tunnel.number;
  arrival.packet.tunnel_depth = arrival.depth;
  // RFC 6936: tunnels may do without.
  return found == wire::Malformed::kOk ||
         (found == wire::Malformed::kUdpUnsummed && is_tunnel(arrival.packet));
}

void Shard::take(Arrival& arrival) {
  if (!read(arrival)) return malformed(arrival);
  if (arrival.packet.family == 0) return not_ip(arrival);
  if (arrival.packet.is_fragment) return fragment(arrival);
  judge(arrival);
}

void Shard::judge(const Arrival& arrival) {
  const wire::Packet& packet = arrival.packet;
  if (arrival.is_spread && relays(arrival)) return;
  if (refuses_source(arrival)) return;
  if (arrival.depth == 0 && is_refused_dhcp(packet, arrival.toward, arrival.endpoint)) {
    ++count(Counter::kDhcpRefused);
    return;
  }
  // RFC 6980: neighbour discovery is never fragmented, so no reassembled datagram is essential.
  const bool is_whole = arrival.fragments.empty() || (arrival.depth > 0 && !arrival.is_reassembled);
  if (is_whole && is_essential(packet, arrival.toward, arrival.endpoint)) {
    ++count(Counter::kEssential);
    return forward(arrival);
  }
  if (packet.protocol == IPPROTO_TCP) return tcp(arrival);
  if (flow::is_icmp(packet.protocol) && icmp_error(arrival)) return;
  datagram(arrival);
}

void Shard::malformed(const Arrival& arrival) {
  if (arrival.depth > 0) return unjudged(arrival, Counter::kTunnelMalformed);
  ++count(Counter::kMalformed);
  if (!arrival.endpoint.strict && arrival.endpoint.failure == Took::kOpen) pass(arrival, false);
}

void Shard::not_ip(const Arrival& arrival) {
  if (arrival.packet.ethertype == kEtherTypeArp) return arp(arrival);
  if (!arrival.endpoint.strict) return forward(arrival);
  ++count(Counter::kNotIpDenied);
}

// True where the sink took note of `is_settled`.
bool Shard::send_on(const Arrival& arrival, bool is_settled) {
  if (!is_tunnel(arrival.packet)) return pass(arrival, is_settled);
  defer(arrival);
  return false;
}

bool Shard::pass(const Arrival& arrival, bool is_settled) {
  if (!arrival.is_inline()) return false;
  if (arrival.fragments.empty())
    return emit(arrival.vnet, arrival.frame,
                {std::move(arrival.ticket), is_settled, arrival.endpoint.epoch});
  for (wire::HeldFrame& fragment : arrival.fragments)
    emit(fragment.vnet, fragment.frame, {std::move(fragment.ticket)});
  return false;
}

bool Shard::emit(const wire::VnetHeader& vnet, wire::Frame frame, Departure departure) {
  ++count(Counter::kEmitted);
  return frames_.emit(vnet, frame, std::move(departure));
}

}  // namespace vethwall::engine
