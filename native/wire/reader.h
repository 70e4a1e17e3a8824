// The one place where octets from outside are read. Reader bounds a whole header with one
// comparison; a Header is N octets that were bounded so, and its accessors are checked when
// compiled. Nothing else in wire/ indexes what it was given.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace vethwall::wire {

inline uint16_t load_be16(const uint8_t* octets) {
  uint16_t value;
  std::memcpy(&value, octets, sizeof value);
  return __builtin_bswap16(value);
}
inline uint32_t load_be32(const uint8_t* octets) {
  uint32_t value;
  std::memcpy(&value, octets, sizeof value);
  return __builtin_bswap32(value);
}

template <size_t N>
class Header {
 public:
  Header() = default;
  explicit Header(const uint8_t* octets) : octets_(octets) {}
  template <size_t At>
  uint8_t u8() const {
    static_assert(At < N);
    return octets_[At];
  }
  template <size_t At>
  uint16_t be16() const {
    static_assert(At + 2 <= N);
    return load_be16(octets_ + At);
  }
  template <size_t At>
  uint32_t be32() const {
    static_assert(At + 4 <= N);
    return load_be32(octets_ + At);
  }
  // What the kernel hands to processes of its own machine.
  template <typename Integer, size_t At>
  Integer host() const {
    static_assert(At + sizeof(Integer) <= N);
    Integer value;
    std::memcpy(&value, octets_ + At, sizeof value);
    return value;
  }
  template <size_t At, size_t Count, size_t Room>
  void copy(std::array<uint8_t, Room>& out) const {
    static_assert(At + Count <= N && Count <= Room);
    std::memcpy(out.data(), octets_ + At, Count);
  }

 private:
  const uint8_t* octets_ = nullptr;
};

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> octets) : octets_(octets), end_(octets.size()) {}
  size_t at() const { return at_; }
  size_t left() const { return end_ - at_; }
  // Where nothing moves: false. Each of the three moves past what it read.
  template <size_t N>
  bool read(Header<N>& out) {
    if (left() < N) return false;
    out = Header<N>(octets_.data() + at_);
    at_ += N;
    return true;
  }
  bool take(size_t count, std::span<const uint8_t>& out) {
    if (left() < count) return false;
    out = octets_.subspan(at_, count);
    at_ += count;
    return true;
  }
  bool skip(size_t count) {
    if (left() < count) return false;
    at_ += count;
    return true;
  }
  // What is read next, without moving.
  template <size_t N>
  bool peek(Header<N>& out) const {
    if (left() < N) return false;
    out = Header<N>(octets_.data() + at_);
    return true;
  }
  // Nothing behind the next `count` octets is read any more: Ethernet padding behind a datagram.
  bool limit(size_t count) {
    if (left() < count) return false;
    end_ = at_ + count;
    return true;
  }
  std::span<const uint8_t> rest() const { return octets_.subspan(at_, left()); }
  // Any part of what the Reader was made on, cut to what is there.
  std::span<const uint8_t> part(size_t from, size_t count) const {
    const size_t start = std::min(from, octets_.size());
    return octets_.subspan(start, std::min(count, octets_.size() - start));
  }

 private:
  std::span<const uint8_t> octets_;
  size_t at_ = 0;
  size_t end_;
};

}  // namespace vethwall::wire
