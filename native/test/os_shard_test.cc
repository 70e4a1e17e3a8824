// shard/shard.h over a real veth pair, with an engine that sends back what it gets.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/records.h"
#include "os/fault.h"
#include "os/mount.h"
#include "os/netns.h"
#include "shard/shard.h"
#include "test/tap.h"

using vethwall::os::Fd;
using vethwall::os::PacketSocket;
using vethwall::os::ReceivedFrame;
using vethwall::shard::Options;
using vethwall::shard::Shard;
using vethwall::shard::ShellCounter;
using vethwall::wire::VnetHeader;
namespace engine = vethwall::engine;
namespace wire = vethwall::wire;

namespace {

uint64_t now_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

template <typename Condition>
bool until(Condition condition) {
  const uint64_t deadline = now_ns() + 5'000'000'000;
  while (!condition()) {
    if (now_ns() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class Echo final : public engine::Engine {
 public:
  Echo(engine::FrameSink& frames, engine::EventSink& events) : frames_(frames), events_(events) {}
  void set_policy(std::shared_ptr<const vethwall::policy::Table>, uint64_t) override {}
  void set_endpoint(const engine::EndpointConfig&, uint64_t) override {}
  void remove_endpoint(uint16_t, uint64_t) override {}
  void receive(const engine::FrameMeta& meta, const VnetHeader& vnet, wire::Frame frame) override {
    const uint64_t resume_ns = now_ns() + rest_ns;
    rest_ns = 0;
    while (now_ns() < resume_ns) std::this_thread::yield();
    if (copies) {
      const std::vector<uint8_t> copy(frame.begin(), frame.end());
      frames_.emit(vnet, copy);
    } else {
      frames_.emit(vnet, frame);
    }
    received_++;
    uint8_t* record = events_.reserve(sizeof(engine::EventHeader));
    if (record == nullptr) return;
    engine::EventHeader header = {};
    header.octets = sizeof header;
    header.kind = engine::EventKind::kGap;
    header.endpoint = meta.endpoint;
    header.flow = received_;
    std::memcpy(record, &header, sizeof header);
    events_.commit();
  }
  void command(const engine::CommandHeader& header, std::span<const uint8_t> refusal,
               uint64_t) override {
    last_command = header;
    refusal_octets = refusal.size();
    commands++;
  }
  void tick(uint64_t) override {}
  uint64_t counter(engine::Counter counter) const override {
    return counter == engine::Counter::kFrames ? received_ : 0;
  }
  uint32_t flows() const override { return 3; }

  std::atomic<uint64_t> rest_ns = 0;
  std::atomic<bool> copies = false;
  std::atomic<uint32_t> commands = 0;
  engine::CommandHeader last_command = {};
  size_t refusal_octets = 0;

 private:
  engine::FrameSink& frames_;
  engine::EventSink& events_;
  uint64_t received_ = 0;
};

void ip(const std::string& args) {
  if (std::system(("ip " + args).c_str()) != 0) {
    vethwall::tap::fail(__FILE__, __LINE__, "failed: ip " + args);
  }
}

// A namespace with the pair peer0 - vth0, a socket on the one and a shard on the other.
class Bench {
 public:
  explicit Bench(uint32_t ring_octets = 1 << 20)
      : name_("vtsh" + std::to_string(::getpid()) + "x" + std::to_string(counter_++)),
        path_("/run/netns/" + name_) {
    vethwall::os::netns_create(path_);
    netns_ = Fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    ip("netns exec " + name_ + " sysctl -q -w net.ipv6.conf.default.disable_ipv6=1");
    add_pair();
    Options options;
    options.netns_fd = netns_.get();
    options.if_name = "vth0";
    options.heartbeat_file = heartbeat_path();
    options.heartbeat_slot = 1;
    options.event_ring_octets = ring_octets;
    shard = std::make_unique<Shard>(
        options,
        [this](engine::FrameSink& frames, engine::EventSink& events) {
          auto made = std::make_unique<Echo>(frames, events);
          echo = made.get();
          return made;
        },
        [this] { wakes++; });
  }
  ~Bench() {
    shard.reset();
    peer.reset();
    vethwall::os::unmount(path_);
    std::filesystem::remove(path_);
    std::filesystem::remove(heartbeat_path());
  }
  void add_pair() {
    link("add peer0 mtu 65535 type veth peer name vth0 mtu 65535");
    set_up();
    peer = std::make_unique<PacketSocket>(netns_.get(), "peer0");
  }
  void set_up() {
    link("set peer0 up");
    link("set vth0 up");
    // Until linkwatch has seen the carrier, an end drops what it is to send.
    for (const std::string end : {"peer0", "vth0"}) {
      const std::string show = "ip -n " + name_ + " link show " + end + " | grep -q 'state UP'";
      CHECK(until([&] { return std::system(show.c_str()) == 0; }));
    }
  }
  void link(const std::string& args) { ip("-n " + name_ + " link " + args); }
  std::string heartbeat_path() const { return "/tmp/" + name_ + ".heartbeat"; }
  uint64_t heartbeat() const {
    uint64_t slots[2] = {};
    std::ifstream(heartbeat_path(), std::ios::binary)
        .read(reinterpret_cast<char*>(slots), sizeof slots);
    return slots[1];
  }
  uint64_t shell(ShellCounter counter) const {
    return shard->counters()[vethwall::shard::kEngineCounters + static_cast<size_t>(counter)];
  }
  void send(const VnetHeader& vnet, const std::vector<uint8_t>& frame) {
    peer->send(vnet, frame);
    peer->flush();
  }
  // The next frame that the peer gets; empty = none within the deadline.
  std::vector<uint8_t> next(VnetHeader& vnet) {
    std::vector<uint8_t> frame;
    until([&] {
      for (const ReceivedFrame& received : peer->receive()) {
        vnet = received.vnet;
        frame.assign(received.frame.begin(), received.frame.end());
      }
      return !frame.empty();
    });
    return frame;
  }

  std::unique_ptr<PacketSocket> peer;
  std::unique_ptr<Shard> shard;
  Echo* echo = nullptr;
  std::atomic<uint32_t> wakes = 0;

 private:
  inline static int counter_ = 0;
  std::string name_;
  std::string path_;
  Fd netns_;
};

// Towards pod 5, IPv4 TCP without content that matters, `octets` in all.
std::vector<uint8_t> marked_frame(size_t octets) {
  std::vector<uint8_t> frame(octets);
  const std::array<uint8_t, 34> head = {
      0x4e, 0x65, 0x75, 0x56, 0x00, 0x05,                    // destination: the marker
      0x02, 0x00, 0x00, 0x00, 0x00, 0x01,                    // source
      0x08, 0x00,                                            // IPv4
      0x45, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x40,  // ttl 64
      0x06, 0x00, 0x00, 10,   0,    0,    1,    10,   0,    0, 2};
  std::copy(head.begin(), head.end(), frame.begin());
  const auto total = static_cast<uint16_t>(octets - 14);
  frame[16] = static_cast<uint8_t>(total >> 8);
  frame[17] = static_cast<uint8_t>(total);
  frame[46] = 0x50;  // TCP data offset 5
  for (size_t i = 54; i < octets; i++) frame[i] = static_cast<uint8_t>(i);
  return frame;
}

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
