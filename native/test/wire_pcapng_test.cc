#include "test/tap.h"
#include "test/wire_frames.h"
#include "wire/capture.h"

namespace vethwall::wire {
namespace {

struct Order {
  bool is_little;
  Octets number(uint64_t value, int octets) const {
    Octets out;
    for (int i = 0; i < octets; ++i)
      out.push_back(static_cast<uint8_t>(value >> 8 * (is_little ? i : octets - 1 - i)));
    return out;
  }
  Octets u16(uint16_t value) const { return number(value, 2); }
  Octets u32(uint64_t value) const { return number(value & 0xffffffff, 4); }
};
constexpr Order kLittle = {true};

Octets block(Order order, uint32_t type, Octets body) {
  while (body.size() % 4 != 0) body.push_back(0);
  const Octets length = order.u32(body.size() + 12);
  return joined({order.u32(type), length, body, length});
}
Octets section(Order order) {
  return block(order, 0x0a0d0d0a,
               joined({order.u32(0x1a2b3c4d), order.u16(1), order.u16(0), Octets(8, 0xff)}));
}
Octets interface(Order order, uint16_t link_type, const Octets& options = {}, uint32_t snap = 0) {
  return block(order, 1, joined({order.u16(link_type), order.u16(0), order.u32(snap), options}));
}
Octets option(Order order, uint16_t code, Octets value) {
  const auto octets = static_cast<uint16_t>(value.size());
  while (value.size() % 4 != 0) value.push_back(0);
  return joined({order.u16(code), order.u16(octets), value});
}
Octets enhanced(Order order, uint32_t index, uint64_t ticks, const Octets& packet) {
  const Octets octets = order.u32(packet.size());
  return block(
      order, 6,
      joined({order.u32(index), order.u32(ticks >> 32), order.u32(ticks), octets, octets, packet}));
}

const Octets kDatagram = joined({ipv4(17, 13), udp(0x8980, 5), octets_of("query")});
const Octets kFrame = joined({macs(), ether4(), kDatagram});
const Octets kMade = joined({Octets(12, 0), ether4(), kDatagram});

struct Seen {
  Octets frame;
  uint64_t time_ns;
  CaptureCut cut;
};
std::vector<Seen> read_all(const Octets& file, CaptureNext& last, size_t& at) {
  std::string error;
  auto reader = CaptureReader::open(file, error);
  std::vector<Seen> seen;
  CaptureRecord record;
  CHECK_EQ(error, std::string());
  if (!reader) return seen;
  while ((last = reader->next(record)) == CaptureNext::kRecord)
    seen.push_back({Octets(record.frame.begin(), record.frame.end()), record.time_ns, record.cut});
  at = reader->at();
  return seen;
}
std::vector<Seen> read_whole(const Octets& file) {
  CaptureNext last = CaptureNext::kTruncated;
  size_t at = 0;
  auto seen = read_all(file, last, at);
  CHECK_EQ(last, CaptureNext::kEnd);
  CHECK_EQ(at, file.size());
  return seen;
}
uint64_t time_by(const Octets& options, uint64_t ticks) {
  const auto seen = read_whole(joined(
      {section(kLittle), interface(kLittle, 1, options), enhanced(kLittle, 0, ticks, kFrame)}));
  CHECK_EQ(seen.size(), 1u);
  return seen.empty() ? 0 : seen[0].time_ns;
}
std::string refused(const Octets& file) {
  std::string error;
  CHECK(!CaptureReader::open(file, error).has_value());
  return error;
}

}  // namespace

TEST(both_orders_in_one_file) {
  const Order big = {false};
  const auto seen =
      read_whole(joined({section(kLittle), interface(kLittle, 1), enhanced(kLittle, 0, 5, kFrame),
                         section(big), interface(big, 101), enhanced(big, 0, 7, kDatagram)}));
  CHECK_EQ(seen.size(), 2u);
  CHECK(seen[0].frame == kFrame);
  CHECK_EQ(seen[0].time_ns, 5000u);
  CHECK(seen[1].frame == kMade);
  CHECK_EQ(seen[1].time_ns, 7000u);
}

TEST(each_interface_has_its_link_type) {
  const Octets sll = {0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0};
  const Octets sll2 = {8, 0, 0, 0, 0, 0, 0, 7, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0};
  const Octets family = {2, 0, 0, 0};
  const auto seen =
      read_whole(joined({section(kLittle), interface(kLittle, 113), interface(kLittle, 276),
                         interface(kLittle, 0), interface(kLittle, 108), interface(kLittle, 147),
                         interface(kLittle, 228), enhanced(kLittle, 0, 0, joined({sll, kDatagram})),
                         enhanced(kLittle, 1, 0, joined({sll2, kDatagram})),
                         enhanced(kLittle, 2, 0, joined({family, kDatagram})),
                         enhanced(kLittle, 3, 0, joined({family, kDatagram})),
                         enhanced(kLittle, 5, 0, kDatagram), enhanced(kLittle, 4, 0, kDatagram),
                         enhanced(kLittle, 2, 0, {2, 0, 0}), enhanced(kLittle, 6, 0, kDatagram)}));
  CHECK_EQ(seen.size(), 7u);
  for (size_t i = 0; i < 5; ++i) CHECK(seen[i].frame == kMade);
  CHECK(seen[5].frame.empty());  // of a link that can't be read
  CHECK(seen[6].frame.empty());  // too short
}

TEST(one_interface_that_can_be_read_is_enough) {
  const auto seen =
      read_whole(joined({section(kLittle), interface(kLittle, 147), enhanced(kLittle, 0, 0, {1}),
                         interface(kLittle, 1), enhanced(kLittle, 1, 0, kFrame)}));
  CHECK_EQ(seen.size(), 2u);
  CHECK(seen[0].frame.empty());
  CHECK(seen[1].frame == kFrame);
}

TEST(clocks) {
  CHECK_EQ(time_by({}, 1'700'000'000'000'005), 1'700'000'000'000'005'000u);
  CHECK_EQ(time_by(option(kLittle, 9, {9}), 5), 5u);
  CHECK_EQ(time_by(option(kLittle, 9, {0}), 5), 5'000'000'000u);
  CHECK_EQ(time_by(option(kLittle, 9, {12}), 5000), 5u);
  CHECK_EQ(time_by(option(kLittle, 9, {0x80}), 3), 3'000'000'000u);
  CHECK_EQ(time_by(option(kLittle, 9, {0x81}), 3), 1'500'000'000u);
  CHECK_EQ(time_by(option(kLittle, 9, {0x80 | 63}), uint64_t{3} << 62), 1'500'000'000u);
  CHECK_EQ(time_by(option(kLittle, 9, {127}), 5), 0u);
  CHECK_EQ(time_by(option(kLittle, 9, {255}), 5), 0u);
  const Octets named = option(kLittle, 2, octets_of("eth0x"));
  const Octets offset = option(kLittle, 14, kLittle.number(10, 8));
  CHECK_EQ(time_by(joined({named, offset, Octets(4, 0), option(kLittle, 9, {9})}), 5),
           10'000'005'000u);
}

TEST(simple_and_obsolete_packets) {
  const Octets octets = kLittle.u32(kFrame.size());
  const Octets obsolete = block(
      kLittle, 2, joined({kLittle.u32(0), Octets(4, 0), kLittle.u32(9), octets, octets, kFrame}));
  const Octets cut = Octets(kFrame.begin(), kFrame.begin() + 20);
  const auto seen = read_whole(
      joined({section(kLittle), interface(kLittle, 1, {}, 20), obsolete,
              block(kLittle, 3, joined({octets, cut})), block(kLittle, 5, Octets(20, 1))}));
  CHECK_EQ(seen.size(), 2u);
  CHECK(seen[0].frame == kFrame);
  CHECK_EQ(seen[0].time_ns, 9000u);
  CHECK(seen[1].frame == cut);
  CHECK_EQ(seen[1].cut, CaptureCut::kSnapLength);
}

TEST(every_cut_of_a_file) {
  const Octets head = joined({section(kLittle), interface(kLittle, 1)});
  const Octets one = enhanced(kLittle, 0, 0, kFrame);
  const Octets file = joined({head, one, one});
  for (size_t octets = 0; octets < file.size(); ++octets) {
    const Octets part = prefix(file, octets);
    if (octets < head.size()) {
      CHECK(!refused(part).empty());
      continue;
    }
    CaptureNext last = CaptureNext::kEnd;
    size_t at = 0;
    const size_t whole = read_all(part, last, at).size();
    CHECK_EQ(whole, (octets - head.size()) / one.size());
    CHECK_EQ(at, head.size() + whole * one.size());
    CHECK_EQ(last == CaptureNext::kEnd, at == octets);
  }
}

TEST(lengths_that_contradict) {
  const Octets head = joined({section(kLittle), interface(kLittle, 1)});
  const Octets one = enhanced(kLittle, 0, 0, kFrame);
  for (const uint32_t length : {0u, 8u, 13u, 0xfffffffcu}) {
    Octets file = joined({head, one});
    const Octets written = kLittle.u32(length);
    std::copy(written.begin(), written.end(), file.begin() + static_cast<long>(head.size()) + 4);
    CaptureNext last = CaptureNext::kEnd;
    size_t at = 0;
    CHECK_EQ(read_all(file, last, at).size(), 0u);
    CHECK_EQ(last, CaptureNext::kTruncated);
  }
  Octets captured = joined({head, one});
  captured[head.size() + 8 + 12 + 3] = 0xff;  // captured length
  CHECK_EQ(read_whole(captured).size(), 0u);
}

TEST(interfaces_have_a_limit) {
  Octets file = section(kLittle);
  const Octets one = interface(kLittle, 1);
  for (size_t i = 0; i <= PcapngReader::kMaxInterfaces; ++i)
    file.insert(file.end(), one.begin(), one.end());
  CaptureNext last = CaptureNext::kEnd;
  size_t at = 0;
  read_all(file, last, at);
  CHECK_EQ(last, CaptureNext::kTruncated);
  CHECK_EQ(at, file.size() - one.size());
}

TEST(what_is_no_readable_capture) {
  CHECK(refused(joined({section(kLittle), interface(kLittle, 147)})).find("147") !=
        std::string::npos);
  CHECK(refused(section(kLittle)).find("interface") != std::string::npos);
  Octets no_order = section(kLittle);
  no_order[8] = 0;
  CHECK(!refused(no_order).empty());
}

}  // namespace vethwall::wire

TAP_MAIN()
