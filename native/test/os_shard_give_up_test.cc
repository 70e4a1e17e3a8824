// What a shard gives up: full sockets, a thread that stood still, a neighbour without room. The
// engine, sockets and threads are real, and each runs in both failure settings.
#include "test/os_shard_halt.h"
#include "wire/spread.h"

namespace engine = vethwall::engine;
namespace wire = vethwall::wire;
using namespace vethwall::engine_test;
using engine::Took;
using vethwall::os::PacketSocket;
using vethwall::shard::Group;
using vethwall::shard::Shard;
using vethwall::shard::ShellCounter;
using vethwall::test::Bench;
using vethwall::test::Halt;
using vethwall::test::judging;
using vethwall::test::kRing;
using vethwall::test::kSettings;
using vethwall::test::until;

namespace {

constexpr uint64_t kStallNs = 500'000'000;
constexpr uint16_t kPartial = 1;

// The first frame of a connection to the pod that the policy allows.
std::vector<uint8_t> syn_frame(uint16_t port, size_t payload_octets = 0) {
  const std::string payload(payload_octets, 'x');
  const std::string segment = tcp_octets(port, kAllowed, kSyn, 1, 0, payload, {});
  const std::string packet = ip_octets({4, IPPROTO_TCP}, peer_address(4), pod_address(4), segment);
  const std::string frame = ethernet_octets(false, kEndpoint, 0, 0x0800, packet);
  return {frame.begin(), frame.end()};
}

wire::VnetHeader partial_checksum() { return {kPartial, 0, 0, 0, 34, 16}; }

// What comes out at the other end from now on.
size_t drain(Bench& bench) {
  size_t frames = 0;
  for (size_t more = 1; more > 0; frames += more) more = bench.peer->receive().size();
  return frames;
}

TEST(what_waited_while_the_thread_stood_still) {
  for (const Took failure : kSettings) {
    Bench bench(kRing, {judging(failure), {}});
    bench.shard->start();
    wire::VnetHeader vnet = {};
    bench.send(partial_checksum(), syn_frame(1));
    CHECK_EQ(bench.next(vnet).size(), syn_frame(1).size());
    constexpr uint16_t kFrames = 5;
    {
      const Halt halt(*bench.shard);
      const uint64_t since_ns = vethwall::test::now_ns();
      for (uint16_t i = 0; i < kFrames; ++i)
        bench.send(partial_checksum(), syn_frame(static_cast<uint16_t>(100 + i)));
      CHECK(until([&] { return vethwall::test::now_ns() - since_ns > kStallNs; }));
    }
    CHECK(until([&] { return bench.shell(ShellCounter::kStallDiscarded) == kFrames; }));
    CHECK_EQ(bench.shell(ShellCounter::kStalls), 1u);
    bench.send(partial_checksum(), syn_frame(2, 10));
    CHECK_EQ(bench.next(vnet).size(), syn_frame(2, 10).size());
  }
}

TEST(a_full_socket) {
  for (const Took failure : kSettings) {
    Bench bench(kRing, {judging(failure), {}});
    bench.shard->start();
    constexpr uint64_t kFrames = 4000;
    const std::vector<uint8_t> frame = syn_frame(3, 60000);
    {
      const Halt halt(*bench.shard);
      for (uint64_t i = 0; i < kFrames; ++i) bench.send(partial_checksum(), frame);
    }
    const auto engine_frames = [&] {
      return bench.shard->counters()[static_cast<size_t>(engine::Counter::kFrames)];
    };
    CHECK(until([&] {
      return engine_frames() + bench.shell(ShellCounter::kSocketDropped) +
                 bench.shell(ShellCounter::kStallDiscarded) ==
             kFrames;
    }));
    CHECK(bench.shell(ShellCounter::kSocketDropped) > 0);
    CHECK_EQ(drain(bench), engine_frames());
  }
}

constexpr size_t kPieceOctets = 30000;
constexpr size_t kInboxOctets = 4 << 20;

// A datagram of two fragments, which by its addresses is shard 0's, and by its ports shard 1's.
std::array<std::vector<uint8_t>, 2> datagram_of_two(uint16_t port, uint16_t identification) {
  const std::string whole = udp_octets(port, kAllowed, std::string(2 * kPieceOctets - 8, 'y'));
  std::array<std::vector<uint8_t>, 2> out;
  for (size_t i = 0; i < out.size(); ++i) {
    const auto field = static_cast<uint16_t>(i == 0 ? 0x2000 : kPieceOctets / 8);
    const std::string packet =
        ip_octets({4, IPPROTO_UDP, 64, identification, field}, peer_address(4), pod_address(4),
                  whole.substr(i * kPieceOctets, kPieceOctets));
    const std::string frame = ethernet_octets(false, kEndpoint, 0, 0x0800, packet);
    out[i].assign(frame.begin(), frame.end());
  }
  return out;
}

wire::Address address(const std::string& octets) {
  wire::Address out = {4, {}};
  std::copy(octets.begin(), octets.end(), out.octets.begin());
  return out;
}

// Addresses alone make it shard 0's.
wire::Spread spread_of_two() {
  wire::Spread spread{2, 0};
  while (spread.of(address(peer_address(4)), 0, address(pod_address(4)), 0) != 0) ++spread.seed;
  return spread;
}

uint16_t port_of_shard_1(const wire::Spread& spread) {
  uint16_t port = 1000;
  while (spread.of(address(peer_address(4)), port, address(pod_address(4)), kAllowed) != 1) ++port;
  return port;
}

TEST(no_room_in_the_inbox_of_another_shard) {
  for (const Took failure : kSettings) {
    const auto group = std::make_shared<Group>(spread_of_two());
    Bench bench(kRing, {judging(failure), group});
    auto options = bench.options_of(1);
    options.group = group;
    Shard other(options, judging(failure), [] {});
    bench.shard->start();
    const uint16_t port = port_of_shard_1(group->spread());
    constexpr uint16_t kDatagrams = 80;
    for (uint16_t i = 0; i < kDatagrams; ++i)
      for (const std::vector<uint8_t>& frame : datagram_of_two(port, i)) bench.send({}, frame);
    CHECK(until([&] { return bench.shell(ShellCounter::kRelayed) == 2 * kDatagrams; }));
    const size_t room = kInboxOctets / datagram_of_two(port, 0)[0].size();
    CHECK_EQ(bench.shell(ShellCounter::kRelayLost), 2 * kDatagrams - room);
    CHECK_EQ(drain(bench), 0u);
    other.start();
    size_t passed = 0;
    // Of the last datagram that had room a half is missing.
    CHECK(until([&] { return (passed += drain(bench)) == room / 2 * 2; }));
    other.stop();
  }
}

}  // namespace

TAP_MAIN()
