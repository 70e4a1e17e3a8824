// What a shard gives up: full queues and sockets, verdicts that nobody takes, a thread that stood
// still, a neighbour without room. The engine, sockets, queues and threads are real, and each runs
// in both failure settings.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "test/engine_net.h"
#include "test/os_shard_bench.h"
#include "wire/spread.h"

namespace engine = vethwall::engine;
namespace wire = vethwall::wire;
using namespace vethwall::engine_test;
using engine::Took;
using vethwall::os::Fd;
using vethwall::os::PacketSocket;
using vethwall::os::run_in_netns;
using vethwall::shard::EngineFactory;
using vethwall::shard::Group;
using vethwall::shard::QueueOptions;
using vethwall::shard::Shard;
using vethwall::shard::ShellCounter;
using vethwall::test::Bench;
using vethwall::test::ip;
using vethwall::test::until;

namespace {

constexpr Took kSettings[] = {Took::kClosed, Took::kOpen};
constexpr uint64_t kStallNs = 500'000'000;
constexpr uint16_t kQueue = 7;
constexpr uint16_t kSink = 9;
// wire::QueueSettings
constexpr uint32_t kQueuePackets = 4096;
constexpr uint16_t kPartial = 1;

EngineFactory judging(Took failure) {
  return [failure](engine::FrameSink& frames, engine::EventSink& events, engine::Carrier* carrier,
                   engine::Relay* relay) {
    auto made = engine::Engine::create({}, {1, 2}, frames, events, carrier, relay);
    const uint64_t now = vethwall::test::now_ns();
    made->set_endpoint({kEndpoint, engine::EndpointPath::kInline, failure, true, false}, now);
    made->set_policy(std::make_shared<FixedTable>(), now);
    return made;
  };
}

constexpr uint32_t kRing = 1 << 20;

// While it lives the shard's thread stands still.
class Halt {
 public:
  explicit Halt(Shard& shard) {
    shard.post([this](engine::Engine&, uint64_t) {
      has_begun_ = true;
      while (!is_over_) std::this_thread::yield();
      has_ended_ = true;
    });
    CHECK(until([this] { return has_begun_.load(); }));
  }
  ~Halt() {
    is_over_ = true;
    until([this] { return has_ended_.load(); });
  }

 private:
  std::atomic<bool> has_begun_ = false, is_over_ = false, has_ended_ = false;
};

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

Fd udp_socket(const Bench& bench, const char* own, uint16_t port) {
  Fd out;
  run_in_netns(bench.netns_fd(), [&] {
    out = Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int octets = 256 << 20;
    ::setsockopt(out.get(), SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets);
    ::setsockopt(out.get(), SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof octets);
    sockaddr_in in = {};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    ::inet_pton(AF_INET, own, &in.sin_addr);
    CHECK_EQ(::bind(out.get(), reinterpret_cast<sockaddr*>(&in), sizeof in), 0);
  });
  return out;
}

void say(const Fd& from, const char* to) {
  sockaddr_in in = {};
  in.sin_family = AF_INET;
  in.sin_port = htons(kSink);
  ::inet_pton(AF_INET, to, &in.sin_addr);
  // A packet that the queue drops is an error to its sender.
  [[maybe_unused]] const ssize_t sent =
      ::sendto(from.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&in), sizeof in);
}

size_t heard(const Fd& at) {
  size_t datagrams = 0;
  char octet;
  while (::recv(at.get(), &octet, 1, 0) == 1) ++datagrams;
  return datagrams;
}

// What the namespace sends to UDP port 9 waits in a queue that the shard reads.
void open_queue(Bench& bench, Took failure) {
  const std::string rule = "iptables -w -A OUTPUT -p udp --dport 9 -j NFQUEUE --queue-num 7";
  ip("-n " + bench.name() + " link set lo up");
  ip("netns exec " + bench.name() + " " + rule);
  QueueOptions options;
  options.endpoint = kEndpoint;
  options.netns_fd = bench.netns_fd();
  options.queue = kQueue;
  options.ifindex = 1;
  options.fail_open = failure == Took::kOpen;
  options.is_loopback = true;
  const uint32_t ticket = bench.shard->open_queue(options);
  CHECK(until([&] { return bench.shard->acknowledged() == std::vector<uint32_t>{ticket}; }));
}

TEST(a_full_queue_drops_or_the_kernel_accepts) {
  for (const Took failure : kSettings) {
    Bench bench(kRing, {judging(failure), {}});
    bench.shard->start();
    open_queue(bench, failure);
    const Fd sink = udp_socket(bench, "127.0.0.1", kSink);
    const Fd source = udp_socket(bench, "127.0.0.1", 0);
    constexpr size_t kTooMany = 50;
    size_t passed_unread = 0;
    {
      const Halt halt(*bench.shard);
      for (size_t i = 0; i < kQueuePackets + kTooMany; ++i) say(source, "127.0.0.1");
      passed_unread = heard(sink);
    }
    const bool is_open = failure == Took::kOpen;
    CHECK_EQ(passed_unread, is_open ? kTooMany : 0);
    size_t passed = 0;
    CHECK(until([&] { return (passed += heard(sink)) == kQueuePackets; }));
    // The kernel does not count what it accepts.
    const uint64_t overflow = is_open ? 0 : kTooMany;
    CHECK(until([&] { return bench.shell(ShellCounter::kQueueAccepted) == kQueuePackets; }));
    CHECK(until([&] { return bench.shell(ShellCounter::kQueueOverflow) == overflow; }));
    CHECK_EQ(bench.shell(ShellCounter::kQueueErrors), 0u);
  }
}

TEST(a_verdict_that_comes_too_late) {
  for (const Took failure : kSettings) {
    Bench bench(kRing, {judging(failure), {}});
    bench.shard->start();
    open_queue(bench, failure);
    ip("-n " + bench.name() + " address add 10.9.9.1/24 dev peer0");
    ip("-n " + bench.name() + " neighbour add 10.9.9.2 lladdr 02:00:00:00:00:02 dev peer0");
    const Fd source = udp_socket(bench, "10.9.9.1", 0);
    constexpr uint64_t kPackets = 3;
    {
      const Halt halt(*bench.shard);
      for (uint64_t i = 0; i < kPackets; ++i) say(source, "10.9.9.2");
      // What waits for a device goes with it.
      bench.link("set peer0 down");
    }
    CHECK(until([&] { return bench.shell(ShellCounter::kQueueErrors) == kPackets; }));
    CHECK_EQ(bench.shell(ShellCounter::kQueuePackets), kPackets);
  }
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
