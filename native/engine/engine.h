// The pure engine: frames and commands in, frames and events out, time as an argument. One instance
// is one shard and is used by one thread. It knows no protocol above TCP and UDP.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/carrier.h"
#include "engine/frame_sink.h"
#include "engine/records.h"
#include "engine/relay.h"
#include "policy/l4_table.h"
#include "wire/marker.h"
#include "wire/neighbour.h"
#include "wire/packet.h"
#include "wire/ticket.h"
#include "wire/tunnel.h"

namespace vethwall::engine {

struct Limits {
  uint32_t flows = 262144;
  uint32_t hold_octets_per_direction = 14000;       // that the judge has read and keeps
  uint32_t unread_octets_per_direction = 2u << 20;  // that it has not read yet
  uint64_t hold_ns = 1'000'000'000;
  uint64_t hold_octets_total = 64ull << 20;
  uint32_t out_of_order_octets = 262144;  // per direction, tap: then a gap is reported
  uint32_t fragment_octets_total = 4u << 20;
  uint32_t fragment_datagrams = 1024;
  uint64_t fragment_ns = 30'000'000'000;
  uint32_t tunnel_depth = 2;  // how many headers deep; 0: tunnels are judged from outside only
  wire::TunnelPorts tunnel_ports = {};
};

enum class EndpointPath : uint8_t { kTap = 0, kInline = 1 };

struct EndpointConfig {
  uint16_t id;
  EndpointPath path;
  Took failure;      // what happens to traffic that can't be judged
  bool strict;       // protect: malformed and non-essential non-IP frames are denied
  bool deliver_all;  // depth `content`: octets events go on after a flow is settled
  // Octets go to the judge until it settles the flow, also where L4 alone allows it; as in tap.
  bool identifies = false;
  // In protect, what the pod sends under another's address is dropped. Lists are sorted.
  bool check_sources = false;
  wire::Mac mac = {};
  std::vector<wire::Address> addresses = {};
  // Strict: who answers DHCP; of a family of which none is named, anybody.
  std::vector<wire::Address> dhcp_servers = {};
  // Of its verdicts in the kernel's flow map: another one for each change of what decides its
  // flows; 0 = none of them is to leave the engine that way.
  uint32_t epoch = 0;
};

struct FrameMeta {
  uint16_t endpoint;
  wire::Toward toward;  // kUnknown (replay): the direction follows from SYN, or from who is first
  uint64_t now_ns;      // CLOCK_MONOTONIC, or the capture's clock
  // The frame is the beginning of a queued packet that is longer: they can't leave as one.
  bool is_beginning = false;
  // Of a frame that the kernel's flow map carried: it tells how the flow ended, and goes nowhere.
  bool is_copy = false;
  // Spread by its addresses and ports as they stand in it: its flow may be another shard's.
  bool is_spread = false;
  // From another shard, which has counted it.
  bool is_relayed = false;
};

// Monotonic counts; each is one cause and has one line in `kCounterNames`.
enum class Counter : uint8_t {
  kFrames,
  kFrameOctets,
  kEmitted,
  kUnknownEndpoint,
  kMalformed,
  kEssential,
  kNotIpDenied,
  kFlowsOpened,
  kFlowsClosed,
  kFlowTableFull,
  kDeniedFrames,
  kMidstreamDenied,
  kHeldOctets /* gauge */,
  kHoldTime,
  kHoldMemory,
  kContradiction,
  kOutOfWindow,
  kOutOfOrderLimit,
  kFragmentsHeld,
  kFragmentsDropped,
  kReassembled,
  kEventsLost,
  kCopiesShed,
  kStaleCommands,
  kResetsSent,
  kIcmpSent,
  kRefusalsSent,
  kHoldFull,       // segments left to be sent again, since their direction holds its limit
  kUrgentCleared,  // RFC 6093 §6: the receiver must not take octets out of the judged stream
  kSpoofedIp,
  kSpoofedArp,
  kSpoofedNd,
  kArpConflicts,  // towards the pod: another claims the pod's address
  kDhcpRefused,   // answers of a server that is not configured
  // Packets of tunnels:
  kTunnelled,         // whose inner packet was taken out
  kTunnelMalformed,   // that carry what can't be read
  kTunnelDepth,       // within more tunnels than are opened
  kTunnelUnjudged,    // inner segments that would have to be changed before they go on
  kTunnelUnanswered,  // denials that the sender could not be told
  kUnacceptable,      // TCP segments that their receiver discards (acceptance.cc)
  kUrgentSeen,  // tap: whether an urgent octet is in the stream is the receiving program's choice
  kCount
};
extern const std::array<const char*, static_cast<size_t>(Counter::kCount)> kCounterNames;

class Engine {
 public:
  // `key` seeds the flow table's hash (SipHash): fresh random octets in the daemon, fixed in tests.
  // `carrier` is null where no flow leaves the engine by a flow map, `relay` where no frame is
  // spread.
  static std::unique_ptr<Engine> create(const Limits&, std::array<uint64_t, 2> key, FrameSink&,
                                        EventSink&, Carrier* carrier = nullptr,
                                        Relay* relay = nullptr);
  virtual ~Engine() = default;
  // Takes effect at once for new flows and for whatever comes of live ones. Those that the L4 table
  // alone now denies are cut here and in rejudge(), the others are re-judged by the judge's
  // commands, which carry the new generation.
  virtual void set_policy(std::shared_ptr<const policy::Table>, uint64_t now_ns) = 0;
  // Some of the flows that no frame has had judged by the policy in force. True while there may be
  // more: call it again soon.
  virtual bool rejudge(uint64_t now_ns) = 0;
  virtual void set_endpoint(const EndpointConfig&, uint64_t now_ns) = 0;
  virtual void remove_endpoint(uint16_t id, uint64_t now_ns) = 0;
  // An allowed frame leaves through FrameSink during this call, or later from command() or tick().
  // A queued packet brings its ticket: it leaves with the frame, or drops the packet. On the tap
  // path the packet always goes on.
  virtual void receive(const FrameMeta&, const wire::VnetHeader&, wire::Frame, wire::Ticket) = 0;
  virtual void command(const CommandHeader&, std::span<const uint8_t> refusal, uint64_t now_ns) = 0;
  // Timers: holds, idle flows, fragments. Call at least every 50 ms.
  virtual void tick(uint64_t now_ns) = 0;
  virtual uint64_t counter(Counter) const = 0;
  virtual uint32_t flows() const = 0;
};

}  // namespace vethwall::engine
