#include "wire/nfqueue.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>

#include "wire/build_stages.h"
#include "wire/decode_stages.h"
#include "wire/reader.h"

namespace vethwall::wire {
namespace {

constexpr size_t kMessageHeader = sizeof(nlmsghdr);
constexpr size_t kFamilyHeader = sizeof(nfgenmsg);
constexpr size_t kAttributeHeader = sizeof(nlattr);
constexpr size_t kEthernetOctets = 14;
// With the attribute's own header it is what 16 bits can count; the kernel lowers it to that.
constexpr uint32_t kCopyOctets = 0xffff;

constexpr uint16_t message_type(unsigned kind) {
  return static_cast<uint16_t>(NFNL_SUBSYS_QUEUE << 8 | kind);
}

constexpr size_t aligned(size_t octets) { return (octets + 3) & ~size_t{3}; }

void read_packet_header(std::span<const uint8_t> value, QueuedPacket& out, bool& found) {
  Reader reader(value);
  Header<7> header;
  if (!reader.read(header)) return;
  out.id = header.be32<0>();
  out.hook = static_cast<Hook>(header.u8<6>());
  found = true;
}

uint32_t be32_of(std::span<const uint8_t> value) {
  Reader reader(value);
  Header<4> header;
  return reader.read(header) ? header.be32<0>() : 0;
}

void take_attribute(uint16_t type, std::span<const uint8_t> value, QueuedPacket& out) {
  switch (type) {
    case NFQA_MARK:
      out.mark = be32_of(value);
      return;
    case NFQA_IFINDEX_INDEV:
      out.in_ifindex = be32_of(value);
      return;
    case NFQA_SKB_INFO: {
      const uint32_t info = be32_of(value);
      out.needs_checksum = (info & NFQA_SKB_CSUMNOTREADY) != 0;
      out.is_gso = (info & NFQA_SKB_GSO) != 0;
      out.is_unverified = (info & NFQA_SKB_CSUM_NOTVERIFIED) != 0;
      return;
    }
    case NFQA_CAP_LEN:
      out.is_cut = true;
      return;
    case NFQA_PAYLOAD:
      out.octets = value;
      return;
    default:
      return;
  }
}

// False where its id can't be told.
bool read_packet(Reader reader, QueuedPacket& out) {
  Header<kFamilyHeader> family;
  if (!reader.read(family)) return false;
  out = {};
  out.family = family.u8<0>() == AF_INET ? 4 : family.u8<0>() == AF_INET6 ? 6 : 0;
  bool has_id = false;
  Header<kAttributeHeader> attribute;
  while (reader.read(attribute)) {
    const size_t octets = attribute.host<uint16_t, 0>();
    std::span<const uint8_t> value;
    if (octets < kAttributeHeader || !reader.take(octets - kAttributeHeader, value)) break;
    const uint16_t type = attribute.host<uint16_t, 2>() & NLA_TYPE_MASK;
    if (type == NFQA_PACKET_HDR)
      read_packet_header(value, out, has_id);
    else
      take_attribute(type, value, out);
    reader.skip(std::min(reader.left(), aligned(octets) - octets));
  }
  return has_id;
}

void put(std::vector<uint8_t>& out, const void* value, size_t octets) {
  const auto* begin = static_cast<const uint8_t*>(value);
  out.insert(out.end(), begin, begin + octets);
}

void put_attribute(std::vector<uint8_t>& out, uint16_t type, const void* value, size_t octets) {
  const nlattr header = {static_cast<uint16_t>(sizeof(nlattr) + octets), type};
  put(out, &header, sizeof header);
  put(out, value, octets);
  out.resize(aligned(out.size()));
}

void put_be32(std::vector<uint8_t>& out, uint16_t type, uint32_t value) {
  const uint32_t network = __builtin_bswap32(value);
  put_attribute(out, type, &network, sizeof network);
}

std::vector<uint8_t> begin_config(uint16_t queue, uint16_t flags, uint32_t sequence) {
  std::vector<uint8_t> out;
  nlmsghdr header = {};
  header.nlmsg_type = message_type(NFQNL_MSG_CONFIG);
  header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  header.nlmsg_seq = sequence;
  const nfgenmsg family = {AF_UNSPEC, NFNETLINK_V0, __builtin_bswap16(queue)};
  put(out, &header, sizeof header);
  put(out, &family, sizeof family);
  return out;
}

std::vector<uint8_t> finish(std::vector<uint8_t> out) {
  const auto octets = static_cast<uint32_t>(out.size());
  std::memcpy(out.data(), &octets, sizeof octets);
  return out;
}

void put_flags(std::vector<uint8_t>& out, const QueueSettings& settings) {
  put_be32(out, NFQA_CFG_MASK, NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN);
  put_be32(out, NFQA_CFG_FLAGS,
           NFQA_CFG_F_GSO | (settings.fail_open ? unsigned{NFQA_CFG_F_FAIL_OPEN} : 0u));
}

}  // namespace

NfqueueReader::Next NfqueueReader::next(QueuedPacket& out) {
  while (!rest_.empty()) {
    Reader reader(rest_);
    Header<kMessageHeader> header;
    if (!reader.peek(header)) return Next::kMalformed;
    const size_t octets = header.host<uint32_t, 0>();
    if (octets < kMessageHeader || !reader.limit(octets)) return Next::kMalformed;
    rest_ = rest_.subspan(std::min(aligned(octets), rest_.size()));
    reader.skip(kMessageHeader);
    const uint16_t type = header.host<uint16_t, 4>();
    if (type == NLMSG_ERROR) {
      Header<4> error;
      if (!reader.read(error)) return Next::kMalformed;
      answer_errno_ = static_cast<int>(uint32_t{0} - error.host<uint32_t, 0>());
      answer_sequence_ = header.host<uint32_t, 8>();
      return Next::kAnswer;
    }
    if (type != message_type(NFQNL_MSG_PACKET)) continue;
    return read_packet(reader, out) ? Next::kPacket : Next::kMalformed;
  }
  return Next::kEnd;
}

std::array<uint8_t, kVerdictOctets> nfqueue_verdict(uint16_t queue, uint32_t packet_id,
                                                    bool accepts, uint32_t mark) {
  struct {
    nlmsghdr header = {};
    nfgenmsg family = {};
    nlattr verdict_attribute = {};
    nfqnl_msg_verdict_hdr verdict = {};
    nlattr mark_attribute = {};
    uint32_t mark = 0;
  } message;
  static_assert(sizeof message == kVerdictOctets);
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = message_type(NFQNL_MSG_VERDICT);
  message.header.nlmsg_flags = NLM_F_REQUEST;
  message.family = {AF_UNSPEC, NFNETLINK_V0, __builtin_bswap16(queue)};
  message.verdict_attribute = {sizeof(nlattr) + sizeof message.verdict, NFQA_VERDICT_HDR};
  message.verdict = {__builtin_bswap32(accepts ? NF_ACCEPT : NF_DROP),
                     __builtin_bswap32(packet_id)};
  message.mark_attribute = {sizeof(nlattr) + sizeof message.mark, NFQA_MARK};
  message.mark = __builtin_bswap32(mark);
  std::array<uint8_t, kVerdictOctets> out;
  std::memcpy(out.data(), &message, sizeof message);
  return out;
}

std::vector<uint8_t> nfqueue_bind(const QueueSettings& settings, uint32_t sequence) {
  std::vector<uint8_t> out = begin_config(settings.queue, NLM_F_ACK, sequence);
  nfqnl_msg_config_cmd command = {};
  command.command = NFQNL_CFG_CMD_BIND;
  put_attribute(out, NFQA_CFG_CMD, &command, sizeof command);
  const nfqnl_msg_config_params params = {__builtin_bswap32(kCopyOctets), NFQNL_COPY_PACKET};
  put_attribute(out, NFQA_CFG_PARAMS, &params, sizeof params);
  put_be32(out, NFQA_CFG_QUEUE_MAXLEN, settings.max_packets);
  put_flags(out, settings);
  return finish(std::move(out));
}

std::vector<uint8_t> nfqueue_set_fail_open(const QueueSettings& settings) {
  std::vector<uint8_t> out = begin_config(settings.queue, 0, 0);
  put_flags(out, settings);
  return finish(std::move(out));
}

VnetHeader vnet_of(const QueuedPacket& queued, Frame frame, uint32_t mtu_octets) {
  VnetHeader vnet = {};
  // Of what arrives, the kernel says whether the device or the stack vouches for the checksum.
  if (queued.hook <= Hook::kForward && !queued.is_unverified) vnet.flags = kDataValid;
  if (!queued.needs_checksum && !queued.is_gso) return vnet;
  Packet packet;
  VnetHeader any = {};
  any.flags = kDataValid;
  if (decode(frame, any, packet) != Malformed::kOk || packet.is_fragment) return vnet;
  const bool is_tcp = packet.protocol == kTcp;
  if (!is_tcp && packet.protocol != kUdp) return vnet;
  if (queued.needs_checksum) {
    vnet.flags = kNeedsCsum;
    vnet.csum_start = packet.l4_offset;
    vnet.csum_offset = is_tcp ? kTcpChecksumAt : kUdpChecksumAt;
  }
  if (!queued.is_gso) return vnet;
  vnet.gso_type = !is_tcp ? kGsoUdpL4 : packet.family == 4 ? kGsoTcp4 : kGsoTcp6;
  vnet.hdr_len = static_cast<uint16_t>(packet.payload_offset);
  const size_t headers = packet.payload_offset - kEthernetOctets;
  if (is_tcp && mtu_octets > headers)
    vnet.gso_size = static_cast<uint16_t>(std::min<size_t>(mtu_octets - headers, 0xffff));
  return vnet;
}

}  // namespace vethwall::wire
