// wire/missed_ids.h: which packets of a queue never came.
#include "test/tap.h"
#include "wire/missed_ids.h"

using vethwall::wire::MissedIds;

namespace {

TEST(gaps_are_counted) {
  MissedIds ids;
  for (const uint32_t id : {1u, 2u, 5u, 6u, 10u}) ids.came(id);
  CHECK_EQ(ids.count(), 5u);
}

TEST(before_the_first_packet) {
  MissedIds ids;
  ids.came(4);
  CHECK_EQ(ids.count(), 3u);
}

TEST(behind_the_last_packet) {
  MissedIds ids;
  ids.came(3);
  ids.none_until(7);
  CHECK_EQ(ids.count(), 6u);
  // Told again, or too late, it is nothing new.
  ids.none_until(7);
  ids.none_until(2);
  ids.came(8);
  CHECK_EQ(ids.count(), 6u);
}

TEST(ids_wrap) {
  MissedIds ids;
  // As far as a gap can be told from a step back, and so to the end.
  ids.came(0x7fffffff);
  ids.came(0xfffffffe);
  const uint64_t before = ids.count();
  CHECK_EQ(before, 0x7ffffffeull + 0x7ffffffe);
  // 0xffffffff, 0 and 1 never came.
  ids.came(2);
  CHECK_EQ(ids.count() - before, 3u);
  ids.none_until(4);
  CHECK_EQ(ids.count() - before, 5u);
  ids.came(5);
  CHECK_EQ(ids.count() - before, 5u);
}

}  // namespace

TAP_MAIN()
