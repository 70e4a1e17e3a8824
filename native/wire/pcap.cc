#include "wire/pcap.h"

namespace vethwall::wire {
namespace {

constexpr uint32_t kMagicMicroseconds = 0xa1b2c3d4;
constexpr uint32_t kMagicNanoseconds = 0xa1b23c4d;

}  // namespace

std::optional<PcapReader> PcapReader::open(std::span<const uint8_t> file, std::string& error) {
  PcapReader reader{Reader(file)};
  Header<24> header;
  if (!reader.file_.read(header)) {
    error = "octet 0: no pcap file: shorter than the file header's 24 octets";
    return std::nullopt;
  }
  const uint32_t magic = header.be32<0>();
  for (const bool is_little : {false, true}) {
    const uint32_t as_written = is_little ? __builtin_bswap32(magic) : magic;
    if (as_written != kMagicMicroseconds && as_written != kMagicNanoseconds) continue;
    reader.is_little_ = is_little;
    reader.ns_per_fraction_ = as_written == kMagicMicroseconds ? 1000 : 1;
    // The field's high 16 bits tell of a frame check sequence, which lies behind the IP datagram.
    reader.link_type_ = static_cast<LinkType>(reader.host_order(header.be32<20>()) & 0xffff);
    if (is_readable(reader.link_type_)) return reader;
    error = unreadable(reader.link_type_, 20);
    return std::nullopt;
  }
  error =
      "octet 0: no capture: the magic number is none of a1b2c3d4, a1b23c4d (pcap, in either order) "
      "and 0a0d0d0a (pcapng)";
  return std::nullopt;
}

CaptureNext PcapReader::next(CaptureRecord& out) {
  if (file_.left() == 0) return CaptureNext::kEnd;
  Reader ahead = file_;
  Header<16> header;
  std::span<const uint8_t> packet;
  if (!ahead.read(header) || !ahead.take(host_order(header.be32<8>()), packet))
    return CaptureNext::kTruncated;
  file_ = ahead;
  out.time_ns = host_order(header.be32<0>()) * kNsPerSecond +
                uint64_t{host_order(header.be32<4>())} * ns_per_fraction_;
  out.original_octets = host_order(header.be32<12>());
  out.cut = out.original_octets > packet.size() ? CaptureCut::kSnapLength : CaptureCut::kNone;
  out.frame = framer_.as_ethernet(link_type_, packet, out.cut);
  return CaptureNext::kRecord;
}

}  // namespace vethwall::wire
