// The fragments of one datagram, kept as the frames that they came in. No two may overlap: RFC 5722
// for IPv6, and the same for IPv4, where receivers differ in which octets they keep.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "wire/packet.h"
#include "wire/ticket.h"

namespace vethwall::wire {

struct HeldFrame {
  VnetHeader vnet;
  std::vector<uint8_t> frame;
  Ticket ticket;
  std::vector<HeldFrame> outer = {};  // of what came out of a tunnel: these go on in its place
};

enum class Overlaps : uint8_t {
  kRefused,  // with all that belongs to the datagram, but for exact repetitions
  kAsLinux,  // what lies within octets that are there is left out, whatever it says; else the
             // datagram begins anew (inet_frag_queue_insert)
};

class FragmentSet {
 public:
  enum class Added : uint8_t {
    kHeld,
    kDuplicate,     // the same octets once more (RFC 8200 §4.5): not kept
    kComplete,      // construct() may be called
    kOverlap,       // other octets for a place that is taken
    kInconsistent,  // two ends, or octets behind the end
  };
  // `packet` is what decode() made of `frame`; it is a fragment. The ticket and `outer` are taken
  // with the frame.
  Added add(const VnetHeader& vnet, Frame frame, const Packet& packet, Ticket& ticket,
            Overlaps overlaps, std::span<HeldFrame> outer = {});

  // The datagram as one frame with the first fragment's Ethernet header and no checksum state: its
  // L4 checksum is there to be verified. False where the whole would exceed 65535 octets, or hides
  // a fragment header within (which Linux refuses: ipv6_frag_rcv, IP6SKB_FRAGMENTED).
  bool construct(std::vector<uint8_t>& frame) const;

  // In the order of arrival.
  const std::vector<HeldFrame>& frames() const { return frames_; }
  // Those that can be sent.
  std::vector<HeldFrame> release();

 private:
  struct Piece {
    uint32_t end;      // in the datagram
    uint32_t data_at;  // in the frame
    size_t frame;      // index of frames_
    uint32_t run;      // where the run begins that it came to extend, as Linux joins fragments
  };
  struct Head {
    size_t frame = 0;
    uint8_t family = 0;
    uint16_t l3_offset = 0;
    uint32_t octets = 0;      // of the frame: up to the IPv4 payload, or to the fragment header
    uint8_t next_header = 0;  // IPv6: what the fragment header named
  };
  std::span<const uint8_t> octets_of(uint32_t from, const Piece& piece) const;
  bool contradicts_end(uint32_t end, bool is_last) const;
  bool overlaps(uint32_t from, uint32_t end) const;
  bool is_within_run(uint32_t from, uint32_t end) const;
  bool repeats(uint32_t from, uint32_t end, std::span<const uint8_t> octets) const;

  std::map<uint32_t, Piece> pieces_;  // by offset in the datagram
  std::vector<HeldFrame> frames_;
  Head head_;
  uint32_t received_ = 0;
  uint32_t total_ = 0;  // 0 while the last fragment is missing
};

}  // namespace vethwall::wire
