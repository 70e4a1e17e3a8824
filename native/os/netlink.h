// Netlink sockets: opens them in a namespace, sends batches, collects the answers. What the
// messages mean is core/netlink's business.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "os/fd.h"

namespace vethwall::os {

Fd netlink_open(int netns_fd, int protocol);
// Sends the batch and reads until each message with NLM_F_ACK is answered and each dump is done.
// The messages received are returned as they came, NLMSG_ERROR among them; throws for socket
// errors, a batch that is no list of messages, and for ETIMEDOUT.
std::vector<uint8_t> netlink_request(int fd, std::span<const uint8_t> batch, int timeout_ms);

// A socket that only hears: multicast groups of the namespace, by number (RTNLGRP_* of
// linux/rtnetlink.h).
Fd netlink_subscribe(int netns_fd, int protocol, std::span<const int> groups);
// What has come since the call before; nullopt = more than the socket could keep.
std::optional<std::vector<uint8_t>> netlink_drain(int fd);

}  // namespace vethwall::os
