// wire/nfqueue.h and wire/segments.h: hostile messages, verdicts, and frames as IP packets.
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

#include "test/tap.h"
#include "test/wire_nfqueue_messages.h"
#include "wire/checksum.h"
#include "wire/nfqueue.h"
#include "wire/segments.h"

using namespace vethwall;
using namespace vethwall::wire;
using Next = NfqueueReader::Next;

namespace {

TEST(a_packet_message) {
  const Octets datagram = packet_message({
      attribute(NFQA_PACKET_HDR, {0, 0, 1, 2, 0x08, 0x00, 1}),
      attribute(NFQA_MARK, {0xff, 0, 0, 7}),
      attribute(NFQA_IFINDEX_INDEV, {0, 0, 0, 9}),
      attribute(NFQA_SKB_INFO, {0, 0, 0, NFQA_SKB_GSO | NFQA_SKB_CSUMNOTREADY}),
      attribute(NFQA_PAYLOAD, {0x45, 1, 2}),
  });
  NfqueueReader reader(datagram);
  QueuedPacket packet;
  CHECK(reader.next(packet) == Next::kPacket);
  CHECK_EQ(packet.id, 0x0102u);
  CHECK(packet.hook == Hook::kLocalIn);
  CHECK_EQ(packet.family, 4);
  CHECK_EQ(packet.mark, 0xff000007u);
  CHECK_EQ(packet.in_ifindex, 9u);
  CHECK(packet.is_gso && packet.needs_checksum && !packet.is_unverified && !packet.is_cut);
  CHECK_EQ(packet.octets.size(), 3u);
  CHECK(reader.next(packet) == Next::kEnd);
}

TEST(several_messages_and_answers) {
  Octets datagram = packet_message({attribute(NFQA_PACKET_HDR, {0, 0, 0, 1, 8, 0, 3})});
  const Octets answer = answer_message(-2, 5);
  datagram.insert(datagram.end(), answer.begin(), answer.end());
  const Octets more = packet_message({attribute(NFQA_PACKET_HDR, {0, 0, 0, 2, 8, 0, 3})});
  datagram.insert(datagram.end(), more.begin(), more.end());
  NfqueueReader reader(datagram);
  QueuedPacket packet;
  CHECK(reader.next(packet) == Next::kPacket);
  CHECK(packet.octets.empty());
  CHECK(reader.next(packet) == Next::kAnswer);
  CHECK_EQ(reader.answer_errno(), 2);
  CHECK_EQ(reader.answer_sequence(), 5u);
  CHECK(reader.next(packet) == Next::kPacket);
  CHECK_EQ(packet.id, 2u);
}

// Cut anywhere, with any length stated: nothing is read outside, and nothing takes for ever.
TEST(truncated_messages) {
  const Octets whole = packet_message({attribute(NFQA_PACKET_HDR, {0, 0, 0, 1, 8, 0, 3}),
                                       attribute(NFQA_PAYLOAD, octets_of("0123456789"))});
  for (size_t octets = 0; octets < whole.size(); octets++) {
    const Octets cut = prefix(whole, octets);
    NfqueueReader reader(cut);
    QueuedPacket packet;
    CHECK(reader.next(packet) == (octets == 0 ? Next::kEnd : Next::kMalformed));
  }
  for (size_t at = 0; at < whole.size(); at++) {
    for (const uint8_t octet : Octets{0, 1, 3, 4, 15, 16, 255}) {
      Octets changed = whole;
      changed[at] = octet;
      NfqueueReader reader(changed);
      QueuedPacket packet;
      if (reader.next(packet) != Next::kPacket || packet.octets.empty()) continue;
      CHECK(packet.octets.data() >= changed.data() + 14);
      CHECK(packet.octets.data() + packet.octets.size() <= changed.data() + changed.size());
    }
  }
}

TEST(a_verdict_names_packet_fate_and_mark) {
  const auto octets = nfqueue_verdict(7, 0x01020304, true, 0x05060708);
  const Octets wanted = {
      40, 0, 0,  0, NFQNL_MSG_VERDICT, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,         0,
      0,  7, 12, 0, NFQA_VERDICT_HDR,  0, 0, 0, 0, 1, 1, 2, 3, 4, 8, 0, NFQA_MARK, 0,
      5,  6, 7,  8};
  CHECK(Octets(octets.begin(), octets.end()) == wanted);
  CHECK_EQ(nfqueue_verdict(7, 1, false, 0)[27], 0);
}

TEST(the_vnet_header_that_the_kernel_did_not_send) {
  const Octets frame = tcp4_frame(octets_of(std::string(5000, 'x')));
  QueuedPacket queued;
  queued.hook = Hook::kLocalOut;
  queued.needs_checksum = queued.is_gso = true;
  const VnetHeader vnet = vnet_of(queued, frame, 1500);
  CHECK_EQ(vnet.flags, kNeedsCsum);
  CHECK_EQ(vnet.gso_type, kGsoTcp4);
  CHECK_EQ(vnet.gso_size, 1460);
  CHECK_EQ(vnet.hdr_len, 54);
  CHECK_EQ(vnet.csum_start, 34);
  CHECK_EQ(vnet.csum_offset, 16);
  // Who sends vouches for nothing; of what arrives the kernel has an opinion.
  queued.needs_checksum = queued.is_gso = false;
  CHECK_EQ(vnet_of(queued, frame, 1500).flags, 0);
  queued.hook = Hook::kLocalIn;
  CHECK_EQ(vnet_of(queued, frame, 1500).flags, kDataValid);
  queued.is_unverified = true;
  CHECK_EQ(vnet_of(queued, frame, 1500).flags, 0);
}

TEST(a_long_segment_becomes_packets_with_whole_checksums) {
  const Octets payload = octets_of(std::string(4000, 'y'));
  Octets frame = tcp4_frame(payload);
  VnetHeader vnet = {};
  vnet.flags = kNeedsCsum;
  vnet.csum_start = 34;
  vnet.csum_offset = 16;
  const auto packets = segments_of(vnet, frame, 1500);
  CHECK_EQ(packets.size(), 3u);
  Octets joined_payload;
  for (const auto& packet : packets) {
    CHECK(packet.size() <= 1500);
    Octets one = joined({macs(), ether4(), packet});
    Packet decoded;
    // No help for the checksum: it has to be right.
    CHECK(decode(one, {}, decoded) == Malformed::kOk);
    const auto begin = one.begin() + decoded.payload_offset;
    joined_payload.insert(joined_payload.end(), begin, begin + decoded.payload_octets);
  }
  CHECK(joined_payload == payload);
  CHECK_EQ(segments_of(vnet, prefix(frame, 40), 1500).size(), 0u);
}

TEST(the_beginning_of_a_segment_is_a_segment) {
  const Octets frame = tcp4_frame(octets_of("0123456789"));
  const Built part = without_tail(prefix(frame, frame.size() - 4));
  Packet decoded;
  CHECK(decode(part.frame, part.vnet, decoded) == Malformed::kOk);
  CHECK_EQ(decoded.payload_octets, 5u);
  CHECK_EQ(decoded.tcp_flags & 0x09, 0);
  for (size_t octets = 0; octets < 56; octets++)
    CHECK(without_tail(prefix(frame, octets)).frame.empty());
}

}  // namespace

TAP_MAIN()
