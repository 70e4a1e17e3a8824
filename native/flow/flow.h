// One flow of one endpoint.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "engine/records.h"
#include "flow/inspection.h"
#include "flow/key.h"
#include "flow/tcp_half.h"
#include "flow/timers.h"
#include "wire/build.h"

namespace vethwall::flow {

// Of a flow in its table, from 1.
enum class Place : uint32_t { kNone = 0 };

struct TimerLink {
  Flow* previous = nullptr;
  Flow* next = nullptr;
  uint64_t queued_ns = 0;
};

// What happens to a flow's frames; in tap mode, what would happen.
enum class Stance : uint8_t { kUndecided, kForward, kDenied };

// How a settled flow's frames pass without the engine.
enum class Bypass : uint8_t {
  kNone,
  kMark,    // by a connection mark, which counts nothing: what is missed is told by the numbers
  kCarry,   // by the kernel's flow map, which counts
  kFilter,  // by a filter, as kMark; it knows no connection: a SYN waits until it is gone
};

// A SYN with another initial sequence number on a live flow: the receiver answers it with a
// challenge ACK (RFC 9293 §3.10.7.4) or, when it has forgotten the connection, with a SYN-ACK.
struct PendingSyn {
  bool set = false;
  engine::Dir dir = engine::Dir::kOrig;
  uint32_t sequence = 0;
  SynOptions options = {};
  uint16_t window = 0;
};

// The answer that a denied opener got in the receiver's name, kept until it has it.
struct Refusal {
  wire::Built frame;
  uint32_t sequence_after = 0;  // behind its FIN
  uint32_t opener_end = 0;      // behind what the opener is known to have sent
  uint32_t resends_left = 0;
};

// The Ethernet header of one direction; the addresses behind it are the key's.
struct LinkLayer {
  std::array<uint8_t, 6> destination_mac = {};
  std::array<uint8_t, 6> source_mac = {};
  std::array<uint32_t, wire::kMaxVlans> vlan_tags = {};
  uint8_t vlan_count = 0;
};

struct Flow {
  Key key = {};
  uint32_t rule = 0;
  // The flow table's.
  Place next_by_key = Place::kNone;
  Place next_by_id = Place::kNone;
  uint64_t id = 0;
  TimerLink timer;
  // From here the widest first: there may be very many flows.
  uint32_t judged_generation = 0;  // of the policy that allowed it last
  union {                          // by what carries flows here: the kernel's flow map, or filters
    uint32_t carried_packets = 0;  // modulo 2^32, when that was last looked at
    uint32_t settled_octets;       // of frames that came up since it was settled or told as big
  };
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint16_t policy_turn = 0;  // the shard's, when the policy in force was last asked
  PendingSyn pending_syn;
  LinkLayer link;                    // of the opener's frames
  Timer timer_list = Timer::kCount;  // none
  bool orig_is_low = false;
  engine::Start start = engine::Start::kSyn;
  engine::PodSide pod_side = engine::PodSide::kOpener;
  engine::L4Verdict l4 = engine::L4Verdict::kUndecided;
  Stance stance = Stance::kUndecided;
  Bypass bypass = Bypass::kNone;  // frames may pass unseen: only its ends are sure to come here
  bool tap = false;               // the endpoint's path when the flow was last touched
  bool is_closed = false;         // its closed event is out; it stays for its stragglers
  bool is_answered = false;
  bool is_settled = false;  // the judge wants no more octets
  bool event_lost = false;  // the failure setting is due
  std::array<uint64_t, 2> packets = {};
  std::array<uint64_t, 2> octets = {};
  std::array<TcpHalf, 2> tcp = {};
  std::unique_ptr<Inspection> inspection;
  std::unique_ptr<Refusal> refusal;

  uint8_t protocol() const { return key.protocol; }
  uint16_t endpoint() const { return key.endpoint; }
  // It came out of a tunnel: nothing of it can be sent but whole packets of the tunnel.
  bool is_inner() const { return key.tunnel != 0; }
  engine::Dir dir_of(bool source_is_low) const {
    return source_is_low == orig_is_low ? engine::Dir::kOrig : engine::Dir::kReply;
  }
  wire::L3Template along(engine::Dir dir) const {
    wire::L3Template orig = {link.destination_mac, link.source_mac, link.vlan_count,
                             link.vlan_tags,       source(),        destination()};
    return dir == engine::Dir::kOrig ? orig : wire::reversed(orig);
  }
  wire::Address source() const { return address(orig_is_low ? key.low : key.high); }
  wire::Address destination() const { return address(orig_is_low ? key.high : key.low); }

 private:
  wire::Address address(const uint8_t* end) const {
    wire::Address address = {key.family, {}};
    std::copy_n(end, address.octets.size(), address.octets.begin());
    return address;
  }
};

static_assert(sizeof(Flow) <= 288);

}  // namespace vethwall::flow
