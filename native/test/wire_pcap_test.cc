#include "test/tap.h"
#include "test/wire_frames.h"
#include "wire/pcap.h"

namespace vethwall::wire {
namespace {

constexpr uint32_t kMicroseconds = 0xa1b2c3d4, kNanoseconds = 0xa1b23c4d;

struct Order {
  bool is_little;
  Octets u32(uint32_t value) const {
    Octets out;
    for (int i = 0; i < 4; ++i)
      out.push_back(static_cast<uint8_t>(value >> (is_little ? 8 * i : 24 - 8 * i)));
    return out;
  }
};

Octets file_header(Order order, uint32_t magic, uint32_t link_type) {
  const Octets version = order.is_little ? Octets{2, 0, 4, 0} : Octets{0, 2, 0, 4};
  return joined({order.u32(magic), version, Octets(8, 0), order.u32(262144), order.u32(link_type)});
}
Octets record(Order order, const Octets& packet, uint32_t original = 0) {
  const auto octets = static_cast<uint32_t>(packet.size());
  return joined({order.u32(1'700'000'000), order.u32(5), order.u32(octets),
                 order.u32(original == 0 ? octets : original), packet});
}

const Octets kDatagram = joined({ipv4(17, 13), udp(0x8980, 5), octets_of("query")});
constexpr Order kLittle = {true};

Octets read_one(const Octets& file, CaptureRecord& out) {
  std::string error;
  auto reader = PcapReader::open(file, error);
  CHECK(reader.has_value());
  if (!reader || reader->next(out) != CaptureNext::kRecord) return {};
  const Octets frame(out.frame.begin(), out.frame.end());
  CaptureRecord none;
  CHECK_EQ(reader->next(none), CaptureNext::kEnd);
  return frame;
}
Octets read_one(uint32_t link_type, const Octets& packet) {
  CaptureRecord out;
  return read_one(joined({file_header(kLittle, kMicroseconds, link_type), record(kLittle, packet)}),
                  out);
}
std::string refused(const Octets& file) {
  std::string error;
  CHECK(!PcapReader::open(file, error).has_value());
  return error;
}

}  // namespace

TEST(both_orders_and_both_clocks) {
  const Octets frame = joined({macs(), ether4(), kDatagram});
  for (const bool is_little : {false, true}) {
    const Order order = {is_little};
    CaptureRecord out;
    CHECK(read_one(joined({file_header(order, kMicroseconds, 1), record(order, frame)}), out) ==
          frame);
    CHECK_EQ(out.time_ns, 1'700'000'000'000'005'000u);
    CHECK(!out.is_cut);
    CHECK(read_one(joined({file_header(order, kNanoseconds, 1), record(order, frame, 1500)}),
                   out) == frame);
    CHECK_EQ(out.time_ns, 1'700'000'000'000'000'005u);
    CHECK(out.is_cut);
    CHECK_EQ(out.original_octets, 1500u);
  }
}

TEST(raw_ip_gets_an_ethernet_header) {
  const Octets v4 = joined({Octets(12, 0), ether4(), kDatagram});
  CHECK(read_one(101, kDatagram) == v4);
  const Octets datagram6 = joined({ipv6(17, 13), udp(0xa37e, 5), octets_of("query")});
  const Octets frame = read_one(101, datagram6);
  CHECK(frame == joined({Octets(12, 0), ether6(), datagram6}));
  Packet packet;
  CHECK_EQ(decode(frame, kWhole, packet), Malformed::kOk);
  CHECK_EQ(packet.destination_port, 53);
  CHECK(read_one(101, {}).empty());
}

TEST(linux_cooked_gets_an_ethernet_header) {
  const Octets sll = {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 8, 0};
  const Octets sll2 = {8, 0, 0, 0, 0, 0, 0, 7, 0, 1, 1, 6, 2, 0, 0, 0, 0, 9, 0, 0};
  const Octets source = {2, 0, 0, 0, 0, 9};
  CHECK(read_one(113, joined({sll, kDatagram})) ==
        joined({Octets(6, 0), source, ether4(), kDatagram}));
  CHECK(read_one(276, joined({sll2, kDatagram})) ==
        joined({Octets(6, 0xff), source, ether4(), kDatagram}));
  for (size_t cut = 0; cut < 16; ++cut) CHECK(read_one(113, prefix(sll, cut)).empty());
  for (size_t cut = 0; cut < 20; ++cut) CHECK(read_one(276, prefix(sll2, cut)).empty());
}

TEST(every_cut_of_a_file) {
  const Octets head = file_header(kLittle, kMicroseconds, 1);
  const Octets one = record(kLittle, joined({macs(), ether4(), kDatagram}));
  const Octets file = joined({head, one, one});
  for (size_t octets = 0; octets < file.size(); ++octets) {
    const Octets cut = prefix(file, octets);
    if (octets < head.size()) {
      CHECK(refused(cut).find("24 octets") != std::string::npos);
      continue;
    }
    std::string error;
    auto reader = PcapReader::open(cut, error);
    CaptureRecord out;
    size_t whole = 0;
    CaptureNext next;
    while ((next = reader->next(out)) == CaptureNext::kRecord) ++whole;
    CHECK_EQ(whole, (octets - head.size()) / one.size());
    CHECK_EQ(reader->at(), head.size() + whole * one.size());
    CHECK_EQ(next == CaptureNext::kEnd, reader->at() == octets);
  }
}

TEST(a_record_that_claims_too_much) {
  Octets file = joined({file_header(kLittle, kMicroseconds, 1), record(kLittle, kDatagram)});
  file[24 + 8 + 3] = 0xff;
  std::string error;
  auto reader = PcapReader::open(file, error);
  CaptureRecord out;
  CHECK_EQ(reader->next(out), CaptureNext::kTruncated);
}

TEST(what_is_no_readable_capture) {
  CHECK(refused(Octets(24, 0)).find("magic") != std::string::npos);
  CHECK(refused(file_header(kLittle, 0x0a0d0d0b, 1)).find("pcapng") != std::string::npos);
  CHECK(refused(file_header(kLittle, kMicroseconds, 105)).find("105") != std::string::npos);
}

}  // namespace vethwall::wire

TAP_MAIN()
