#include "wire/pcapng.h"

namespace vethwall::wire {
namespace {

// draft-ietf-opsawg-pcapng §4: block types
constexpr uint32_t kSectionHeader = 0x0a0d0d0a;  // the same in either order
constexpr uint32_t kInterface = 1;
constexpr uint32_t kObsoletePacket = 2;
constexpr uint32_t kSimplePacket = 3;
constexpr uint32_t kEnhancedPacket = 6;
constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
// Type and length before the body, the length again behind it.
constexpr uint32_t kBlockOctets = 12;
constexpr uint16_t kEndOfOptions = 0, kIfTsresol = 9, kIfTsoffset = 14;

// 10^19 is the largest power of ten in 64 bits; a finer clock's low digits are below a nanosecond.
constexpr unsigned kNanoDigits = 9, kMaxDigits = 19;
constexpr unsigned kMaxFractionBits = 30;  // so that times 10^9 it stays within 64 bits

uint64_t power_of_ten(unsigned digits) {
  uint64_t value = 1;
  for (unsigned i = 0; i < digits; ++i) value *= 10;
  return value;
}

uint64_t to_ns(uint64_t ticks, uint8_t resolution) {
  const unsigned n = resolution & 0x7fu;
  if ((resolution & 0x80) == 0) {
    if (n <= kNanoDigits) return ticks * power_of_ten(kNanoDigits - n);
    return n - kNanoDigits > kMaxDigits ? 0 : ticks / power_of_ten(n - kNanoDigits);
  }
  if (n == 0) return ticks * kNsPerSecond;
  if (n >= 64) return 0;
  uint64_t fraction = ticks & ((uint64_t{1} << n) - 1);
  const unsigned bits = n < kMaxFractionBits ? n : kMaxFractionBits;
  fraction >>= n - bits;
  return (ticks >> n) * kNsPerSecond + ((fraction * kNsPerSecond) >> bits);
}

}  // namespace

bool PcapngReader::is_pcapng(std::span<const uint8_t> file) {
  Header<4> type;
  return Reader(file).peek(type) && type.be32<0>() == kSectionHeader;
}

std::optional<PcapngReader> PcapngReader::open(std::span<const uint8_t> file, std::string& error) {
  PcapngReader reader{Reader(file)};
  PcapngReader ahead = reader;
  std::string found;
  for (Block block; ahead.next_block(block);) {
    if (block.type != kInterface) continue;
    const LinkType link_type = ahead.interfaces_.back().link_type;
    if (is_readable(link_type)) return reader;
    if (found.empty()) found = unreadable(link_type, ahead.at());
  }
  if (found.empty())
    found = "octet " + std::to_string(ahead.at()) + ": a pcapng file without an interface block";
  error = found;
  return std::nullopt;
}

CaptureNext PcapngReader::next(CaptureRecord& out) {
  for (Block block; file_.left() > 0;) {
    if (!next_block(block)) return CaptureNext::kTruncated;
    if (read_packet(block, out)) return CaptureNext::kRecord;
  }
  return CaptureNext::kEnd;
}

// False, without moving, where what lies there is no whole block.
bool PcapngReader::next_block(Block& out) {
  Reader ahead = file_;
  Header<8> head;
  if (!ahead.read(head)) return false;
  if (head.be32<0>() == kSectionHeader && !begin_section(ahead)) return false;
  out.type = host_order(head.be32<0>());
  const uint32_t octets = host_order(head.be32<4>());
  Header<4> again;
  if (octets < kBlockOctets || octets % 4 != 0) return false;
  if (!ahead.take(octets - kBlockOctets, out.body) || !ahead.read(again)) return false;
  if (host_order(again.be32<0>()) != octets) return false;
  if (out.type == kInterface && !add_interface(Reader(out.body))) return false;
  file_ = ahead;
  return true;
}

// `ahead` is at the section's byte-order magic.
bool PcapngReader::begin_section(Reader ahead) {
  Header<4> magic;
  if (!ahead.read(magic)) return false;
  is_little_ = magic.be32<0>() != kByteOrderMagic;
  if (host_order(magic.be32<0>()) != kByteOrderMagic) return false;
  interfaces_.clear();
  return true;
}

bool PcapngReader::add_interface(Reader body) {
  Header<8> header;
  if (!body.read(header) || interfaces_.size() >= kMaxInterfaces) return false;
  Interface added = {static_cast<LinkType>(host_order(header.be16<0>())),
                     host_order(header.be32<4>())};
  read_options(body, added);
  interfaces_.push_back(added);
  return true;
}

void PcapngReader::read_options(Reader body, Interface& out) const {
  Header<4> head;
  while (body.read(head) && head.be16<0>() != kEndOfOptions) {
    const uint16_t octets = host_order(head.be16<2>());
    std::span<const uint8_t> value;
    if (!body.take(octets, value)) return;
    Reader reader(value);
    Header<1> resolution;
    Header<8> offset;
    const uint16_t code = host_order(head.be16<0>());
    if (code == kIfTsresol && reader.read(resolution)) out.resolution = resolution.u8<0>();
    if (code == kIfTsoffset && reader.read(offset)) {
      const uint64_t first = host_order(offset.be32<0>()), second = host_order(offset.be32<4>());
      out.offset_seconds = is_little_ ? second << 32 | first : first << 32 | second;
    }
    if (!body.skip((4 - octets % 4) % 4)) return;
  }
}

bool PcapngReader::read_packet(const Block& block, CaptureRecord& out) {
  switch (block.type) {
    case kEnhancedPacket:
      return read_enhanced(Reader(block.body), out);
    case kSimplePacket:
      return read_simple(Reader(block.body), out);
    case kObsoletePacket:
      return read_obsolete(Reader(block.body), out);
    default:
      return false;
  }
}

bool PcapngReader::read_enhanced(Reader body, CaptureRecord& out) {
  Header<20> header;
  std::span<const uint8_t> packet;
  if (!body.read(header) || !body.take(host_order(header.be32<12>()), packet)) return false;
  const uint32_t index = host_order(header.be32<0>());
  if (index >= interfaces_.size()) return false;
  const Interface& interface = interfaces_[index];
  const uint64_t ticks =
      uint64_t{host_order(header.be32<4>())} << 32 | host_order(header.be32<8>());
  out.time_ns = to_ns(ticks, interface.resolution) + interface.offset_seconds * kNsPerSecond;
  return set_packet(interface, packet, host_order(header.be32<16>()), out);
}

// Without a time: all of them are at the epoch, in the order of the file.
bool PcapngReader::read_simple(Reader body, CaptureRecord& out) {
  Header<4> header;
  if (!body.read(header) || interfaces_.empty()) return false;
  const Interface& interface = interfaces_.front();
  const uint32_t original = host_order(header.be32<0>());
  size_t octets = std::min<size_t>(original, body.left());
  if (interface.snap_octets > 0) octets = std::min<size_t>(octets, interface.snap_octets);
  out.time_ns = 0;
  return set_packet(interface, body.rest().first(octets), original, out);
}

bool PcapngReader::read_obsolete(Reader body, CaptureRecord& out) {
  Header<20> header;
  std::span<const uint8_t> packet;
  if (!body.read(header) || !body.take(host_order(header.be32<12>()), packet)) return false;
  const uint16_t index = host_order(header.be16<0>());
  if (index >= interfaces_.size()) return false;
  const Interface& interface = interfaces_[index];
  const uint64_t ticks =
      uint64_t{host_order(header.be32<4>())} << 32 | host_order(header.be32<8>());
  out.time_ns = to_ns(ticks, interface.resolution) + interface.offset_seconds * kNsPerSecond;
  return set_packet(interface, packet, host_order(header.be32<16>()), out);
}

bool PcapngReader::set_packet(const Interface& interface, std::span<const uint8_t> packet,
                              uint32_t original, CaptureRecord& out) {
  out.original_octets = original;
  out.cut = original > packet.size() ? CaptureCut::kSnapLength : CaptureCut::kNone;
  out.frame = framer_.as_ethernet(interface.link_type, packet, out.cut);
  return true;
}

}  // namespace vethwall::wire
