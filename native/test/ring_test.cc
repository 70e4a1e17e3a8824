// os/ring.h: order, wrapping, fullness, and two threads at once.
#include "os/ring.h"

#include <cstring>
#include <thread>

#include "test/tap.h"

using vethwall::os::Ring;

namespace {

constexpr uint32_t kCapacity = 4096;

bool put(Ring& ring, uint32_t octets, uint32_t value) {
  uint8_t* record = ring.reserve(octets);
  if (record == nullptr) return false;
  std::memset(record, 0, octets);
  std::memcpy(record, &octets, 4);
  record[4] = 1;
  std::memcpy(record + 8, &value, 4);
  ring.commit();
  return true;
}

// 0 = there is none; values begin at 1.
uint32_t take(Ring& ring) {
  const std::span<const uint8_t> record = ring.peek();
  if (record.empty()) return 0;
  uint32_t value;
  std::memcpy(&value, record.data() + 8, 4);
  ring.consume();
  return value;
}

TEST(a_record_is_seen_after_commit) {
  Ring ring(kCapacity);
  CHECK(ring.empty());
  CHECK(ring.reserve(16) != nullptr);
  CHECK(ring.peek().empty());
  CHECK(put(ring, 16, 7));
  CHECK(!ring.empty());
  CHECK_EQ(ring.peek().size(), 16u);
  CHECK_EQ(take(ring), 7u);
  CHECK(ring.empty());
}

TEST(full_is_full_and_room_returns) {
  Ring ring(kCapacity);
  uint32_t count = 0;
  while (put(ring, 256, count + 1)) count++;
  CHECK_EQ(count, kCapacity / 256);
  CHECK(ring.reserve(8) == nullptr);
  CHECK_EQ(take(ring), 1u);
  CHECK(put(ring, 256, 99));
  CHECK(ring.reserve(kCapacity + 8) == nullptr);
}

TEST(no_record_wraps) {
  Ring ring(kCapacity);
  uint32_t written = 0;
  uint32_t read = 0;
  for (uint32_t i = 0; i < 10000; i++) {
    const uint32_t octets = 16 + (i * 8) % 1000 / 8 * 8;
    while (!put(ring, octets, written + 1)) CHECK_EQ(take(ring), ++read);
    written++;
  }
  while (read < written) CHECK_EQ(take(ring), ++read);
  CHECK(ring.empty());
  CHECK_EQ(ring.corrupt_octets(), 0u);
}

TEST(what_is_no_record_is_passed_over) {
  Ring ring(kCapacity);
  for (const uint32_t stated : {0u, 4u, 12u, 1u << 30}) {
    CHECK(put(ring, 16, 1));
    uint8_t* first = ring.memory().data() + sizeof(vethwall::os::RingControl);
    std::memcpy(first + (ring.control().read & (kCapacity - 1)), &stated, 4);
    CHECK(ring.peek().empty());
    CHECK(ring.empty());
  }
  CHECK_EQ(ring.corrupt_octets(), 64u);
  CHECK(put(ring, 16, 5));
  CHECK_EQ(take(ring), 5u);
}

TEST(two_threads) {
  Ring ring(kCapacity);
  constexpr uint32_t kRecords = 200000;
  std::thread producer([&] {
    for (uint32_t value = 1; value <= kRecords;) {
      if (put(ring, 16 + value % 16 * 8, value)) {
        value++;
      } else {
        std::this_thread::yield();
      }
    }
  });
  uint32_t wrong = 0;
  for (uint32_t expected = 1; expected <= kRecords;) {
    const uint32_t value = take(ring);
    if (value == 0) {
      std::this_thread::yield();
    } else if (value != expected++) {
      wrong++;
    }
  }
  producer.join();
  CHECK_EQ(wrong, 0u);
}

}  // namespace

TAP_MAIN()
