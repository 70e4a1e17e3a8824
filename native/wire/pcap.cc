#include "wire/pcap.h"

#include <array>

#include "wire/decode_stages.h"
#include "wire/writer.h"

namespace vethwall::wire {
namespace {

constexpr uint32_t kMagicMicroseconds = 0xa1b2c3d4;
constexpr uint32_t kMagicNanoseconds = 0xa1b23c4d;
constexpr uint32_t kMagicPcapng = 0x0a0d0d0a;  // draft-ietf-opsawg-pcapng §4.1: a section header
constexpr uint64_t kNsPerSecond = 1'000'000'000;
constexpr uint16_t kSllBroadcast = 1;  // LINKTYPE_LINUX_SLL's packet type

std::string unreadable(uint32_t magic) {
  if (magic == kMagicPcapng)
    return "octet 0: a pcapng file; convert it with: editcap -F pcap IN.pcapng OUT.pcap";
  return "octet 0: no pcap file: the magic number is none of a1b2c3d4, a1b23c4d in either order";
}

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
    switch (reader.link_type_) {
      case LinkType::kEthernet:
      case LinkType::kRaw:
      case LinkType::kLinuxSll:
      case LinkType::kLinuxSll2:
        return reader;
    }
    error =
        "octet 20: link type " + std::to_string(static_cast<unsigned>(reader.link_type_)) +
        " can't be read; capture with one of Ethernet (1), raw IP (101), Linux cooked (113, 276)";
    return std::nullopt;
  }
  error = unreadable(magic);
  return std::nullopt;
}

PcapReader::Next PcapReader::next(PcapRecord& out) {
  if (file_.left() == 0) return Next::kEnd;
  Reader ahead = file_;
  Header<16> header;
  std::span<const uint8_t> packet;
  if (!ahead.read(header) || !ahead.take(host_order(header.be32<8>()), packet))
    return Next::kTruncated;
  file_ = ahead;
  out.time_ns = host_order(header.be32<0>()) * kNsPerSecond +
                uint64_t{host_order(header.be32<4>())} * ns_per_fraction_;
  out.original_octets = host_order(header.be32<12>());
  out.is_cut = out.original_octets > packet.size();
  out.frame = as_ethernet(packet);
  return Next::kRecord;
}

// A packet too short for its cooked header gives an empty frame, which decode() calls truncated.
Frame PcapReader::as_ethernet(std::span<const uint8_t> packet) {
  Reader reader(packet);
  std::array<uint8_t, 6> source = {};
  if (link_type_ == LinkType::kLinuxSll) {
    Header<16> cooked;
    if (!reader.read(cooked)) return {};
    cooked.copy<6, 6>(source);
    return framed(reader, source, cooked.be16<0>() == kSllBroadcast, cooked.be16<14>());
  }
  if (link_type_ == LinkType::kLinuxSll2) {
    Header<20> cooked;
    if (!reader.read(cooked)) return {};
    cooked.copy<12, 6>(source);
    return framed(reader, source, cooked.u8<10>() == kSllBroadcast, cooked.be16<0>());
  }
  if (link_type_ == LinkType::kRaw) {
    Header<1> first;
    if (!reader.peek(first)) return {};
    return framed(reader, source, false, first.u8<0>() >> 4 == 6 ? kEtherIpv6 : kEtherIpv4);
  }
  return packet;
}

Frame PcapReader::framed(Reader packet, const std::array<uint8_t, 6>& source, bool is_broadcast,
                         uint16_t ethertype) {
  made_.clear();
  Writer writer(made_);
  std::array<uint8_t, 6> destination;
  destination.fill(is_broadcast ? 0xff : 0);
  writer.octets(destination);
  writer.octets(source);
  writer.be16(ethertype);
  writer.octets(packet.rest());
  return made_;
}

}  // namespace vethwall::wire
