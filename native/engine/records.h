// Packed records of the two rings between engine and JavaScript; the decoded form is
// src/core/inspect/contract.ts. All integers are host order (both ends are one process), records
// start on multiples of 8 octets and `octets` counts the whole record with its padding.
#pragma once
#include <cstdint>

namespace vethwall::engine {

enum class EventKind : uint8_t {
  kPad = 0,  // fills the ring's tail before it wraps
  kOpened = 1,
  kOctets = 2,
  kGap = 3,
  kHoldEnded = 4,
  kClosed = 5,
  kLost = 6,
  kSpoofed = 7,  // of an endpoint, not of a flow
  kBig = 8,      // a filter may carry the flow from here on
  kRecall = 9,   // no filter may carry it any more
};
enum class Dir : uint8_t { kOrig = 0, kReply = 1 };
enum class L4Verdict : uint8_t { kUndecided = 0, kAllow = 1, kDeny = 2 };
enum class Start : uint8_t { kSyn = 0, kDatagram = 1, kMidstream = 2 };
enum class PodSide : uint8_t { kOpener = 0, kReceiver = 1 };
enum class GapCause : uint8_t { kMidstream = 0, kLost = 1, kMemory = 2, kOutOfOrderLimit = 3 };
enum class HoldCause : uint8_t { kTime = 0, kMemory = 1 };
enum class Took : uint8_t { kOpen = 0, kClosed = 1 };
// What a pod claimed that is not its own.
enum class Spoof : uint8_t { kIp = 0, kArp = 1, kNd = 2 };
enum class Closed : uint8_t { kFin = 0, kRst = 1, kIdle = 2, kEvicted = 3, kDenied = 4 };

// 40 octets; what a, b, c, d mean depends on kind.
struct EventHeader {
  uint32_t octets;    // of the record, header and padding included
  EventKind kind;     //
  Dir dir;            // octets, gap, holdEnded
  uint16_t endpoint;  //
  uint64_t flow;      //
  uint64_t at;        // octets, gap, holdEnded; lost: number of events | spoofed: of frames
  uint32_t a;  // octets: payload octets that follow | gap: octets | opened: generation | big: epoch
  uint32_t b;  // octets: bit 0 ended, bit 1 held | opened: rule id
  uint8_t c;   // gap, holdEnded: cause | closed: how | opened: L4Verdict | spoofed: Spoof
  uint8_t d;   // holdEnded: took | opened: Start
  uint8_t e;   // opened, big: PodSide
  uint8_t tunnel;  // opened: wire::TunnelKind; where it is not 0, a TunnelBody follows the other
  uint32_t rule;   // closed: the last rule that judged the flow, 0 = none
};
static_assert(sizeof(EventHeader) == 40);

// Follows the header of kOpened and kBig.
struct OpenedBody {
  uint8_t family;    // 4 or 6
  uint8_t protocol;  // IPPROTO_*
  uint16_t vlan;
  uint16_t source_port;       // host order
  uint16_t destination_port;  // host order
  uint8_t source[16];         // IPv4 in the first 4
  uint8_t destination[16];
};
static_assert(sizeof(OpenedBody) == 40);

// Follows the OpenedBody of what came out of a tunnel.
struct TunnelBody {
  uint32_t id;     // VNI or GRE key
  uint8_t family;  // of the tunnel's other end
  uint8_t pad[3];
  uint8_t peer[16];
};
static_assert(sizeof(TunnelBody) == 24);

// Follows the header of kClosed.
struct ClosedBody {
  uint64_t packets[2];  // orig, reply
  uint64_t octets[2];
};
static_assert(sizeof(ClosedBody) == 32);

enum class CommandKind : uint8_t {
  kPad = 0,
  kNeed = 1,
  kSkip = 2,
  kRelease = 3,
  kDeny = 4,
  kSettle = 5,
  kRecalled = 6  // no filter carries the flow any more; whatever the policy
};
enum class Answer : uint8_t { kReset = 0, kIcmp = 1, kRefusal = 2 };
enum class Then : uint8_t { kClose = 0, kContinue = 1 };
inline constexpr uint64_t kToEnd = ~uint64_t{0};

// 48 octets; a refusal's octets follow.
struct CommandHeader {
  uint32_t octets;  // of the record, header and padding included
  CommandKind kind;
  Dir dir;
  Answer answer;  // deny
  Then then;      // deny
  uint64_t flow;
  uint64_t at;     // skip: from | release: upTo | deny: from | need: where `count` begins, or 0
  uint64_t count;  // need: octets | skip: octets or kToEnd
  uint32_t generation;
  uint32_t rule;
  uint32_t verdict;  // settle: 1 allow, 2 deny
  uint32_t refusal_octets;
};
static_assert(sizeof(CommandHeader) == 48);

}  // namespace vethwall::engine
