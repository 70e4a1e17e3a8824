// A shard over a real veth pair, with an engine that sends back what it gets.
#pragma once
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "engine/records.h"
#include "os/mount.h"
#include "os/netns.h"
#include "shard/shard.h"
#include "test/tap.h"

namespace vethwall::test {

using os::Fd;
using os::PacketSocket;
using os::ReceivedFrame;
using shard::Options;
using shard::Shard;
using shard::ShellCounter;
using wire::VnetHeader;

inline uint64_t now_ns() {
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
  void set_policy(std::shared_ptr<const policy::Table>, uint64_t) override {}
  bool rejudge(uint64_t) override { return false; }
  void set_endpoint(const engine::EndpointConfig&, uint64_t) override {}
  void remove_endpoint(uint16_t, uint64_t) override {}
  void receive(const engine::FrameMeta& meta, const VnetHeader& vnet, wire::Frame frame,
               wire::Ticket ticket) override {
    const uint64_t resume_ns = now_ns() + rest_ns;
    rest_ns = 0;
    while (now_ns() < resume_ns) std::this_thread::yield();
    if (copies) {
      const std::vector<uint8_t> copy(frame.begin(), frame.end());
      frames_.emit(vnet, copy, {std::move(ticket), false});
    } else {
      frames_.emit(vnet, frame, {std::move(ticket), false});
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

inline void ip(const std::string& args) {
  if (std::system(("ip " + args).c_str()) != 0) {
    tap::fail(__FILE__, __LINE__, "failed: ip " + args);
  }
}

// The engine of a shard, where it isn't Echo, and the group that it is shard 0 of.
struct Judging {
  shard::EngineFactory factory;
  std::shared_ptr<shard::Group> group;
};

// A namespace with the pair peer0 - vth0, a socket on the one and a shard on the other.
class Bench {
 public:
  explicit Bench(uint32_t ring_octets = 1 << 20, const Judging& judging = {})
      : name_("vtsh" + std::to_string(::getpid()) + "x" + std::to_string(counter_++)),
        path_("/run/netns/" + name_) {
    os::netns_create(path_);
    netns_ = Fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    ip("netns exec " + name_ + " sysctl -q -w net.ipv6.conf.default.disable_ipv6=1");
    add_pair();
    Options options = options_of(0);
    options.group = judging.group;
    options.heartbeat_file = heartbeat_path();
    options.heartbeat_slot = 1;
    options.event_ring_octets = ring_octets;
    const shard::EngineFactory echoes = [this](engine::FrameSink& frames, engine::EventSink& events,
                                               engine::Carrier*, engine::Relay*) {
      auto made = std::make_unique<Echo>(frames, events);
      echo = made.get();
      return made;
    };
    shard = std::make_unique<Shard>(options, judging.factory ? judging.factory : echoes, [] {});
    shard->attach([this] { wakes++; });
  }
  ~Bench() {
    shard.reset();
    peer.reset();
    os::unmount(path_);
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
  Options options_of(uint32_t index) const {
    Options options;
    options.netns_fd = netns_.get();
    options.if_name = "vth0";
    options.index = index;
    return options;
  }
  std::string name() const { return name_; }
  int netns_fd() const { return netns_.get(); }
  std::string heartbeat_path() const { return "/tmp/" + name_ + ".heartbeat"; }
  uint64_t heartbeat() const {
    uint64_t slots[2] = {};
    std::ifstream(heartbeat_path(), std::ios::binary)
        .read(reinterpret_cast<char*>(slots), sizeof slots);
    return slots[1];
  }
  uint64_t shell(ShellCounter counter) const {
    return shard->counters()[shard::kEngineCounters + static_cast<size_t>(counter)];
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
inline std::vector<uint8_t> marked_frame(size_t octets) {
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

}  // namespace vethwall::test
