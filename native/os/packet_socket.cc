#include "os/packet_socket.h"

#include <linux/if_ether.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <cstring>

#include "os/fault.h"
#include "os/netns.h"
#include "os/socket_options.h"

#ifndef PACKET_IGNORE_OUTGOING
#error "linux/if_packet.h is older than 4.20: install current kernel headers"
#endif

namespace vethwall::os {
namespace {

constexpr int kBufferOctets = 64 << 20;
constexpr size_t kMacsOctets = 12;
constexpr size_t kVlanTagOctets = 4;
constexpr size_t kReceiveSlotOctets = kVlanTagOctets + kFrameOctets;
constexpr size_t kSendOctets = 4 * kFrameOctets;
// How long a full send buffer is waited for before its frame is given up.
constexpr int kSendWaitMs = 2;

int ifindex_of(int fd, const std::string& if_name) {
  ifreq request = {};
  if (if_name.empty() || if_name.size() >= IFNAMSIZ) fail(EINVAL, "SIOCGIFINDEX", if_name);
  std::memcpy(request.ifr_name, if_name.c_str(), if_name.size() + 1);
  check(::ioctl(fd, SIOCGIFINDEX, &request), "SIOCGIFINDEX", if_name);
  return request.ifr_ifindex;
}

void bind_to(int fd, const std::string& if_name) {
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = __builtin_bswap16(ETH_P_ALL);
  address.sll_ifindex = ifindex_of(fd, if_name);
  check(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind", if_name);
}

void attach_filter(int fd, std::span<const sock_filter> filter) {
  const sock_fprog program = {static_cast<unsigned short>(filter.size()),
                              const_cast<sock_filter*>(filter.data())};
  check(::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), "setsockopt",
        "SO_ATTACH_FILTER");
}

Fd open_bound(int netns_fd, const std::string& if_name, std::span<const sock_filter> filter) {
  Fd fd;
  // Protocol 0: nothing of any device is received before bind() names the one.
  run_in_netns(netns_fd, [&] {
    fd = Fd(check(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket",
                  "AF_PACKET"));
  });
  set_option(fd.get(), SOL_PACKET, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR");
  set_option(fd.get(), SOL_PACKET, PACKET_AUXDATA, 1, "PACKET_AUXDATA");
  set_option(fd.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING");
  set_buffer(fd.get(), SO_RCVBUFFORCE, SO_RCVBUF, kBufferOctets, "SO_RCVBUF");
  set_buffer(fd.get(), SO_SNDBUFFORCE, SO_SNDBUF, kBufferOctets, "SO_SNDBUF");
  if (!filter.empty()) attach_filter(fd.get(), filter);
  bind_to(fd.get(), if_name);
  return fd;
}

bool read_auxdata(const msghdr& header, tpacket_auxdata& out) {
  for (const cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
       part = CMSG_NXTHDR(const_cast<msghdr*>(&header), const_cast<cmsghdr*>(part))) {
    if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA) continue;
    std::memcpy(&out, CMSG_DATA(part), sizeof out);
    return true;
  }
  return false;
}

// socket(7), SO_MARK of one message.
void write_mark(msghdr& header, uint32_t mark) {
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SO_MARK;
  part->cmsg_len = CMSG_LEN(sizeof mark);
  std::memcpy(CMSG_DATA(part), &mark, sizeof mark);
}

void put_be16(uint8_t* target, unsigned value) {
  target[0] = static_cast<uint8_t>(value >> 8);
  target[1] = static_cast<uint8_t>(value);
}

// The tag goes between the MACs and the ethertype; what the vnet header counts from the frame's
// start moves with it. `frame` has room for the tag in front.
uint8_t* insert_vlan_tag(uint8_t* frame, const tpacket_auxdata& aux, wire::VnetHeader& vnet) {
  uint8_t* moved = frame - kVlanTagOctets;
  std::memmove(moved, frame, kMacsOctets);
  const bool has_tpid = (aux.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
  put_be16(moved + kMacsOctets, has_tpid ? aux.tp_vlan_tpid : ETH_P_8021Q);
  put_be16(moved + kMacsOctets + 2, aux.tp_vlan_tci);
  if ((vnet.flags & wire::kNeedsCsum) != 0) {
    vnet.csum_start = static_cast<uint16_t>(vnet.csum_start + kVlanTagOctets);
  }
  if (vnet.gso_type != wire::kGsoNone) {
    vnet.hdr_len = static_cast<uint16_t>(vnet.hdr_len + kVlanTagOctets);
  }
  return moved;
}

}  // namespace

PacketSocket::PacketSocket(int netns_fd, const std::string& if_name,
                           std::span<const sock_filter> filter)
    : fd_(open_bound(netns_fd, if_name, filter)),
      if_name_(if_name),
      receive_octets_(new uint8_t[kBatchFrames * kReceiveSlotOctets]),
      send_octets_(new uint8_t[kSendOctets]) {
  received_.reserve(kBatchFrames);
  for (size_t i = 0; i < kBatchFrames; i++) prepare_receive(i);
}

void PacketSocket::prepare_receive(size_t index) {
  ReceiveSlot& slot = receive_slots_[index];
  slot.parts[0] = {&slot.vnet, sizeof slot.vnet};
  slot.parts[1] = {receive_octets_.get() + index * kReceiveSlotOctets + kVlanTagOctets,
                   kFrameOctets};
  msghdr& header = receive_headers_[index].msg_hdr;
  header.msg_iov = slot.parts.data();
  header.msg_iovlen = slot.parts.size();
  header.msg_control = slot.control.data();
  header.msg_controllen = slot.control.size();
  header.msg_flags = 0;
}

std::span<const ReceivedFrame> PacketSocket::receive() {
  received_.clear();
  const int count =
      ::recvmmsg(fd_.get(), receive_headers_.data(), kBatchFrames, MSG_DONTWAIT, nullptr);
  if (count < 0) {
    if (errno == ENETDOWN) {
      is_bound_ = false;
    } else if (errno != EAGAIN && errno != EINTR) {
      counts_.receive_errors++;
    }
    return {};
  }
  for (size_t i = 0; i < static_cast<size_t>(count); i++) {
    accept(i);
    prepare_receive(i);
  }
  return received_;
}

void PacketSocket::accept(size_t index) {
  ReceiveSlot& slot = receive_slots_[index];
  const mmsghdr& header = receive_headers_[index];
  if ((header.msg_hdr.msg_flags & MSG_TRUNC) != 0 ||
      header.msg_len < sizeof slot.vnet + kMacsOctets) {
    counts_.truncated++;
    return;
  }
  auto* begin = static_cast<uint8_t*>(slot.parts[1].iov_base);
  size_t octets = header.msg_len - sizeof slot.vnet;
  tpacket_auxdata aux;
  if (read_auxdata(header.msg_hdr, aux) && (aux.tp_status & TP_STATUS_VLAN_VALID) != 0) {
    begin = insert_vlan_tag(begin, aux, slot.vnet);
    octets += kVlanTagOctets;
  }
  received_.push_back({slot.vnet, {begin, octets}});
}

bool PacketSocket::is_received(wire::Frame frame) const {
  const auto begin = reinterpret_cast<uintptr_t>(receive_octets_.get());
  const auto at = reinterpret_cast<uintptr_t>(frame.data());
  return at >= begin && at < begin + kBatchFrames * kReceiveSlotOctets;
}

const uint8_t* PacketSocket::copy(wire::Frame frame) {
  if (kSendOctets - send_octets_used_ < frame.size()) flush();
  uint8_t* target = send_octets_.get() + send_octets_used_;
  std::memcpy(target, frame.data(), frame.size());
  send_octets_used_ += frame.size();
  return target;
}

void PacketSocket::send(const wire::VnetHeader& vnet, wire::Frame frame, uint32_t mark) {
  if (frame.size() > kFrameOctets) {
    counts_.send_failed++;
    return;
  }
  if (send_count_ == kBatchFrames) flush();
  const uint8_t* octets = is_received(frame) ? frame.data() : copy(frame);
  SendSlot& slot = send_slots_[send_count_];
  slot.vnet = vnet;
  slot.parts[0] = {&slot.vnet, sizeof slot.vnet};
  slot.parts[1] = {const_cast<uint8_t*>(octets), frame.size()};
  msghdr& header = send_headers_[send_count_].msg_hdr;
  header.msg_iov = slot.parts.data();
  header.msg_iovlen = slot.parts.size();
  header.msg_control = mark == 0 ? nullptr : slot.control.data();
  header.msg_controllen = mark == 0 ? 0 : slot.control.size();
  if (mark != 0) write_mark(header, mark);
  send_count_++;
}

void PacketSocket::flush() {
  size_t first = 0;
  while (first < send_count_) first += send_from(first);
  send_count_ = 0;
  send_octets_used_ = 0;
}

// How many of the queue from `first` on are dealt with: sent, or one given up.
size_t PacketSocket::send_from(size_t first) {
  const auto left = static_cast<unsigned>(send_count_ - first);
  int sent = ::sendmmsg(fd_.get(), send_headers_.data() + first, left, MSG_DONTWAIT);
  if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
    pollfd writable = {fd_.get(), POLLOUT, 0};
    ::poll(&writable, 1, kSendWaitMs);
    sent = ::sendmmsg(fd_.get(), send_headers_.data() + first, left, MSG_DONTWAIT);
  }
  if (sent > 0) return static_cast<size_t>(sent);
  if (sent < 0 && errno == EINTR) return 0;
  counts_.send_failed++;
  return 1;
}

// packet_do_bind() takes a device that is down, and leaves ENETDOWN as the socket's error.
void PacketSocket::bind_again() {
  try {
    bind_to(fd_.get(), if_name_);
  } catch (const Fault&) {
    return;
  }
  int error = 0;
  socklen_t octets = sizeof error;
  is_bound_ = ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &octets) == 0 && error == 0;
  if (is_bound_) counts_.bound_again++;
}

// PACKET_STATISTICS starts over with each reading.
void PacketSocket::update_statistics() {
  tpacket_stats statistics = {};
  socklen_t octets = sizeof statistics;
  if (::getsockopt(fd_.get(), SOL_PACKET, PACKET_STATISTICS, &statistics, &octets) == 0) {
    counts_.kernel_dropped += statistics.tp_drops;
  }
}

}  // namespace vethwall::os
