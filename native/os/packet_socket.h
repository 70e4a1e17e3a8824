// AF_PACKET frames with their vnet headers (packet(7), linux/virtio_net.h): GSO frames and partial
// checksums pass whole in both directions, VLAN tags are in band.
#pragma once
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "os/fd.h"
#include "wire/packet.h"

namespace vethwall::os {

inline constexpr size_t kBatchFrames = 64;
// The largest GSO frame is 64 KiB of IP behind an Ethernet header with two tags.
inline constexpr size_t kFrameOctets = 66 << 10;

struct ReceivedFrame {
  wire::VnetHeader vnet;
  wire::Frame frame;
};

struct PacketCounts {
  uint64_t receive_errors = 0;  // one frame lost each: what the vnet header can't say
  uint64_t truncated = 0;
  uint64_t send_failed = 0;
  uint64_t kernel_dropped = 0;  // the socket's buffer was full
  uint64_t bound_again = 0;     // the device went and came back
};

class PacketSocket {
 public:
  // `filter` says which frames of the device are received; empty = all.
  PacketSocket(int netns_fd, const std::string& if_name, std::span<const sock_filter> filter = {});

  // Up to kBatchFrames that wait now. Valid until the next call.
  std::span<const ReceivedFrame> receive();
  // Sends with the next flush(), with skb->mark where `mark` is not 0. A frame inside the last
  // receive() is not copied.
  void send(const wire::VnetHeader& vnet, wire::Frame frame, uint32_t mark = 0);
  void flush();
  // False while the device is down or gone: nothing can be received.
  bool is_bound() const { return is_bound_; }
  // Looks for a device of the same name again: one that came up, or a new one.
  void bind_again();
  // Reads what the kernel dropped since the last call.
  void update_statistics();
  const PacketCounts& counts() const { return counts_; }
  int fd() const { return fd_.get(); }

 private:
  struct ReceiveSlot {
    alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(tpacket_auxdata))> control;
    wire::VnetHeader vnet;
    std::array<iovec, 2> parts;
  };
  struct SendSlot {
    alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(uint32_t))> control;
    wire::VnetHeader vnet;
    std::array<iovec, 2> parts;
  };

  void prepare_receive(size_t index);
  void accept(size_t index);
  bool is_received(wire::Frame frame) const;
  const uint8_t* copy(wire::Frame frame);
  size_t send_from(size_t first);

  Fd fd_;
  const std::string if_name_;
  bool is_bound_ = true;
  PacketCounts counts_;
  std::unique_ptr<uint8_t[]> receive_octets_;
  std::array<ReceiveSlot, kBatchFrames> receive_slots_;
  std::array<mmsghdr, kBatchFrames> receive_headers_ = {};
  std::vector<ReceivedFrame> received_;
  std::unique_ptr<uint8_t[]> send_octets_;
  size_t send_octets_used_ = 0;
  std::array<SendSlot, kBatchFrames> send_slots_;
  std::array<mmsghdr, kBatchFrames> send_headers_ = {};
  size_t send_count_ = 0;
};

}  // namespace vethwall::os
