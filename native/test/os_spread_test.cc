// wire/spread.h and os/spread_filter.h: the kernel and the engine mean the same shard.
#include <algorithm>
#include <numeric>

#include "os/spread_filter.h"
#include "test/os_shard_bench.h"
#include "test/tap.h"
#include "test/wire_frames.h"

namespace wire = vethwall::wire;
using vethwall::os::PacketSocket;
using vethwall::os::spread_filter;
using vethwall::test::Bench;
using vethwall::test::until;
using wire::Octets;
using wire::Packet;
using wire::Spread;
using wire::VnetHeader;

namespace {

constexpr uint32_t kShards = 5;

struct Ends {
  uint8_t low;
  uint16_t port;
};

Octets with_ends(Octets frame, size_t addresses_at, size_t address_octets, size_t ports_at,
                 const Ends& ends, bool is_reply) {
  frame[addresses_at + address_octets - 1] = ends.low;
  frame[ports_at] = static_cast<uint8_t>(ends.port >> 8);
  frame[ports_at + 1] = static_cast<uint8_t>(ends.port);
  if (is_reply) {
    const auto swap = [&](size_t at, size_t octets) {
      const auto from = frame.begin() + static_cast<std::ptrdiff_t>(at);
      const auto size = static_cast<std::ptrdiff_t>(octets);
      std::swap_ranges(from, from + size, from + size);
    };
    swap(addresses_at, address_octets);
    swap(ports_at, 2);
  }
  return frame;
}

Octets eth4(std::initializer_list<Octets> parts) {
  return wire::joined({wire::macs(), wire::ether4(), wire::joined(parts)});
}
Octets eth6(std::initializer_list<Octets> parts) {
  return wire::joined({wire::macs(), wire::ether6(), wire::joined(parts)});
}
Octets with_checksum4(Octets frame) {
  const size_t header = (frame[14] & 0xf) * size_t{4};
  frame[24] = frame[25] = 0;
  uint32_t sum = 0;
  for (size_t i = 14; i < 14 + header; i += 2)
    sum += static_cast<uint32_t>(frame[i] << 8 | frame[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  frame[24] = static_cast<uint8_t>(~sum >> 8);
  frame[25] = static_cast<uint8_t>(~sum);
  return frame;
}

// Both directions of flows of every kind that the filter tells apart.
std::vector<Octets> frames_of(const Ends& ends) {
  const Octets options = {1, 1, 1, 1, 1, 1, 1, 0};
  const Octets tail = {0, 0, 0, 0, 0, 0, 0, 0};
  const Octets dns = wire::joined({wire::udp(0, 8), tail});
  const Octets echo = {8, 0, 0xf7, 0xff, 0, 0, 0, 0};
  std::vector<Octets> frames;
  for (const bool is_reply : {false, true}) {
    const auto v4 = [&](Octets frame, size_t header) {
      frames.push_back(
          with_checksum4(with_ends(std::move(frame), 26, 4, 14 + header, ends, is_reply)));
    };
    const auto v6 = [&](Octets frame, size_t ports_at) {
      frames.push_back(with_ends(std::move(frame), 22, 16, ports_at, ends, is_reply));
    };
    v4(eth4({wire::ipv4(6, 20), wire::tcp(0)}), 20);
    v4(eth4({wire::ipv4(6, 20, 0x4000, options), wire::tcp(0)}), 28);
    v4(eth4({wire::ipv4(17, dns.size()), dns}), 20);
    v4(eth4({wire::ipv4(17, dns.size(), 0x2000), dns}), 20);
    v4(eth4({wire::ipv4(17, dns.size(), 0x0001), dns}), 20);
    v6(eth6({wire::ipv6(6, 20), wire::tcp(0)}), 54);
    v6(eth6({wire::ipv6(17, dns.size()), dns}), 54);
  }
  frames.push_back(with_checksum4(eth4({wire::ipv4(1, echo.size()), echo})));
  return frames;
}

Packet decoded(const Octets& frame) {
  Packet packet;
  VnetHeader partial = wire::kPartial;
  // The checksum is nobody's concern here: said to be partial, at the L4 header.
  partial.csum_start = static_cast<uint16_t>(frame[12] == 0x86 ? 54 : 14 + (frame[14] & 0xf) * 4);
  partial.csum_offset = frame[23] == 17 || frame[20] == 17 ? 6 : 16;
  wire::decode(frame, partial, packet);
  return packet;
}

TEST(the_kernel_gives_each_frame_to_the_shard_that_the_engine_names) {
  Bench bench;
  const Spread spread{kShards, 0x5eed5eed};
  std::vector<std::unique_ptr<PacketSocket>> sockets;
  for (uint32_t shard = 0; shard < kShards; shard++)
    sockets.push_back(
        std::make_unique<PacketSocket>(bench.netns_fd(), "vth0", spread_filter(spread, shard)));
  std::vector<size_t> got(kShards);
  for (uint16_t n = 0; n < 40; n++) {
    for (const Octets& frame : frames_of({static_cast<uint8_t>(3 + n), uint16_t(1000 + 7 * n)})) {
      bench.send({}, frame);
      const Packet packet = decoded(frame);
      CHECK(packet.family != 0);
      const uint32_t expected = spread.of(packet);
      CHECK(until([&] { return !sockets[expected]->receive().empty(); }));
      got[expected]++;
      for (const auto& socket : sockets) CHECK(socket->receive().empty());
    }
  }
  for (const size_t frames : got) CHECK(frames > 40);
}

TEST(what_the_filter_cannot_read_is_shard_0s) {
  Bench bench;
  const Spread spread{kShards, 7};
  PacketSocket first(bench.netns_fd(), "vth0", spread_filter(spread, 0));
  const Octets tcp6 = eth6({wire::ipv6(6, 20), wire::tcp(0)});
  const Octets tcp4 = eth4({wire::ipv4(6, 20), wire::tcp(0)});
  Octets arp = wire::joined({wire::macs(), {0x08, 0x06}, Octets(28)});
  for (const Octets& frame : {wire::prefix(tcp4, 33), wire::prefix(tcp6, 53), arp}) {
    bench.send({}, frame);
    CHECK(until([&] { return !first.receive().empty(); }));
  }
}

TEST(directions_agree_and_shards_are_even) {
  const Spread spread{8, 0xabcdef01};
  std::vector<uint32_t> count(8);
  wire::Address a{4, {10, 0, 0, 1}};
  wire::Address b{4, {10, 0, 0, 2}};
  for (uint16_t port = 1024; port < 9216; port++) {
    const uint32_t shard = spread.of(a, port, b, 443);
    CHECK_EQ(spread.of(b, 443, a, port), shard);
    count[shard]++;
  }
  for (const uint32_t flows : count) CHECK(flows > 900 && flows < 1150);
  std::fill(count.begin(), count.end(), 0);
  for (uint32_t n = 0; n < 8192; n++) {
    a.octets[2] = static_cast<uint8_t>(n >> 8);
    a.octets[3] = static_cast<uint8_t>(n);
    count[spread.of(a, 0, b, 0)]++;
  }
  for (const uint32_t hosts : count) CHECK(hosts > 850 && hosts < 1200);
}

}  // namespace

TAP_MAIN()
