// The log of judged octets, the queue of held frames, and one TCP direction.
#include <string>
#include <string_view>

#include "flow/inspection.h"
#include "flow/tcp_half.h"
#include "test/tap.h"

using namespace vethwall;
using namespace flow;

namespace {

std::span<const uint8_t> octets(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string text(const OctetLog& log, uint64_t at, size_t count) {
  std::string out(count, '?');
  log.copy(at, {reinterpret_cast<uint8_t*>(out.data()), count});
  return out;
}

Held held(uint64_t from, std::string_view payload, bool passed = false) {
  Held one = {};
  one.from = from;
  one.to = from + payload.size();
  one.passed = passed;
  one.frame.assign(payload.begin(), payload.end());
  one.packet.payload_octets = static_cast<uint32_t>(payload.size());
  return one;
}

}  // namespace

TEST(log_compares_what_it_holds_and_gives_back) {
  Budget budget{1000};
  {
    OctetLog log(budget);
    log.append(0, octets("abcdef"));
    log.append(6, octets("ghi"));
    log.append(20, octets("uvw"));  // behind a skipped range
    CHECK_EQ(budget.used_octets, 12u);
    CHECK(log.agrees(0, octets("abcdefghi")));
    CHECK(log.agrees(7, octets("hi???????????uvwxyz")));
    CHECK(!log.agrees(7, octets("hX")));
    CHECK(!log.agrees(19, octets("?uX")));
    CHECK_EQ(text(log, 4, 4), "efgh");
    CHECK_EQ(log.end(), 23u);
    log.trim(8);
    CHECK_EQ(log.octets(), 12u);
    log.trim(9);
    CHECK_EQ(log.octets(), 3u);
    CHECK_EQ(budget.used_octets, 3u);
  }
  CHECK_EQ(budget.used_octets, 0u);
}

TEST(queue_keeps_order_and_accounts) {
  Budget budget{100000};
  HoldQueue queue(budget);
  queue.insert(held(5, "fgh"));
  queue.insert(held(0, "abc"));
  queue.insert(held(3, "de"));
  CHECK_EQ(queue.frames()[0].from, 0u);
  CHECK_EQ(queue.payload_octets(), 8u);
  CHECK(queue.covers(0, 8) && queue.covers(2, 4) && !queue.covers(0, 9));
  CHECK(queue.agrees(1, octets("bcdefghijk")) && !queue.agrees(1, octets("bcdX")));
  queue.mark_sent(0);
  queue.erase_sent();
  CHECK(!queue.covers(0, 8) && queue.covers(3, 8));
  queue.erase_waiting(4);
  CHECK_EQ(queue.frames().size(), 1u);
  queue.clear();
  CHECK_EQ(budget.used_octets, 0u);
  CHECK_EQ(queue.payload_octets(), 0u);
}

TEST(copies_are_kept_as_the_receiver_keeps_them) {
  Budget budget{100000};
  HoldQueue queue(budget);
  queue.insert_as_receiver(held(4, "aaaa", true));
  queue.insert_as_receiver(held(5, "bb", true));
  CHECK_EQ(queue.frames().size(), 1u);
  queue.insert_as_receiver(held(4, "BBBBBBBB", true));
  CHECK_EQ(queue.frames().size(), 1u);
  CHECK_EQ(queue.frames()[0].to, 12u);
  queue.insert_as_receiver(held(2, "cccc", true));
  CHECK_EQ(queue.frames().size(), 2u);
  CHECK(!queue.has_unsent() && !queue.covers(4, 5));
  queue.erase_taken(6);
  CHECK_EQ(queue.frames().size(), 1u);
}

TEST(offsets_survive_wrapping) {
  TcpHalf half;
  half.start(0xfffffff0);
  CHECK_EQ(half.offset_of(0xffffffef), -1);
  CHECK_EQ(half.offset_of(0x10), 32);
  for (uint64_t end = 0; end < uint64_t{5} << 32; end += 1u << 30) {
    half.send_to(end, false);
    half.acknowledge(half.sequence_of(end), 1000);
    CHECK_EQ(half.acked, end);
  }
  CHECK(half.acknowledges_unsent(half.sequence_of(half.sent + 1)));
  half.send_to(half.sent, true);
  CHECK(!half.is_fin_acked());
  half.acknowledge(half.sequence_of(half.sent), 0);
  CHECK(half.is_fin_acked());
}

TEST(skip_moves_on_only_where_delivery_has_come) {
  Budget budget{1000};
  HalfInspection half(budget);
  half.next = half.delivered = 10;
  half.skip = {20, 30};
  CHECK(!half.take_skip());
  half.next = 25;
  half.delivered = 20;
  CHECK(half.take_skip());
  CHECK_EQ(half.delivered, 30u);
  CHECK_EQ(half.next, 30u);
  half.release_to(19);
  CHECK_EQ(half.released, 19u);
  half.release_to(20);
  CHECK_EQ(half.released, 30u);
}

TAP_MAIN()
