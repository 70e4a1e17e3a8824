#include "engine/essentials.h"

#include <netinet/in.h>

#include <algorithm>

#include "engine/sources.h"

namespace vethwall::engine {
namespace {

constexpr uint8_t kNdHopLimit = 255;                                  // RFC 4861 §6.1, §7.1
constexpr uint8_t kMldQuery = 130, kMldReport = 131, kMldDone = 132;  // RFC 2710 §3
constexpr uint8_t kMld2Report = 143;                                  // RFC 3810 §5.2
constexpr uint8_t kMulticastManagementHops = 1;                       // RFC 3810 §5, RFC 3376 §4
constexpr uint8_t kUnreachable4 = 3, kFragmentationNeeded = 4, kPacketTooBig6 = 2;
constexpr uint16_t kDhcpServer = 67, kDhcpClient = 68;      // RFC 2131 §4.1
constexpr uint16_t kDhcp6Client = 546, kDhcp6Server = 547;  // RFC 8415 §7.2

bool is_link_local_or_unspecified(const wire::Address& address) {
  const auto& o = address.octets;
  return (o[0] == 0xfe && (o[1] & 0xc0) == 0x80) ||
         std::all_of(o.begin(), o.end(), [](uint8_t octet) { return octet == 0; });
}

bool is_neighbor_essential(const wire::Packet& packet, wire::Toward toward, bool strict) {
  if (!wire::is_neighbor_discovery(packet)) return false;
  if (!strict) return true;
  const bool from_router =
      packet.icmp_type == wire::kRouterAdvertisement || packet.icmp_type == wire::kRedirect;
  if (from_router &&
      (toward == wire::Toward::kNetwork || !is_link_local_or_unspecified(packet.source)))
    return false;
  return packet.hop_limit == kNdHopLimit && packet.icmp_code == 0;
}

bool is_multicast_management(const wire::Packet& packet, bool strict) {
  if (packet.protocol == IPPROTO_IGMP)
    return !strict || packet.hop_limit == kMulticastManagementHops;
  const uint8_t type = packet.icmp_type;
  if (packet.protocol != IPPROTO_ICMPV6 ||
      (type != kMldQuery && type != kMldReport && type != kMldDone && type != kMld2Report))
    return false;
  return !strict || (packet.hop_limit == kMulticastManagementHops &&
                     is_link_local_or_unspecified(packet.source));
}

// 255.255.255.255 or All_DHCP_Relay_Agents_and_Servers, ff02::1:2.
bool is_to_all_servers(const wire::Address& address) {
  constexpr std::array<uint8_t, 16> kBroadcast = {255, 255, 255, 255};
  constexpr std::array<uint8_t, 16> kServers6 = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2};
  return address.octets == (address.family == 4 ? kBroadcast : kServers6);
}

bool asks_for_lease(const wire::Packet& packet) {
  return packet.protocol == IPPROTO_UDP &&
         packet.source_port == (packet.family == 4 ? kDhcpClient : kDhcp6Client) &&
         packet.destination_port == (packet.family == 4 ? kDhcpServer : kDhcp6Server);
}

bool answers_with_lease(const wire::Packet& packet) {
  return packet.protocol == IPPROTO_UDP &&
         packet.source_port == (packet.family == 4 ? kDhcpServer : kDhcp6Server) &&
         packet.destination_port == (packet.family == 4 ? kDhcpClient : kDhcp6Client);
}

bool is_dhcp(const wire::Packet& packet, wire::Toward toward, const EndpointConfig& endpoint) {
  // Of a capture that is read for what its flows are, each is one.
  if (toward == wire::Toward::kUnknown && endpoint.identifies) return false;
  if (!endpoint.strict) return asks_for_lease(packet) || answers_with_lease(packet);
  if (toward == wire::Toward::kPod) return answers_with_lease(packet);
  // A unicast renewal to another is judged by policy: any host could be named as the server.
  return asks_for_lease(packet) && (is_to_all_servers(packet.destination) ||
                                    is_among(endpoint.dhcp_servers, packet.destination));
}

}  // namespace

bool is_essential(const wire::Packet& packet, wire::Toward toward, const EndpointConfig& endpoint) {
  return is_neighbor_essential(packet, toward, endpoint.strict) ||
         is_multicast_management(packet, endpoint.strict) || is_dhcp(packet, toward, endpoint);
}

bool is_refused_dhcp(const wire::Packet& packet, wire::Toward toward,
                     const EndpointConfig& endpoint) {
  const auto& servers = endpoint.dhcp_servers;
  return endpoint.strict && toward == wire::Toward::kPod && answers_with_lease(packet) &&
         std::ranges::any_of(servers, [&](const auto& s) { return s.family == packet.family; }) &&
         !is_among(servers, packet.source);
}

bool is_path_mtu_error(const wire::Packet& packet) {
  if (packet.protocol == IPPROTO_ICMP)
    return packet.icmp_type == kUnreachable4 && packet.icmp_code == kFragmentationNeeded;
  return packet.protocol == IPPROTO_ICMPV6 && packet.icmp_type == kPacketTooBig6;
}

}  // namespace vethwall::engine
