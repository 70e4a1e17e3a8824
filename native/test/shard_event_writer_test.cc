// Events in a ring that nobody reads, or somebody late; which of them wake their reader.
#include <cstring>

#include "engine/records.h"
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

bool is_due(const shard::EventWriter& writer) {
  return writer.rests_ns(shard::monotonic_ns()) == 0;
}

// Whether it wakes the reader of an empty ring at once.
bool wakes(engine::EventKind kind, engine::L4Verdict l4 = engine::L4Verdict::kUndecided,
           engine::Start start = engine::Start::kSyn) {
  os::Ring ring(1 << 20);
  shard::EventWriter writer(ring);
  engine::EventHeader header{};
  header.octets = sizeof header;
  header.kind = kind;
  header.c = static_cast<uint8_t>(l4);
  header.d = static_cast<uint8_t>(start);
  uint8_t* record = writer.reserve(sizeof header);
  if (record == nullptr) return false;
  std::memcpy(record, &header, sizeof header);
  writer.commit();
  return is_due(writer);
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

TEST(what_may_let_something_go_on_wakes_the_reader) {
  using Kind = engine::EventKind;
  for (const Kind kind : {Kind::kOctets, Kind::kGap, Kind::kHoldEnded, Kind::kBig, Kind::kRecall})
    CHECK(wakes(kind));
  for (const Kind kind : {Kind::kClosed, Kind::kLost, Kind::kSpoofed}) CHECK(!wakes(kind));
  using L4 = engine::L4Verdict;
  using Start = engine::Start;
  CHECK(!wakes(Kind::kOpened, L4::kAllow, Start::kDatagram));
  CHECK(!wakes(Kind::kOpened, L4::kUndecided, Start::kSyn));
  CHECK(wakes(Kind::kOpened, L4::kUndecided, Start::kDatagram));
  CHECK(wakes(Kind::kOpened, L4::kUndecided, Start::kMidstream));
}

TEST(what_nobody_waits_for_rests_a_while) {
  os::Ring ring(1 << 20);
  shard::EventWriter writer(ring);
  write(writer);
  CHECK(!is_due(writer));
  wait(5'000'000);
  CHECK(is_due(writer));
  writer.told();
  CHECK(!is_due(writer));
  for (int i = 0; i < 100; ++i) write(writer);
  CHECK(is_due(writer));
}

TAP_MAIN()
