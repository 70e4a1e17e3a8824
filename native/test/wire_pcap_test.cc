// wire/pcap.h: both byte orders, both clocks, the link types, and files that are none.
#include "test/tap.h"
#include "wire/pcap.h"

using vethwall::wire::CapturedFrame;
using vethwall::wire::PcapReader;

namespace {

using Octets = std::vector<uint8_t>;

void put(Octets& file, uint32_t value, bool big_endian) {
  for (unsigned i = 0; i < 4; i++) {
    file.push_back(static_cast<uint8_t>(value >> (big_endian ? 24 - 8 * i : 8 * i)));
  }
}

Octets file_of(uint32_t magic, uint32_t link_type, bool big_endian, const Octets& packet) {
  Octets file;
  for (const uint32_t value : {magic, 0x00040002u, 0u, 0u, 65535u, link_type}) {
    put(file, value, big_endian);
  }
  const auto octets = static_cast<uint32_t>(packet.size());
  for (const uint32_t value : {7u, 8u, octets, octets}) put(file, value, big_endian);
  file.insert(file.end(), packet.begin(), packet.end());
  return file;
}

Octets first_frame(const Octets& file, uint64_t* time_ns = nullptr) {
  std::string error;
  const auto reader = PcapReader::open(file, error);
  CapturedFrame captured;
  if (!reader || !reader->next(captured)) return {};
  if (time_ns != nullptr) *time_ns = captured.time_ns;
  const Octets frame(captured.frame.begin(), captured.frame.end());
  CHECK(!reader->next(captured));
  return frame;
}

std::string reason(const Octets& file) {
  std::string error;
  CHECK(PcapReader::open(file, error) == nullptr);
  return error;
}

TEST(both_byte_orders_and_clocks) {
  const Octets packet(60, 0xab);
  for (const bool big_endian : {false, true}) {
    uint64_t time_ns = 0;
    CHECK(first_frame(file_of(0xa1b2c3d4, 1, big_endian, packet), &time_ns) == packet);
    CHECK_EQ(time_ns, 7'000'008'000u);
    CHECK(first_frame(file_of(0xa1b23c4d, 1, big_endian, packet), &time_ns) == packet);
    CHECK_EQ(time_ns, 7'000'000'008u);
  }
}

TEST(other_links_become_ethernet) {
  Octets want(12, 0);
  want.insert(want.end(), {0x86, 0xdd, 0x60, 1, 2, 3});
  CHECK(first_frame(file_of(0xa1b2c3d4, 101, false, {0x60, 1, 2, 3})) == want);
  Octets cooked(16, 0);
  cooked[14] = 0x86;
  cooked[15] = 0xdd;
  cooked.insert(cooked.end(), {0x60, 1, 2, 3});
  CHECK(first_frame(file_of(0xa1b2c3d4, 113, false, cooked)) == want);
  Octets cooked2(20, 0);
  cooked2[0] = 0x86;
  cooked2[1] = 0xdd;
  cooked2.insert(cooked2.end(), {0x60, 1, 2, 3});
  CHECK(first_frame(file_of(0xa1b2c3d4, 276, false, cooked2)) == want);
  CHECK(first_frame(file_of(0xa1b2c3d4, 276, false, Octets(19, 0))).empty());
  want.resize(14);
  want[12] = 0x08;
  want[13] = 0x00;
  CHECK(first_frame(file_of(0xa1b2c3d4, 101, false, {})) == want);
}

TEST(a_file_that_is_cut_ends_before_the_cut) {
  const Octets file = file_of(0xa1b2c3d4, 1, false, Octets(60, 1));
  for (size_t octets = 24; octets < file.size(); octets++) {
    CHECK(first_frame(Octets(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(octets)))
              .empty());
  }
}

TEST(what_is_no_capture) {
  CHECK_EQ(reason({}), "no pcap file: shorter than its header");
  CHECK_EQ(reason(Octets(24, 1)), "no pcap file: unknown magic number");
  CHECK_EQ(reason(file_of(0x0a0d0d0a, 1, false, {})),
           "a pcapng file: convert it with `editcap -F pcap IN OUT`");
  CHECK_EQ(reason(file_of(0xa1b2c3d4, 105, false, {})),
           "link type 105 is not read: capture Ethernet");
}

}  // namespace

TAP_MAIN()
