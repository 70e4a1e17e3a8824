// Fragments are judged reassembled: they wait here until their datagram is whole, within limits
// that one endpoint can't use up for the others.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <vector>

#include "wire/fragment_set.h"
#include "wire/marker.h"
#include "wire/packet.h"

namespace vethwall::wire {

// As engine::Limits names them.
struct FragmentLimits {
  uint32_t fragment_octets_total = 4u << 20;  // with kHeldFrameOverhead for each
  uint32_t fragment_datagrams = 1024;
  uint64_t fragment_ns = 30'000'000'000;  // from a datagram's first fragment; Linux's ipfrag_time
};
inline constexpr uint32_t kHeldFrameOverhead = 128;

struct FragmentOrigin {
  uint16_t endpoint;
  Toward toward;
  Overlaps overlaps = Overlaps::kRefused;
  std::span<HeldFrame> outer = {};  // what the fragment came in, where that was a tunnel
};

enum class FragmentDrop : uint8_t {
  kOverlap,       // and all that belongs to the same datagram, for fragment_ns (RFC 5722 §4)
  kInconsistent,  // contradicting ends
  kOversize,      // or a fragment header within
  kOctets,        // fragment_octets_total
  kDatagrams,     // fragment_datagrams
  kTimeout,
  kCount
};

enum class Fragmented : uint8_t { kHeld, kComplete, kDropped };

struct Reassembled {
  std::vector<uint8_t> frame;        // the datagram, to decode (with an empty VnetHeader) and judge
  std::vector<HeldFrame> originals;  // to forward if it is allowed, in the order of arrival
};

class Reassembler {
 public:
  explicit Reassembler(const FragmentLimits& limits) : limits_(limits) {}
  // `packet` is what decode() made of `frame`; it is a fragment. The ticket is taken where the
  // frame is kept; `out` is set on kComplete.
  Fragmented add(const FragmentOrigin& origin, uint64_t now_ns, const VnetHeader& vnet, Frame frame,
                 const Packet& packet, Ticket& ticket, Reassembled& out);
  void expire(uint64_t now_ns);
  void remove_endpoint(uint16_t endpoint);

  // Frames, by cause; duplicates are none.
  uint64_t dropped(FragmentDrop cause) const { return dropped_[static_cast<size_t>(cause)]; }
  uint64_t dropped() const;
  uint32_t datagrams() const { return static_cast<uint32_t>(datagrams_.size()); }
  uint64_t held_octets() const { return held_octets_; }

 private:
  struct Key {
    uint16_t endpoint;
    Toward toward;
    uint8_t family;
    uint8_t protocol;  // IPv4 only: RFC 8200 §4.5 identifies without it
    uint32_t tunnel;
    std::array<uint16_t, kMaxVlans> vlan_ids;
    uint32_t id;
    std::array<uint8_t, 16> source;
    std::array<uint8_t, 16> destination;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Datagram {
    FragmentSet fragments;
    uint64_t started_ns;
    uint64_t octets;
    bool is_refused;  // kept without frames, so that what comes late is refused as well
    std::list<Key>::iterator place;
  };
  // What one endpoint holds, oldest first.
  struct Holder {
    std::list<Key> order;
    uint64_t octets = 0;
  };
  using Datagrams = std::map<Key, Datagram>;  // ordered: no hash to collide on

  static Key key_of(const FragmentOrigin& origin, const Packet& packet);
  Datagrams::iterator start(const Key& key, uint64_t now_ns);
  Fragmented keep(Datagrams::iterator held, const FragmentOrigin& origin, const VnetHeader& vnet,
                  Frame frame, const Packet& packet, Ticket& ticket, Reassembled& out);
  Fragmented complete(Datagrams::iterator held, Overlaps overlaps, Reassembled& out);
  bool make_room(uint64_t octets);
  Fragmented refuse(Datagrams::iterator held, Overlaps overlaps, FragmentDrop cause);
  void charge(Datagrams::iterator held, uint64_t octets);
  void discharge(Datagrams::iterator held);
  void remove(Datagrams::iterator held);
  void drop(Datagrams::iterator held, FragmentDrop cause);
  void count(FragmentDrop cause, uint64_t frames) {
    dropped_[static_cast<size_t>(cause)] += frames;
  }

  FragmentLimits limits_;
  Datagrams datagrams_;
  std::map<uint16_t, Holder> holders_;  // by endpoint; those that hold something
  uint64_t held_octets_ = 0;
  std::array<uint64_t, static_cast<size_t>(FragmentDrop::kCount)> dropped_ = {};
};

}  // namespace vethwall::wire
