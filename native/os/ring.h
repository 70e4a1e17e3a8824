// A single-producer, single-consumer ring of records in memory that JavaScript sees as an
// ArrayBuffer; src/dpd/engine/ring.ts is the other end. Records are multiples of 8 octets, begin
// with their own length as a host-order uint32 and never wrap: a record of kind 0 fills the tail.
// Positions run free over 2^32; `flag` is 1 while the other side needs no wake-up (event ring: it
// has one under way) or asks for one (command ring: it sleeps).
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

namespace vethwall::os {

// A cache line each: both ends write at the same time. JavaScript finds them at words 0, 16, 32.
struct RingControl {
  alignas(64) std::atomic<uint32_t> written;
  alignas(64) std::atomic<uint32_t> read;
  alignas(64) std::atomic<uint32_t> flag;
};
static_assert(sizeof(RingControl) == 192);
static_assert(std::atomic<uint32_t>::is_always_lock_free);

class Ring {
 public:
  // `capacity_octets` is raised to a power of two.
  explicit Ring(uint32_t capacity_octets);

  // Producer. nullptr = no room. The record is visible after commit(); one at a time.
  uint8_t* reserve(uint32_t octets);
  void commit();

  // Consumer: the next record, empty = none. Valid until consume().
  std::span<const uint8_t> peek();
  void consume();
  bool empty() const;

  RingControl& control() { return *control_; }
  // Control block and data, in one piece.
  std::span<uint8_t> memory() { return {memory_.get(), sizeof(RingControl) + capacity_}; }
  // Octets that no peek() understood and that were passed over.
  uint64_t corrupt_octets() const { return corrupt_octets_; }

 private:
  struct Free {
    void operator()(uint8_t* memory) const { std::free(memory); }
  };
  uint8_t* at(uint32_t position) { return data_ + (position & (capacity_ - 1)); }

  uint32_t capacity_;
  std::unique_ptr<uint8_t[], Free> memory_;
  RingControl* control_;
  uint8_t* data_;
  uint32_t reserved_end_ = 0;
  uint32_t peeked_end_ = 0;
  uint64_t corrupt_octets_ = 0;
};

}  // namespace vethwall::os
