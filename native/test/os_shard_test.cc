// shard/shard.h: what it does to frames, events, commands and the heartbeat.
#include "os/fault.h"
#include "shard/shard.h"
#include "test/os_shard_bench.h"
#include "test/tap.h"

namespace engine = vethwall::engine;
namespace wire = vethwall::wire;
using vethwall::os::PacketSocket;
using vethwall::shard::ShellCounter;
using vethwall::test::Bench;
using vethwall::test::marked_frame;
using vethwall::test::now_ns;
using vethwall::test::until;
using vethwall::wire::VnetHeader;

namespace {

VnetHeader gso_tcp4(uint16_t head_octets, uint16_t csum_start) {
  return {wire::kNeedsCsum, wire::kGsoTcp4, head_octets, 1448, csum_start, 16};
}

TEST(frames_come_back_whole) {
  Bench bench;
  bench.shard->start();
  for (const bool copies : {false, true}) {
    bench.echo->copies = copies;
    for (const size_t octets : {size_t{60}, size_t{1514}, size_t{9000}, size_t{65535}}) {
      VnetHeader vnet = {};
      const std::vector<uint8_t> frame = marked_frame(octets);
      bench.send({}, frame);
      CHECK(bench.next(vnet) == frame);
    }
  }
}

TEST(gso_frame_with_partial_checksum_is_carried_whole) {
  Bench bench;
  bench.shard->start();
  const std::vector<uint8_t> frame = marked_frame(54 + 40000);
  const VnetHeader sent = gso_tcp4(54, 34);
  bench.send(sent, frame);
  VnetHeader got = {};
  CHECK(bench.next(got) == frame);
  CHECK_EQ(got.flags, sent.flags);
  CHECK_EQ(got.gso_type, sent.gso_type);
  CHECK_EQ(got.gso_size, sent.gso_size);
  CHECK_EQ(got.csum_start, sent.csum_start);
  CHECK_EQ(got.csum_offset, sent.csum_offset);
  CHECK_EQ(got.hdr_len, sent.hdr_len);
}

TEST(vlan_tag_is_in_band_both_ways) {
  Bench bench;
  bench.shard->start();
  std::vector<uint8_t> frame = marked_frame(54 + 40000);
  const std::array<uint8_t, 4> tag = {0x81, 0x00, 0x20, 0x64};
  frame.insert(frame.begin() + 12, tag.begin(), tag.end());
  bench.send(gso_tcp4(58, 38), frame);
  VnetHeader got = {};
  CHECK(bench.next(got) == frame);
  CHECK_EQ(got.csum_start, 38);
  CHECK_EQ(got.hdr_len, 58);
  CHECK_EQ(got.gso_size, 1448);
}

TEST(what_carries_no_marker_is_counted) {
  Bench bench;
  bench.shard->start();
  std::vector<uint8_t> frame = marked_frame(60);
  frame[0] = 0x02;
  bench.send({}, frame);
  CHECK(until([&] { return bench.shell(ShellCounter::kUnmarked) == 1; }));
}

TEST(many_frames_one_wake_up) {
  Bench bench;
  bench.shard->start();
  const std::vector<uint8_t> frame = marked_frame(200);
  for (int i = 0; i < 1000; i++) bench.peer->send({}, frame);
  bench.peer->flush();
  CHECK(until([&] { return bench.shard->counters()[0] == 1000; }));
  CHECK_EQ(bench.wakes.load(), 1u);
  vethwall::os::Ring& events = bench.shard->events();
  engine::EventHeader first;
  std::memcpy(&first, events.peek().data(), sizeof first);
  CHECK_EQ(first.flow, 1u);
  CHECK_EQ(first.endpoint, 5);
  uint32_t count = 0;
  for (; !events.peek().empty(); events.consume()) count++;
  CHECK_EQ(count, 1000u);
  events.control().flag = 0;
  bench.send({}, frame);
  CHECK(until([&] { return bench.wakes == 2; }));
}

TEST(commands_reach_a_sleeping_engine) {
  Bench bench;
  bench.shard->start();
  vethwall::os::Ring& ring = bench.shard->commands();
  CHECK(until([&] { return ring.control().flag == 1; }));
  engine::CommandHeader header = {};
  header.octets = sizeof header + 8;
  header.kind = engine::CommandKind::kDeny;
  header.flow = 9;
  header.refusal_octets = 3;
  std::memcpy(ring.reserve(header.octets), &header, sizeof header);
  ring.commit();
  bench.shard->wake_thread();
  CHECK(until([&] { return bench.echo->commands == 1; }));
  CHECK_EQ(bench.echo->last_command.flow, 9u);
  CHECK_EQ(bench.echo->refusal_octets, 3u);
  header.refusal_octets = 9;
  std::memcpy(ring.reserve(header.octets), &header, sizeof header);
  ring.commit();
  bench.shard->wake_thread();
  CHECK(until([&] { return bench.shell(ShellCounter::kCorruptCommands) == 1; }));
}

TEST(actions_are_acknowledged) {
  Bench bench;
  int ran = 0;
  CHECK_EQ(bench.shard->post([&](engine::Engine&, uint64_t) { ran++; }), 1u);
  CHECK_EQ(ran, 1);
  CHECK_EQ(bench.shard->acknowledged().size(), 1u);
  CHECK_EQ(bench.shard->flows(), 3u);
  bench.shard->start();
  CHECK_EQ(bench.shard->post([&](engine::Engine&, uint64_t) { ran++; }), 2u);
  CHECK(until([&] { return bench.shard->acknowledged() == std::vector<uint32_t>{2}; }));
  CHECK_EQ(ran, 2);
}

TEST(heartbeat_runs_with_the_thread) {
  Bench bench;
  CHECK_EQ(bench.heartbeat(), 0u);
  bench.shard->start();
  CHECK(until([&] { return bench.heartbeat() != 0; }));
  const uint64_t first = bench.heartbeat();
  CHECK(until([&] { return bench.heartbeat() > first + 100'000'000; }));
  CHECK(now_ns() - bench.heartbeat() < 100'000'000);
  bench.shard->stop();
  CHECK_EQ(bench.heartbeat(), 0u);
}

TEST(after_a_stall_what_is_queued_is_old) {
  Bench bench;
  bench.shard->start();
  bench.echo->rest_ns = 600'000'000;
  bench.send({}, marked_frame(60));
  CHECK(until([&] { return bench.echo->rest_ns == 0; }));
  for (int i = 0; i < 5; i++) bench.send({}, marked_frame(100));
  VnetHeader vnet = {};
  CHECK_EQ(bench.next(vnet).size(), 60u);
  CHECK(until([&] { return bench.shell(ShellCounter::kStalls) == 1; }));
  CHECK_EQ(bench.shell(ShellCounter::kStallDiscarded), 5u);
  bench.send({}, marked_frame(70));
  CHECK_EQ(bench.next(vnet).size(), 70u);
}

TEST(a_device_that_goes_and_returns) {
  Bench bench;
  bench.shard->start();
  VnetHeader vnet = {};
  bench.send({}, marked_frame(60));
  CHECK_EQ(bench.next(vnet).size(), 60u);
  for (const bool is_new : {false, true}) {
    const uint64_t before = bench.shell(ShellCounter::kBoundAgain);
    bench.link(is_new ? "del vth0" : "set vth0 down");
    CHECK(until([&] { return now_ns() - bench.heartbeat() > 200'000'000; }));
    if (is_new) {
      bench.add_pair();
    } else {
      bench.set_up();
    }
    CHECK(until([&] { return now_ns() - bench.heartbeat() < 100'000'000; }));
    bench.send({}, marked_frame(80));
    CHECK_EQ(bench.next(vnet).size(), 80u);
    CHECK(until([&] { return bench.shell(ShellCounter::kBoundAgain) == before + 1; }));
  }
}

// Of the whole process, whose other threads sleep meanwhile.
uint64_t cpu_ns() {
  timespec used;
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(used.tv_nsec);
}

TEST(without_its_device_a_shard_sleeps) {
  for (const char* how : {"set vth0 down", "del vth0"}) {
    Bench bench;
    bench.shard->start();
    CHECK(until([&] { return bench.heartbeat() != 0; }));
    bench.link(how);
    CHECK(until([&] { return now_ns() - bench.heartbeat() > 100'000'000; }));
    const uint64_t before_ns = cpu_ns();
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    CHECK(cpu_ns() - before_ns < 100'000'000);
  }
}

TEST(a_device_that_is_not_there) {
  int error = 0;
  try {
    const PacketSocket socket(-1, "vt-none");
  } catch (const vethwall::os::Fault& fault) {
    error = fault.error;
  }
  CHECK_EQ(error, ENODEV);
}

}  // namespace

TAP_MAIN()
