#include "os/ring.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

namespace vethwall::os {
namespace {

constexpr uint32_t kRecordAlign = 8;
constexpr uint32_t kMinCapacityOctets = 4096;
constexpr size_t kKindOffset = 4;
constexpr uint8_t kPad = 0;

uint32_t record_octets(const uint8_t* record) {
  uint32_t octets;
  std::memcpy(&octets, record, sizeof octets);
  return octets;
}

void write_pad(uint8_t* record, uint32_t octets) {
  std::memcpy(record, &octets, sizeof octets);
  record[kKindOffset] = kPad;
}

}  // namespace

Ring::Ring(uint32_t capacity_octets)
    : capacity_(std::bit_ceil(std::max(capacity_octets, kMinCapacityOctets))),
      memory_(static_cast<uint8_t*>(
          std::aligned_alloc(alignof(RingControl), sizeof(RingControl) + capacity_))) {
  if (!memory_) throw std::bad_alloc();
  control_ = new (memory_.get()) RingControl{};
  data_ = memory_.get() + sizeof(RingControl);
}

uint8_t* Ring::reserve(uint32_t octets) {
  const uint32_t written = control_->written.load(std::memory_order_relaxed);
  const uint32_t used = written - control_->read.load(std::memory_order_acquire);
  const uint32_t tail = capacity_ - (written & (capacity_ - 1));
  const uint32_t pad = octets <= tail ? 0 : tail;
  if (octets > capacity_ || octets + pad > capacity_ - used) return nullptr;
  if (pad > 0) write_pad(at(written), pad);
  reserved_end_ = written + pad + octets;
  return at(written + pad);
}

// Sequentially consistent: the caller looks at `flag` next, and the other side stores `flag` before
// it looks here, so one of the two sees the other.
void Ring::commit() { control_->written.store(reserved_end_, std::memory_order_seq_cst); }

bool Ring::empty() const {
  return control_->written.load(std::memory_order_seq_cst) ==
         control_->read.load(std::memory_order_relaxed);
}

std::span<const uint8_t> Ring::peek() {
  uint32_t read = control_->read.load(std::memory_order_relaxed);
  for (;;) {
    const uint32_t left = control_->written.load(std::memory_order_acquire) - read;
    if (left == 0) return {};
    const uint8_t* record = at(read);
    const uint32_t octets = record_octets(record);
    const uint32_t tail = capacity_ - (read & (capacity_ - 1));
    if (octets < kRecordAlign || octets % kRecordAlign != 0 || octets > left || octets > tail) {
      corrupt_octets_ += left;
      read += left;
    } else if (record[kKindOffset] == kPad) {
      read += octets;
    } else {
      peeked_end_ = read + octets;
      return {record, octets};
    }
    control_->read.store(read, std::memory_order_release);
  }
}

void Ring::consume() { control_->read.store(peeked_end_, std::memory_order_release); }

}  // namespace vethwall::os
