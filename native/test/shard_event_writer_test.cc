// Events in a ring that nobody reads, or somebody late.
#include <cstring>

#include "shard/event_writer.h"
#include "test/tap.h"

using namespace vethwall;

namespace {

constexpr uint32_t kRecordOctets = 4096;

void write(shard::EventWriter& writer) {
  uint8_t* record = writer.reserve(kRecordOctets);
  CHECK(record != nullptr);
  if (record == nullptr) return;
  std::memcpy(record, &kRecordOctets, sizeof kRecordOctets);
  record[4] = 1;
  writer.commit();
}

void wait(uint64_t ns) {
  const uint64_t until = shard::monotonic_ns() + ns;
  while (shard::monotonic_ns() < until) {
  }
}

}  // namespace

TEST(the_reader_is_behind_when_it_has_left_much_for_long) {
  os::Ring ring(1 << 20);
  shard::EventWriter writer(ring);
  for (int i = 0; i < 20; ++i) write(writer);
  CHECK(!writer.is_behind());
  wait(110'000'000);
  CHECK(writer.is_behind());
  for (int i = 0; i < 16; ++i) {
    ring.peek();
    ring.consume();
  }
  CHECK(!writer.is_behind());
}

TEST(the_reader_of_little_is_not_behind) {
  os::Ring ring(1 << 20);
  shard::EventWriter writer(ring);
  write(writer);
  wait(110'000'000);
  CHECK(!writer.is_behind());
}

TEST(positions_may_run_over) {
  os::Ring ring(1 << 20);
  ring.control().written = 0xffff0000;
  ring.control().read = 0xffff0000;
  shard::EventWriter writer(ring);
  for (int i = 0; i < 40; ++i) write(writer);
  wait(110'000'000);
  CHECK(writer.is_behind());
  while (!ring.peek().empty()) ring.consume();
  CHECK(!writer.is_behind());
}

TAP_MAIN()
