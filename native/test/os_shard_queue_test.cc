// What a shard gives up of a queue: what there is no room for, and verdicts that come too late. The
// engine, the queue and the threads are real, and each runs in both failure settings.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "test/os_shard_halt.h"

using namespace vethwall::engine_test;
using vethwall::engine::Took;
using vethwall::os::Fd;
using vethwall::os::run_in_netns;
using vethwall::shard::QueueOptions;
using vethwall::shard::ShellCounter;
using vethwall::test::Bench;
using vethwall::test::Halt;
using vethwall::test::ip;
using vethwall::test::judging;
using vethwall::test::kRing;
using vethwall::test::kSettings;
using vethwall::test::until;

namespace {

constexpr uint16_t kQueue = 7;
constexpr uint16_t kSink = 9;

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

void say(const Fd& from, const char* to, uint32_t number = 0, size_t octets = sizeof number) {
  std::string text(octets, 'x');
  std::memcpy(text.data(), &number, sizeof number);
  sockaddr_in in = {};
  in.sin_family = AF_INET;
  in.sin_port = htons(kSink);
  ::inet_pton(AF_INET, to, &in.sin_addr);
  // A packet that the queue drops is an error to its sender.
  [[maybe_unused]] const ssize_t sent = ::sendto(from.get(), text.data(), text.size(), 0,
                                                 reinterpret_cast<sockaddr*>(&in), sizeof in);
}

// Adds the numbers of the datagrams that wait.
void hear(const Fd& at, std::vector<uint32_t>& numbers) {
  uint32_t number;
  while (::recv(at.get(), &number, sizeof number, 0) == sizeof number) numbers.push_back(number);
}

// Tickets of others may come before.
void acknowledge(Bench& bench, uint32_t ticket) {
  CHECK(until([&] {
    const std::vector<uint32_t> tickets = bench.shard->acknowledged();
    return std::ranges::find(tickets, ticket) != tickets.end();
  }));
}

// The endpoint's packets wait in a queue that the shard reads.
void lead_to_queue(Bench& bench, Took failure) {
  QueueOptions options;
  options.endpoint = kEndpoint;
  options.netns_fd = bench.netns_fd();
  options.queue = kQueue;
  options.ifindex = 1;
  options.fail_open = failure == Took::kOpen;
  options.is_loopback = true;
  const uint32_t ticket = bench.shard->open_queue(options);
  acknowledge(bench, ticket);
}

// Those that the namespace sends to UDP port 9.
void open_queue(Bench& bench, Took failure) {
  const std::string rule = "iptables -w -A OUTPUT -p udp --dport 9 -j NFQUEUE --queue-num 7";
  ip("-n " + bench.name() + " link set lo up");
  ip("netns exec " + bench.name() + " " + rule);
  lead_to_queue(bench, failure);
}

void close_queue(Bench& bench) {
  const uint32_t ticket = bench.shard->close_queue(kEndpoint);
  acknowledge(bench, ticket);
}

void set_failure(Bench& bench, Took failure) {
  const uint32_t ticket = bench.shard->set_queue_fail_open(kEndpoint, failure == Took::kOpen);
  acknowledge(bench, ticket);
}

// A receiver of numbered datagrams, and who sends more of them than the queue's socket has room
// for.
struct Flood {
  explicit Flood(Bench& shell)
      : bench(shell),
        sink(udp_socket(shell, "127.0.0.1", kSink)),
        source(udp_socket(shell, "127.0.0.1", 0)) {}
  // How many the sink had before anybody read them, and waits until the rest has been judged.
  uint64_t send() {
    const uint64_t queued_before = bench.shell(ShellCounter::kQueuePackets);
    const uint64_t dropped_before = bench.shell(ShellCounter::kQueueOverflow);
    std::vector<uint32_t> unread, judged;
    {
      const Halt halt(*bench.shard);
      for (uint32_t i = 0; i < kDatagrams; ++i) {
        say(source, "127.0.0.1", i, kOctets);
        hear(sink, unread);
      }
    }
    CHECK(until([&] {
      hear(sink, judged);
      const uint64_t dropped = bench.shell(ShellCounter::kQueueOverflow) - dropped_before;
      return unread.size() + judged.size() + dropped == kDatagrams;
    }));
    CHECK(until(
        [&] { return bench.shell(ShellCounter::kQueuePackets) - queued_before == judged.size(); }));
    CHECK(!judged.empty());
    const uint64_t passed_unread = unread.size();
    unread.insert(unread.end(), judged.begin(), judged.end());
    std::ranges::sort(unread);
    CHECK(std::ranges::adjacent_find(unread) == unread.end());
    return passed_unread;
  }

