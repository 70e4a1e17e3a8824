// What the engine keeps for a flow whose payload somebody still reads. Offsets are octets for TCP
// and datagram indexes for everything else.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "flow/hold_queue.h"
#include "flow/octet_log.h"

namespace vethwall::flow {

inline constexpr uint64_t kWholeDirection = ~uint64_t{0};

struct Range {
  uint64_t from = 0;
  uint64_t to = 0;  // from == to: none
  bool empty() const { return from >= to; }
};

// Octets that few flows ever have: a pointer while there are none.
class RareOctets {
 public:
  void assign(std::span<const uint8_t> octets) {
    octets_ = octets.empty() ? nullptr
                             : std::make_unique<std::vector<uint8_t>>(octets.begin(), octets.end());
  }
  bool empty() const { return octets_ == nullptr; }
  size_t size() const { return octets_ ? octets_->size() : 0; }
  std::span<const uint8_t> all() const {
    return octets_ ? std::span<const uint8_t>(*octets_) : std::span<const uint8_t>();
  }

 private:
  std::unique_ptr<std::vector<uint8_t>> octets_;
};

struct HalfInspection {
  explicit HalfInspection(Budget& budget) : log(budget), held(budget), doubtful(budget) {}

  OctetLog log;            // judged or waiting octets, until delivered and acknowledged
  HoldQueue held;          //
  uint64_t next = 0;       // end of what was taken in sequence
  uint64_t high = 0;       // end of what was taken at all
  uint64_t delivered = 0;  // octets before it were reported, or are skipped
  uint64_t released = 0;   // octets before it may go out
  uint64_t need = 1;       // undelivered octets wanted before the next report
  Range skip;
  uint64_t guard_to = 0;           // the log keeps octets before it until they are acknowledged
  uint64_t fin_at = ~uint64_t{0};  // offset of the sender's FIN, in sequence or not
  uint64_t lost_from = 0;          // octets that the event ring had no room for
  uint64_t lost_octets = 0;
  uint64_t carried_to = 0;  // Inspection::is_body_carried: octets before it may pass unseen
  // Of a SYN that went on: the receiver says whether it took them (RFC 7413 §3).
  RareOctets syn_octets;
  HoldQueue doubtful;  // in tap: taken once the receiver acknowledges it
  // In tap, a FIN that waited, or octets in its place: the receiver's acknowledgement tells which.
  uint64_t doubtful_end = ~uint64_t{0};
  // What the receiver compares the next segment with: the newest time (RFC 7323 §4.3), and how wide
  // a window it was offered at most.
  uint32_t recent_timestamp = 0;
  uint32_t widest_window = 0;
  // Octets of a SYN that went on without them: judged, and not come again from here on.
  uint16_t bare_from = 0;
  uint16_t bare_to = 0;
  bool has_recent = false;
  bool is_embryonic = false;  // it took a SYN's octets, and its handshake isn't whole yet
  bool need_told = false;     // since the last report
  bool ended_told = false;

  // Octets under a released transaction need neither report nor hold. True where that moved `next`.
  bool take_skip() {
    if (skip.empty() || delivered < skip.from || delivered >= skip.to) return false;
    delivered = skip.to;
    next = next > skip.to ? next : skip.to;
    return true;
  }
  void release_to(uint64_t to) {
    released = released > to ? released : to;
    if (!skip.empty() && released >= skip.from && released < skip.to) released = skip.to;
  }
  bool doubts_end() const { return next == doubtful_end; }
  void send_on(uint64_t from, uint64_t to) {
    if (from <= bare_from && to > bare_from)
      bare_from = static_cast<uint16_t>(to < bare_to ? to : bare_to);
  }
  bool lacks_bare(uint64_t acked) const { return bare_from < bare_to && acked < bare_to; }
  // Whatever comes is skipped: nothing of this direction will be reported again.
  bool is_skipped_to_end() const { return skip.to == kWholeDirection && delivered >= skip.from; }
  // Held frames that nothing but the judge keeps back.
  bool awaits_judge() const {
    for (const Held& frame : held.frames())
      if (!frame.passed && frame.from <= next) return true;
    return false;
  }
};

struct Flow;

// Its place in an age list.
struct AgeLink {
  Flow* previous;
  Flow* next;
  uint64_t since_ns;
};

struct Inspection {
  Inspection(Budget& budget, bool guards) : half{HalfInspection(budget), HalfInspection(budget)} {
    for (HalfInspection& one : half) (guards ? one.guard_to : one.released) = kWholeDirection;
  }
  std::array<HalfInspection, 2> half;
  // Null while it is not listed.
  std::unique_ptr<AgeLink> hold;  // payload waits for the judge
  std::unique_ptr<AgeLink> late;  // octets wait for more of them before they are reported
  bool is_body_carried = false;   // the kernel passes octets that the judge skips
};

// There may be very many flows at rest.
static_assert(sizeof(Inspection) <= 376);

}  // namespace vethwall::flow
