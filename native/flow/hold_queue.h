// Frames of one direction that wait: for the judge, for the octets before them, or both. Also
// copies of payload that went past (tap, or already released) and waits for the octets before it.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "flow/budget.h"
#include "wire/fragment_set.h"
#include "wire/packet.h"
#include "wire/ticket.h"

namespace vethwall::flow {

struct Held {
  uint64_t from;  // payload offset in its direction; datagrams: index
  uint64_t to;    // datagrams: index + 1
  bool fin = false;
  bool passed = false;  // `frame` is the payload only, and nothing is left to send
  bool is_sent = false;
  wire::VnetHeader vnet = {};
  wire::Packet packet = {};
  std::vector<uint8_t> frame;
  std::vector<wire::HeldFrame> fragments;  // sent instead of `frame`, which they reassemble to
  wire::Ticket ticket;                     // of `frame`

  std::span<const uint8_t> payload() const {
    return std::span(frame).subspan(packet.payload_offset, packet.payload_octets);
  }
  // Its FIN counted as one, as in sequence numbers.
  uint64_t end() const { return to + (fin ? 1 : 0); }
  uint64_t cost_octets() const;
};

class HoldQueue {
 public:
  explicit HoldQueue(Budget& budget) : budget_(budget) {}
  HoldQueue(const HoldQueue&) = delete;
  HoldQueue& operator=(const HoldQueue&) = delete;
  ~HoldQueue() { clear(); }

  void insert(Held held);
  // Keeps payload that went past as Linux's tcp_data_queue_ofo() does: what an earlier segment
  // covers is dropped, what the new one covers goes, and where two overlap the one that starts
  // first supplies the octets.
  void insert_as_receiver(Held held);
  void erase_front(size_t count);
  void replace(size_t index, Held held);
  void mark_sent(size_t index) { kept_->frames[index].is_sent = true; }
  void erase_sent();
  // Payload that went past and is before `next`.
  void erase_taken(uint64_t next);
  void erase_begun_before(uint64_t at);
  // A FIN counted as one.
  void erase_ended_by(uint64_t at);
  // Frames behind a hole that begins at `next`.
  void erase_waiting(uint64_t next);
  void clear();
  bool agrees(uint64_t at, std::span<const uint8_t> octets) const;
  // Whether unsent frames in the queue hold all of [from, to).
  bool covers(uint64_t from, uint64_t to) const;
  bool has_fin() const;
  // Where the stream ends, or goes on, as Linux had room to merge segments or not: a FIN that a
  // longer one covers is kept where what is before it was merged with it, one within others is not
  // where they were, and what begins behind one is read where it was. None: the highest.
  uint64_t doubtful_end(const Held& held) const;
  // What follows a FIN at `at`, up to `end`, in which it counts; nothing where octets took its
  // place.
  std::vector<uint8_t> behind_fin(uint64_t at, uint64_t end) const;
  // It is none: octets took its place.
  void forget_fin(uint64_t at);
  bool has_unsent() const;
  // As many frames as one direction may keep, however small they are.
  bool is_long() const;
  std::span<const Held> frames() const {
    return kept_ ? std::span<const Held>(kept_->frames) : std::span<const Held>();
  }
  // To send it: its tickets may be taken.
  Held& leaving(size_t index) { return kept_->frames[index]; }
  bool empty() const { return kept_ == nullptr; }
  uint64_t payload_octets() const { return kept_ ? kept_->payload_octets : 0; }

 private:
  // From where on frames up to this one follow each other.
  uint64_t merged_from(size_t index) const;
  template <typename Gone>
  void erase_where(Gone gone);
  void account(const Held& held);
  void discount(const Held& held);
  struct Kept {
    std::vector<Held> frames;  // by `from`; not empty
    uint64_t payload_octets = 0;
  };
  Budget& budget_;
  std::unique_ptr<Kept> kept_;  // null = nothing waits
};

}  // namespace vethwall::flow
