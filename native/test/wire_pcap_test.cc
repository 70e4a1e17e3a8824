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
    CHECK_EQ(out.cut, CaptureCut::kNone);
    CHECK(read_one(joined({file_header(order, kNanoseconds, 1), record(order, frame, 1500)}),
                   out) == frame);
    CHECK_EQ(out.time_ns, 1'700'000'000'000'000'005u);
    CHECK_EQ(out.cut, CaptureCut::kSnapLength);
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

TEST(what_other_links_have_before_the_datagram_is_taken_off) {
  const Octets v4 = joined({Octets(12, 0), ether4(), kDatagram});
  const Octets datagram6 = joined({ipv6(17, 13), udp(0xa37e, 5), octets_of("query")});
  const Octets v6 = joined({Octets(12, 0), ether6(), datagram6});
  CHECK(read_one(14, kDatagram) == v4);
  CHECK(read_one(9, joined({{0x00, 0x21}, kDatagram})) == v4);
  CHECK(read_one(9, joined({{0x21}, kDatagram})) == v4);
  CHECK(read_one(50, joined({{0xff, 0x03, 0x00, 0x57}, datagram6})) == v6);
  CHECK(read_one(51, joined({{0x11, 0, 0, 7, 0, 43, 0x00, 0x21}, kDatagram})) == v4);
  CHECK(read_one(104, joined({{0x0f, 0, 0x08, 0}, kDatagram})) == v4);
  for (size_t cut = 0; cut < 8; ++cut)
    CHECK(read_one(51, prefix({0x11, 0, 0, 7, 0, 2, 0x00, 0x21}, cut)).empty());
}

TEST(wireless_data_in_clear) {
  const Octets v4 = joined({Octets(12, 0), ether4(), kDatagram});
  const Octets llc = {0xaa, 0xaa, 3, 0, 0, 0, 8, 0};
  const auto data = [&](uint8_t control, uint8_t flags, size_t more) {
    return joined({{control, flags}, Octets(22 + more, 0), llc, kDatagram});
  };
  CHECK(read_one(105, data(0x08, 1, 0)) == v4);
  CHECK(read_one(105, data(0x88, 2, 2)) == v4);      // QoS
  CHECK(read_one(105, data(0x88, 2, 4)) == v4);      // and padded
  CHECK(read_one(105, data(0x88, 0x83, 12)) == v4);  // four addresses, HT control
  CHECK(read_one(127, joined({{0, 0, 8, 0, 0, 0, 0, 0}, data(0x08, 1, 0)})) == v4);
  const Octets nothing = Octets(14, 0);
  CHECK(prefix(read_one(105, data(0x08, 0x41, 0)), 14) == nothing);  // protected
  CHECK(prefix(read_one(105, data(0x48, 1, 0)), 14) == nothing);     // without data
  CHECK(prefix(read_one(105, data(0x80, 0, 0)), 14) == nothing);     // a beacon
  CHECK(prefix(read_one(105, {0xd4, 0, 0, 0, 2, 0, 0, 0, 0, 9}), 14) == nothing);
}

TEST(what_is_between_ethernet_and_the_datagram) {
  const auto seen = [](const Octets& between) {
    return read_one(1, joined({macs(), between, kDatagram}));
  };
  const Octets plain = joined({macs(), ether4(), kDatagram});
  CHECK(seen({0x88, 0x47, 0, 0, 0x10, 64, 0, 0, 0x21, 64}) == plain);  // two labels
  CHECK(seen({0x88, 0x64, 0x11, 0, 0, 7, 0, 43, 0x00, 0x21}) == plain);
  CHECK(seen({0, 49, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0}) == plain);
  const Octets tagged = joined({macs(), {0x81, 0, 0, 5, 8, 0}, kDatagram});
  CHECK(seen({0x81, 0, 0, 5, 8, 0}) == tagged);
  CHECK(seen({0x81, 0, 0, 5, 0x88, 0x64, 0x11, 0, 0, 7, 0, 43, 0x21}) == tagged);
  const Octets twice = joined({macs(), {0x88, 0xa8, 0, 4, 0x81, 0, 0, 5, 8, 0}, kDatagram});
  CHECK(seen({0x91, 0, 0, 4, 0x81, 0, 0, 5, 8, 0}) == twice);
  CHECK(seen({0x81, 0, 0, 3, 0x88, 0xa8, 0, 4, 0x81, 0, 0, 5, 8, 0}) == twice);
  // No IP: as it is.
  const Octets arp = joined({macs(), {8, 6, 0, 1}});
  CHECK(read_one(1, arp) == arp);
  const Octets bridge = joined({macs(), {0, 3, 0x42, 0x42, 3}});
  CHECK(read_one(1, bridge) == bridge);
}

TEST(what_the_card_of_the_sender_fills_in) {
  const Octets whole = joined({macs(), ether4(), kDatagram});
  constexpr size_t kTotal = 16, kChecksum = 24;
  Octets unsummed = whole;
  unsummed[kChecksum] = unsummed[kChecksum + 1] = 0;
  CHECK(read_one(1, unsummed) == whole);
  unsummed[kTotal] = unsummed[kTotal + 1] = 0;
  CHECK(read_one(1, unsummed) == whole);
  const Octets whole6 =
      joined({macs(), ether6(), ipv6(17, 13), udp(0xa37e, 5), octets_of("query")});
  Octets without_length = whole6;
  without_length[18] = without_length[19] = 0;
  CHECK(read_one(1, without_length) == whole6);
  // No payload at all, and padding.
  const Octets none = joined({macs(), ether6(), ipv6(59, 0), Octets(12, 0)});
  CHECK(read_one(1, none) == none);
}

TEST(what_a_snap_length_left_is_a_datagram) {
  for (const bool is_six : {false, true}) {
    const Octets whole =
        is_six ? joined({macs(), ether6(), ipv6(17, 13), udp(0xa37e, 5), octets_of("query")})
               : joined({macs(), ether4(), kDatagram});
    const auto octets = static_cast<uint32_t>(whole.size());
    CaptureRecord out;
    const Octets cut = read_one(joined({file_header(kLittle, kMicroseconds, 1),
                                        record(kLittle, prefix(whole, octets - 3), octets)}),
                                out);
    Packet packet;
    const VnetHeader captured = {kDataValid, 0, 0, 0, 0, 0};
    CHECK_EQ(decode(cut, captured, packet), Malformed::kOk);
    CHECK_EQ(packet.payload_octets, 2u);
    // A frame that is shorter than it says and was not cut is what its receiver drops.
    const Octets lie = read_one(1, prefix(whole, octets - 3));
    CHECK(decode(lie, captured, packet) != Malformed::kOk);
  }
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
  CHECK(refused(file_header(kLittle, kMicroseconds, 147)).find("147") != std::string::npos);
}

}  // namespace vethwall::wire

TAP_MAIN()