  static constexpr uint32_t kDatagrams = 10000;
  static constexpr size_t kOctets = 16000;
  Bench& bench;
  Fd sink, source;
};

TEST(a_full_socket_of_a_queue) {
  for (const Took failure : kSettings) {
    Bench bench(kRing, {judging(failure), {}});
    bench.shard->start();
    open_queue(bench, failure);
    Flood flood(bench);
    const uint64_t unread = flood.send();
    const bool is_open = failure == Took::kOpen;
    CHECK_EQ(unread > 0, is_open);
    CHECK_EQ(bench.shell(ShellCounter::kQueueOverflow) > 0, !is_open);
    CHECK(until([&] { return bench.shell(ShellCounter::kQueuePassedUnread) == unread; }));
    CHECK(until([&] {
      return bench.shell(ShellCounter::kQueueAccepted) == bench.shell(ShellCounter::kQueuePackets);
    }));
    CHECK_EQ(bench.shell(ShellCounter::kQueueErrors), 0u);
  }
}

// Ids begin anew with each queue, and those that were dropped are gaps too.
TEST(a_full_socket_after_the_setting_and_the_queue_have_changed) {
  Bench bench(kRing, {judging(Took::kClosed), {}});
  bench.shard->start();
  open_queue(bench, Took::kClosed);
  Flood flood(bench);
  uint64_t unread = flood.send();
  const uint64_t dropped = bench.shell(ShellCounter::kQueueOverflow);
  CHECK_EQ(unread, 0u);
  CHECK(dropped > 0);
  const auto all_counted = [&] {
    return bench.shell(ShellCounter::kQueuePassedUnread) == unread &&
           bench.shell(ShellCounter::kQueueOverflow) == dropped;
  };
  set_failure(bench, Took::kOpen);
  unread += flood.send();
  CHECK(unread > 0);
  CHECK(until(all_counted));
  unread += flood.send();
  // What the closed one has not counted yet counts as it closes.
  close_queue(bench);
  CHECK(until(all_counted));
  lead_to_queue(bench, Took::kOpen);
  unread += flood.send();
  CHECK(until(all_counted));
}

// The engine keeps them, and one that waits costs each verdict time.
TEST(more_packets_than_may_wait_for_a_verdict) {
  constexpr uint32_t kFlows = 5, kOfEach = 1000, kWaiting = 4096;
  for (const Took failure : kSettings) {
    Bench bench(kRing, {judging(failure, kSink), {}});
    bench.shard->start();
    open_queue(bench, failure);
    const Fd sink = udp_socket(bench, "127.0.0.1", kSink);
    std::vector<uint32_t> numbers;
    for (uint32_t i = 0; i < kFlows; ++i) {
      const Fd source = udp_socket(bench, "127.0.0.1", 0);
      for (uint32_t j = 0; j < kOfEach; ++j) say(source, "127.0.0.1", i * kOfEach + j);
    }
    constexpr uint64_t kTooMany = kFlows * kOfEach - kWaiting;
    const bool is_open = failure == Took::kOpen;
    const ShellCounter counter =
        is_open ? ShellCounter::kQueuePassedUnread : ShellCounter::kQueueOverflow;
    CHECK(until([&] { return bench.shell(counter) == kTooMany; }));
    hear(sink, numbers);
    std::vector<uint32_t> last;
    for (uint32_t i = kWaiting; i < kFlows * kOfEach; ++i) last.push_back(i);
    CHECK(numbers == (is_open ? last : std::vector<uint32_t>()));
    const ShellCounter fate = is_open ? ShellCounter::kQueueAccepted : ShellCounter::kQueueDropped;
    CHECK(until([&] { return bench.shell(fate) == kTooMany; }));
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

}  // namespace

TAP_MAIN()
