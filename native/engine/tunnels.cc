// Tunnels. A tunnel's packet is judged twice: as a packet of its own flow, and, where that lets it
// pass, as what it carries. Only then it goes on, as it came.
#include <netinet/in.h>

#include <cstring>
#include <iterator>
#include <utility>

#include "engine/shard.h"

namespace vethwall::engine {
namespace {

// What makes two tunnels different, the same from either direction. No padding: hashed as octets.
struct TunnelKey {
  uint8_t low[16];
  uint8_t high[16];
  uint32_t id;
  uint32_t enclosing;
  uint16_t vlans[2];
  uint8_t family;
  uint8_t kind;
  uint8_t zero[2];
};
static_assert(sizeof(TunnelKey) == 48);

uint32_t number_of(const flow::SipKey& sip_key, const wire::Packet& packet,
                   const wire::Inner& inner) {
  const bool is_low = packet.source < packet.destination;
  const wire::Address& low = is_low ? packet.source : packet.destination;
  const wire::Address& high = is_low ? packet.destination : packet.source;
  TunnelKey key = {};
  std::memcpy(key.low, low.octets.data(), sizeof key.low);
  std::memcpy(key.high, high.octets.data(), sizeof key.high);
  key.id = inner.id;
  key.enclosing = packet.tunnel;
  for (size_t i = 0; i < packet.vlan_count && i < 2; ++i) key.vlans[i] = packet.vlan_ids[i];
  key.family = packet.family;
  key.kind = static_cast<uint8_t>(inner.tunnel);
  const auto* octets = reinterpret_cast<const uint8_t*>(&key);
  const auto number = static_cast<uint32_t>(flow::siphash24(sip_key, {octets, sizeof key}));
  return number == 0 ? 1 : number;
}

// What is known of the inner L4 checksum: where one is partial or vouched for, not every source
// tells which. A wrong one passes for good, then, and its receiver drops it; what was judged can't
// be said otherwise later.
wire::VnetHeader inner_vnet(const wire::VnetHeader& outer) {
  wire::VnetHeader vnet = {};
  vnet.flags = outer.flags;
  const uint8_t type = outer.gso_type & static_cast<uint8_t>(~wire::kGsoEcn);
  if (type != wire::kGsoTcp4 && type != wire::kGsoTcp6) return vnet;
  vnet.gso_type = outer.gso_type;
  vnet.gso_size = outer.gso_size;
  return vnet;
}

// A queued packet does not tell whether it is a long segment within a tunnel, or several packets of
// the tunnel.
bool is_one_packet(const wire::VnetHeader& outer, wire::Frame inner) {
  if (!wire::is_udp_of_unknown_size(outer)) return true;
  wire::Packet packet;
  return wire::decode(inner, inner_vnet(outer), packet) == wire::Malformed::kOk &&
         packet.l3_end == inner.size();
}

}  // namespace

bool Shard::is_tunnel(const wire::Packet& packet) const {
  return limits_.tunnel_depth > 0 &&
         wire::tunnel_kind(limits_.tunnel_ports, packet) != wire::TunnelKind::kNone;
}

// Either end may be the tunnel's: its packets back go to the same port, of the other end.
bool Shard::carries_tunnel(const Flow& flow) const {
  const auto is_kind = [&](uint16_t port) {
    return wire::tunnel_kind(limits_.tunnel_ports, flow.protocol(), port) !=
           wire::TunnelKind::kNone;
  };
  return limits_.tunnel_depth > 0 && (is_kind(flow.source_port) || is_kind(flow.destination_port));
}

// Its own flow is in the middle of something, and may be the one that has to make room for another:
// what is carried is judged after it.
void Shard::defer(const Arrival& arrival) {
  const bool is_udp = arrival.packet.protocol == IPPROTO_UDP;
  const bool is_segmented =
      (arrival.vnet.gso_type & static_cast<uint8_t>(~wire::kGsoEcn)) == wire::kGsoUdpL4;
  // Datagrams within that can't be told apart.
  if (is_segmented && !is_udp) return unjudged(arrival, Counter::kTunnelMalformed);
  const uint32_t datagrams = is_segmented ? wire::udp_datagrams(arrival.vnet, arrival.packet) : 1;
  for (uint32_t i = 0; i < datagrams; ++i) {
    Carrying one{arrival.endpoint.id, arrival.toward, arrival.vnet, {}, arrival.packet};
    one.depth = arrival.depth;
    if (datagrams > 1) {
      wire::Built part = wire::cut_udp(arrival.frame, arrival.vnet, arrival.packet, i);
      one.vnet = part.vnet;
      one.frame = std::move(part.frame);
      wire::decode(one.frame, one.vnet, one.packet);
    } else {
      one.frame.assign(arrival.frame.begin(), arrival.frame.end());
      if (arrival.is_inline()) one.ticket = std::move(arrival.ticket);
    }
    one.packet.tunnel = arrival.packet.tunnel;
    if (arrival.is_inline())
      one.fragments.assign(std::make_move_iterator(arrival.fragments.begin()),
                           std::make_move_iterator(arrival.fragments.end()));
    deferred_.push_back(std::move(one));
  }
}

void Shard::defer(const Flow& flow, Dir dir, flow::Held& held) {
  const bool is_from_pod = (flow.pod_side == PodSide::kOpener) == (dir == Dir::kOrig);
  Carrying one{flow.endpoint(), is_from_pod ? wire::Toward::kNetwork : wire::Toward::kPod,
               held.vnet, std::move(held.frame), held.packet};
  one.depth = held.packet.tunnel_depth;
  one.fragments = std::move(held.fragments);
  one.ticket = std::move(held.ticket);
  deferred_.push_back(std::move(one));
}

// What one carries may be a tunnel's packet, too: it comes to the end.
void Shard::judge_deferred() {
  for (size_t i = 0; i < deferred_.size(); ++i) {
    Carrying one = std::move(deferred_[i]);
    judge_inner(one);
  }
  deferred_.clear();
}

void Shard::judge_inner(Carrying& outer) {
  const EndpointConfig* config = endpoint(outer.endpoint);
  if (config == nullptr) return;
  Arrival carrier{*config,      outer.toward,    outer.vnet,  outer.frame,
                  outer.packet, outer.fragments, outer.ticket};
  carrier.depth = outer.depth;
  wire::Inner inner;
  const wire::Decapsulated found =
      wire::decapsulate(outer.frame, outer.vnet, outer.packet, limits_.tunnel_ports, inner);
  if (found == wire::Decapsulated::kMalformed) return unjudged(carrier, Counter::kTunnelMalformed);
  if (found != wire::Decapsulated::kInner) {
    pass(carrier, false);
    return;
  }
  if (outer.depth == limits_.tunnel_depth) return unjudged(carrier, Counter::kTunnelDepth);
  const std::vector<uint8_t> frame = wire::inner_frame(outer.frame, inner);
  if (!is_one_packet(outer.vnet, frame)) return unjudged(carrier, Counter::kTunnelMalformed);
  const bool to_pod = outer.toward == wire::Toward::kPod;
  wire::Ticket none;  // the outer frames have theirs
  Arrival judged{*config, outer.toward, inner_vnet(outer.vnet), frame, {}, {}, none};
  judged.tunnel = {number_of(sip_key_, outer.packet, inner), inner.tunnel, inner.id,
                   to_pod ? outer.packet.source : outer.packet.destination};
  judged.depth = static_cast<uint8_t>(outer.depth + 1);
  if (carrier.is_inline() && outer.fragments.empty())
    outer.fragments.push_back({outer.vnet, std::move(outer.frame), std::move(outer.ticket)});
  judged.fragments = outer.fragments;
  ++count(Counter::kTunnelled);
  take(judged);
}

// What a tunnel carries and nobody can judge takes the failure setting.
void Shard::unjudged(const Arrival& arrival, Counter cause) {
  ++count(cause);
  if (!arrival.endpoint.strict || arrival.endpoint.failure == Took::kOpen) pass(arrival, false);
}

}  // namespace vethwall::engine
