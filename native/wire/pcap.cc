#include "wire/pcap.h"

#include <cstring>

namespace vethwall::wire {
namespace {

constexpr size_t kFileHeaderOctets = 24;
constexpr size_t kLinkTypeOffset = 20;
constexpr size_t kRecordHeaderOctets = 16;
constexpr size_t kMacsOctets = 12;
// tcpdump's largest snap length; more is a broken file.
constexpr uint32_t kMaxCapturedOctets = 262144;

constexpr uint32_t kMagicMicroseconds = 0xa1b2c3d4;
constexpr uint32_t kMagicNanoseconds = 0xa1b23c4d;
constexpr uint32_t kMagicPcapng = 0x0a0d0d0a;

// https://www.tcpdump.org/linktypes.html
constexpr uint32_t kLinkTypeMask = 0x0fffffff;
constexpr uint32_t kEthernet = 1;
constexpr uint32_t kRawOpenBsd = 14;
constexpr uint32_t kRawBsd = 12;
constexpr uint32_t kRaw = 101;
constexpr uint32_t kLinuxSll = 113;
constexpr uint32_t kLinuxSll2 = 276;
// LINKTYPE_LINUX_SLL{,2}: header length, and where the ethertype is in it.
constexpr size_t kSllOctets = 16;
constexpr size_t kSllProtocolOffset = 14;
constexpr size_t kSll2Octets = 20;
constexpr size_t kSll2ProtocolOffset = 0;

bool is_known(uint32_t link_type) {
  return link_type == kEthernet || link_type == kRaw || link_type == kRawBsd ||
         link_type == kRawOpenBsd || link_type == kLinuxSll || link_type == kLinuxSll2;
}

}  // namespace

uint32_t PcapReader::u32(size_t offset) const {
  uint32_t value;
  std::memcpy(&value, file_.data() + offset, sizeof value);
  return swapped_ ? __builtin_bswap32(value) : value;
}

std::unique_ptr<PcapReader> PcapReader::open(std::span<const uint8_t> file, std::string& error) {
  std::unique_ptr<PcapReader> reader(new PcapReader);
  reader->file_ = file;
  if (file.size() < kFileHeaderOctets) {
    error = "no pcap file: shorter than its header";
    return nullptr;
  }
  uint32_t magic = reader->u32(0);
  if (magic == kMagicPcapng) {
    error = "a pcapng file: convert it with `editcap -F pcap IN OUT`";
    return nullptr;
  }
  reader->swapped_ = magic != kMagicMicroseconds && magic != kMagicNanoseconds;
  magic = reader->u32(0);
  if (magic != kMagicMicroseconds && magic != kMagicNanoseconds) {
    error = "no pcap file: unknown magic number";
    return nullptr;
  }
  reader->fraction_ns_ = magic == kMagicNanoseconds ? 1 : 1000;
  reader->link_type_ = reader->u32(kLinkTypeOffset) & kLinkTypeMask;
  if (!is_known(reader->link_type_)) {
    error = "link type " + std::to_string(reader->link_type_) + " is not read: capture Ethernet";
    return nullptr;
  }
  reader->offset_ = kFileHeaderOctets;
  return reader;
}

bool PcapReader::next(CapturedFrame& out) {
  if (file_.size() - offset_ < kRecordHeaderOctets) return false;
  const uint32_t captured = u32(offset_ + 8);
  const size_t begin = offset_ + kRecordHeaderOctets;
  if (captured > kMaxCapturedOctets || captured > file_.size() - begin) return false;
  out.time_ns = uint64_t{u32(offset_)} * 1'000'000'000 + uint64_t{u32(offset_ + 4)} * fraction_ns_;
  out.frame = as_ethernet(file_.subspan(begin, captured));
  offset_ = begin + captured;
  return true;
}

// Zero MACs and the ethertype before what was captured without them.
Frame PcapReader::as_ethernet(std::span<const uint8_t> packet) {
  if (link_type_ == kEthernet) return packet;
  std::array<uint8_t, 2> ethertype = {0x08, 0x00};
  size_t header_octets = 0;
  if (link_type_ == kLinuxSll || link_type_ == kLinuxSll2) {
    header_octets = link_type_ == kLinuxSll ? kSllOctets : kSll2Octets;
    if (packet.size() < header_octets) return {};
    const size_t at = link_type_ == kLinuxSll ? kSllProtocolOffset : kSll2ProtocolOffset;
    ethertype = {packet[at], packet[at + 1]};
  } else if (!packet.empty() && packet[0] >> 4 == 6) {
    ethertype = {0x86, 0xdd};
  }
  ethernet_.assign(kMacsOctets, 0);
  ethernet_.insert(ethernet_.end(), ethertype.begin(), ethertype.end());
  ethernet_.insert(ethernet_.end(), packet.begin() + static_cast<std::ptrdiff_t>(header_octets),
                   packet.end());
  return ethernet_;
}

}  // namespace vethwall::wire
