#include "wire/fragments.h"

#include <algorithm>
#include <numeric>

namespace vethwall::wire {
namespace {

uint64_t octets_of(const FragmentOrigin& origin, Frame frame) {
  uint64_t octets = frame.size() + kHeldFrameOverhead;
  for (const HeldFrame& outer : origin.outer) octets += outer.frame.size() + kHeldFrameOverhead;
  return octets;
}

}  // namespace

Reassembler::Key Reassembler::key_of(const FragmentOrigin& origin, const Packet& packet) {
  Key key = {};
  key.endpoint = origin.endpoint;
  key.toward = origin.toward;
  key.family = packet.family;
  key.protocol = packet.family == 4 ? packet.protocol : uint8_t{0};
  key.tunnel = packet.tunnel;
  key.vlan_ids = packet.vlan_ids;
  key.id = packet.fragment_id;
  key.source = packet.source.octets;
  key.destination = packet.destination.octets;
  return key;
}

void Reassembler::charge(Datagrams::iterator held, uint64_t octets) {
  held->second.octets += octets;
  holders_[held->first.endpoint].octets += octets;
  held_octets_ += octets;
}

void Reassembler::discharge(Datagrams::iterator held) {
  holders_[held->first.endpoint].octets -= held->second.octets;
  held_octets_ -= held->second.octets;
  held->second.octets = 0;
}

void Reassembler::remove(Datagrams::iterator held) {
  discharge(held);
  const auto holder = holders_.find(held->first.endpoint);
  holder->second.order.erase(held->second.place);
  if (holder->second.order.empty()) holders_.erase(holder);
  datagrams_.erase(held);
}

void Reassembler::drop(Datagrams::iterator held, FragmentDrop cause) {
  count(cause, held->second.fragments.frames().size());
  remove(held);
}

Fragmented Reassembler::refuse(Datagrams::iterator held, Overlaps overlaps, FragmentDrop cause) {
  if (overlaps == Overlaps::kAsLinux) {
    drop(held, cause);
    return Fragmented::kDropped;
  }
  count(cause, held->second.fragments.release().size());
  discharge(held);
  held->second.is_refused = true;
  return Fragmented::kDropped;
}

// Who holds most gives way: a flood of fragments costs the endpoint that it comes from or goes to.
Reassembler::Datagrams::iterator Reassembler::start(const Key& key, uint64_t now_ns) {
  while (!datagrams_.empty() && datagrams_.size() >= limits_.fragment_datagrams) {
    const auto most = std::ranges::max_element(
        holders_, {}, [](const auto& holder) { return holder.second.order.size(); });
    drop(datagrams_.find(most->second.order.front()), FragmentDrop::kDatagrams);
  }
  std::list<Key>& order = holders_[key.endpoint].order;
  const auto place = order.insert(order.end(), key);
  return datagrams_.emplace(key, Datagram{{}, now_ns, 0, false, place}).first;
}

bool Reassembler::make_room(uint64_t octets) {
  if (octets > limits_.fragment_octets_total) return false;
  while (held_octets_ + octets > limits_.fragment_octets_total) {
    const auto most = std::ranges::max_element(
        holders_, {}, [](const auto& holder) { return holder.second.octets; });
    drop(datagrams_.find(most->second.order.front()), FragmentDrop::kOctets);
  }
  return true;
}

Fragmented Reassembler::complete(Datagrams::iterator held, Overlaps overlaps, Reassembled& out) {
  if (!held->second.fragments.construct(out.frame))
    return refuse(held, overlaps, FragmentDrop::kOversize);
  out.originals = held->second.fragments.release();
  remove(held);
  return Fragmented::kComplete;
}

Fragmented Reassembler::keep(Datagrams::iterator held, const FragmentOrigin& origin,
                             const VnetHeader& vnet, Frame frame, const Packet& packet,
                             Ticket& ticket, Reassembled& out) {
  const uint64_t octets = octets_of(origin, frame);
  switch (held->second.fragments.add(vnet, frame, packet, ticket, origin.overlaps, origin.outer)) {
    case FragmentSet::Added::kDuplicate:
      return Fragmented::kHeld;
    case FragmentSet::Added::kOverlap:
      count(FragmentDrop::kOverlap, 1);
      return refuse(held, origin.overlaps, FragmentDrop::kOverlap);
    case FragmentSet::Added::kInconsistent:
      count(FragmentDrop::kInconsistent, 1);
      return refuse(held, origin.overlaps, FragmentDrop::kInconsistent);
    case FragmentSet::Added::kHeld:
      charge(held, octets);
      return Fragmented::kHeld;
    case FragmentSet::Added::kComplete:
      return complete(held, origin.overlaps, out);
  }
  return Fragmented::kDropped;
}

Fragmented Reassembler::add(const FragmentOrigin& origin, uint64_t now_ns, const VnetHeader& vnet,
                            Frame frame, const Packet& packet, Ticket& ticket, Reassembled& out) {
  const Key key = key_of(origin, packet);
  auto held = datagrams_.find(key);
  if (held != datagrams_.end() && held->second.is_refused) {
    count(FragmentDrop::kOverlap, 1);
    return Fragmented::kDropped;
  }
  const bool is_first = held == datagrams_.end();
  const bool has_room = make_room(octets_of(origin, frame));
  // Room for it may have been made of its own datagram, which can't become whole any more.
  if (!has_room || (!is_first && !datagrams_.contains(key))) {
    count(FragmentDrop::kOctets, 1);
    return Fragmented::kDropped;
  }
  if (is_first) held = start(key, now_ns);
  return keep(held, origin, vnet, frame, packet, ticket, out);
}

void Reassembler::expire(uint64_t now_ns) {
  for (auto holder = holders_.begin(); holder != holders_.end();) {
    const uint16_t endpoint = holder->first;
    while (holder->second.order.size() > 0) {
      const auto oldest = datagrams_.find(holder->second.order.front());
      if (now_ns < oldest->second.started_ns + limits_.fragment_ns) break;
      const bool is_only = holder->second.order.size() == 1;
      drop(oldest, FragmentDrop::kTimeout);
      if (is_only) break;
    }
    holder = holders_.upper_bound(endpoint);
  }
}

void Reassembler::remove_endpoint(uint16_t endpoint) {
  while (holders_.contains(endpoint)) remove(datagrams_.find(holders_[endpoint].order.front()));
}

uint64_t Reassembler::dropped() const {
  return std::accumulate(dropped_.begin(), dropped_.end(), uint64_t{0});
}

}  // namespace vethwall::wire
