// One differential case: what the scripted peer, the kernel's program and the judge do, step by
// step. Everything is a number, so that a failing case can be kept as text and made smaller.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vethwall::differential {

// Who opens: the scripted peer, towards a listening socket, or the kernel, with connect(2).
enum class Opener : uint8_t { kPeer, kKernel };

enum class Judge : uint8_t {
  kHold,    // undecided: each report is released after some steps
  kSettle,  // undecided until `settle_octets` were reported, then settled and still read
  kAllow,   // allowed by L4, read all the same
  kTap,     // the engine sees copies
  kCount
};

enum class StepKind : uint8_t {
  kSegment,
  kWrite,     // the kernel's program sends `octets`
  kPause,     // it reads no more
  kResume,    //
  kShutdown,  // it has no more to send
  kAbort,     // it closes with a reset
  kClose,     // it closes
  kRelease,   // the judge catches up
  kPass,      // engine time, `octets` in ms
  kRenumber,  // the peer's later segments belong to an initial sequence number `at` further on
  kConnect,   // the kernel opens
  kCount
};

enum class Options : uint8_t {
  kNone,
  kUsual,           // of a SYN: maximum segment size, window scale, SACK
  kTimestamp,       // and a fresh time
  kOldTimestamp,    // RFC 7323 §5: PAWS refuses it
  kFarTimestamp,    // far ahead: what follows is old
  kMd5,             // RFC 2385; the socket has no key
  kAuthentication,  // RFC 5925
  kCutShort,        // a length beyond the header
  kFastOpen,        // RFC 7413: asks for a cookie
  kFalseCookie,     // RFC 7413: has one that the kernel never gave
  kCount
};

enum class Damage : uint8_t { kNone, kChecksum, kDataOffset, kIpChecksum, kIpLength, kCount };

enum class Carriage : uint8_t {
  kWhole,
  kInOrder,  // fragments of `fragment_octets`
  kReversed,
  kDuplicate,      // each twice
  kOtherTwin,      // each twice, the second with other octets
  kOverlap,        // each begins 8 octets early, with other octets
  kTinyFirst,      // the first holds 8 octets: not even the TCP header
  kLateMiddle,     // the second comes last
  kNoEnd,          // the last never comes
  kOverlapThenOk,  // overlapping ones, then all again under the same identification
  kAtomic,         // IPv6: a fragment header, and no other fragment (RFC 6946)
  kOptions,        // IPv4 options, or an IPv6 hop-by-hop header
  kPadded,         // octets behind the datagram
  kCount
};

struct Step {
  StepKind kind = StepKind::kSegment;
  int64_t at = 0;            // offset in the peer's stream; its first octet is 0
  uint32_t octets = 0;       //
  uint32_t fill = 0;         // 0: the peer's true octets, else others
  uint8_t flags = 0;         // of TCP
  int64_t acknowledges = 0;  // beyond what the kernel sent: 0 is all of it
  uint16_t window = 65535;   //
  uint16_t urgent = 0;       //
  uint32_t fragment = 8;     // octets of one
  Options options = Options::kNone;
  Damage damage = Damage::kNone;
  Carriage carriage = Carriage::kWhole;
};

struct Case {
  uint64_t seed = 0;  // of the judge's delays
  uint8_t family = 4;
  Opener opener = Opener::kPeer;
  Judge judge = Judge::kHold;
  uint32_t settle_octets = 0;
  std::vector<Step> steps;
};

Case generate(uint64_t seed);

// Whether the peer says that its stream ends there.
bool has_end_at(const Case& one, int64_t at);
bool is_stamped(const Case& one);

// One line for the case and one for each step.
std::string text_of(const Case& one);
// Empty where it is none.
std::optional<Case> case_of(const std::string& text);

// splitmix64: the same numbers everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(next() % limit); }
  bool one_in(uint32_t n) { return below(n) == 0; }

 private:
  uint64_t state_;
};

}  // namespace vethwall::differential
