// SPDX-License-Identifier: Apache-2.0
// The kernel half of the bpf pipe driver: cls_bpf direct-action programs on the ingress qdiscs of
// vin (frames from the pod), vex (frames to the pod), vbr-neuv (frames back from dpd) and vth-neuv;
// flows.bpf.h has what passes without dpd, hairpin.bpf.h the programs of a pod that keeps its eth0.
// generate.mjs turns this file into src/intercept/bpf/program.generated.ts; src/core/bpf/maps.ts
// holds the other side of every layout below.
#include "vethwall.bpf.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <stddef.h>
#include <stdint.h>

#include "helpers.bpf.h"

struct map_spec devices SEC("maps") = {
    .type = BPF_MAP_TYPE_HASH,
    .key_octets = sizeof(uint32_t),
    .value_octets = sizeof(struct device),
    .max_entries = 2 * ENDPOINTS,
    .flags = BPF_F_NO_PREALLOC,
};
struct map_spec endpoints SEC("maps") = {
    .type = BPF_MAP_TYPE_ARRAY,
    .key_octets = sizeof(uint32_t),
    .value_octets = sizeof(struct endpoint),
    .max_entries = ENDPOINTS,
};
struct map_spec heartbeat SEC("maps") = {
    .type = BPF_MAP_TYPE_ARRAY,
    .key_octets = sizeof(uint32_t),
    .value_octets = sizeof(uint64_t),
    .max_entries = HEARTBEAT_SLOTS,
    .flags = BPF_F_MMAPABLE,
};
struct map_spec counters SEC("maps") = {
    .type = BPF_MAP_TYPE_PERCPU_ARRAY,
    .key_octets = sizeof(uint32_t),
    .value_octets = sizeof(uint64_t),
    .max_entries = CAUSES,
};
struct map_spec refused SEC("maps") = {
    .type = BPF_MAP_TYPE_ARRAY,
    .key_octets = sizeof(uint32_t),
    .value_octets = sizeof(struct refused),
    .max_entries = ENDPOINTS,
};

INLINE void count(uint32_t cause) {
  uint64_t* frames = bpf_map_lookup_elem(&counters, &cause);
  if (frames) (*frames)++;
}

INLINE int drop(uint32_t cause) {
  count(cause);
  return TC_ACT_SHOT;
}

// Towards a pod the sender is somebody else, whom no endpoint stands for.
INLINE int refuse(uint32_t id, int to_pod, uint32_t cause) {
  struct refused* frames = to_pod ? 0 : bpf_map_lookup_elem(&refused, &id);
  if (frames)
    __sync_fetch_and_add(
        cause == CAUSE_FORGED_MARKER ? &frames->forged_marker : &frames->foreign_mac, 1);
  return drop(cause);
}

INLINE int is_marked(const uint8_t* mac) {
  return mac[0] == 0x4e && mac[1] == 0x65 && mac[2] == 0x75 && mac[3] >= MARKER_PLAIN &&
         mac[3] <= MARKER_COPY;
}

INLINE int is_broadcast(const uint8_t* mac) {
  return (mac[0] & mac[1] & mac[2] & mac[3] & mac[4] & mac[5]) == 0xff;
}

INLINE int is_same(const uint8_t* a, const uint8_t* b) {
  return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]) |
           (a[5] ^ b[5]));
}

// The group address that an IP destination maps to (RFC 1112 §6.4, RFC 2464 §7). The outermost
// VLAN tag is in skb metadata; one more may be in band. -1: not a multicast IP packet.
INLINE int multicast_mac(struct __sk_buff* skb, uint8_t mac[ETH_ALEN]) {
  uint32_t at = offsetof(struct ethhdr, h_proto);
  uint16_t ethertype;
  uint8_t ip[16];
  if (bpf_skb_load_bytes(skb, at, &ethertype, sizeof(ethertype))) return -1;
  if (ethertype == bpf_htons(ETH_P_8021Q) || ethertype == bpf_htons(ETH_P_8021AD)) {
    at += VLAN_TAG_OCTETS;
    if (bpf_skb_load_bytes(skb, at, &ethertype, sizeof(ethertype))) return -1;
  }
  at += sizeof(ethertype);
  if (ethertype == bpf_htons(ETH_P_IP)) {
    if (bpf_skb_load_bytes(skb, at + IPV4_DESTINATION, ip, 4)) return -1;
    if ((ip[0] & 0xf0) != 0xe0) return -1;
    mac[0] = 0x01, mac[1] = 0x00, mac[2] = 0x5e, mac[3] = ip[1] & 0x7f, mac[4] = ip[2];
    mac[5] = ip[3];
    return 0;
  }
  if (ethertype != bpf_htons(ETH_P_IPV6)) return -1;
  if (bpf_skb_load_bytes(skb, at + IPV6_DESTINATION, ip, 16)) return -1;
  if (ip[0] != 0xff) return -1;
  mac[0] = mac[1] = 0x33, mac[2] = ip[12], mac[3] = ip[13], mac[4] = ip[14], mac[5] = ip[15];
  return 0;
}

// What the marker is about to overwrite: an address that vbr could not restore is foreign.
INLINE uint32_t kind_of_destination(struct __sk_buff* skb, const uint8_t* destination,
                                    const struct endpoint* endpoint) {
  uint8_t expected[ETH_ALEN];
  if (is_same(destination, endpoint->mac)) return KIND_POD_MAC;
  if (is_broadcast(destination)) return KIND_BROADCAST;
  if (!(destination[0] & 1) || multicast_mac(skb, expected)) return KIND_FOREIGN;
  return is_same(destination, expected) ? KIND_MULTICAST : KIND_FOREIGN;
}

INLINE uint32_t kind_of(struct __sk_buff* skb, const struct ethhdr* eth,
                        const struct endpoint* endpoint, int to_pod) {
  if (to_pod) return kind_of_destination(skb, eth->h_dest, endpoint);
  return is_same(eth->h_source, endpoint->mac) ? KIND_POD_MAC : KIND_FOREIGN;
}

INLINE uint64_t stamp_of(uint32_t slot) {
  const volatile uint64_t* stamp = bpf_map_lookup_elem(&heartbeat, &slot);
  return stamp ? *stamp : 0;
}

#include "flows.bpf.h"

// redirect_peer saves the backlog hop, but keeps pkt_type, which vex or vbr set to OTHERHOST; all
// but the pod's own address therefore go by plain redirect, where eth_type_trans judges anew.
INLINE int send_to_pod(struct __sk_buff* skb, const struct endpoint* endpoint, uint32_t kind) {
  if (kind != KIND_POD_MAC || !(endpoint->setting.flags & FLAG_PEER))
    return bpf_redirect(endpoint->vin_ifindex, 0);
  bpf_skb_change_type(skb, PACKET_HOST);
  return bpf_redirect_peer(endpoint->vin_ifindex, 0);
}

INLINE int send_on(struct __sk_buff* skb, const struct endpoint* endpoint, int to_pod,
                   uint32_t kind) {
  return to_pod ? send_to_pod(skb, endpoint, kind) : bpf_redirect(endpoint->vex_ifindex, 0);
}

// One load: a frame sees one setting, however often it asks.
INLINE struct setting setting_of(const struct endpoint* endpoint) {
  union {
    uint32_t word;
    struct setting setting;
  } once = {.word = *(const volatile uint32_t*)&endpoint->setting};
  return once.setting;
}

INLINE int is_judge_alive(uint32_t slot) {
  uint64_t stamped_ns = stamp_of(slot);
  if (!stamped_ns) return 0;
  // Signed: the engine may stamp between its store and our clock.
  return (int64_t)(bpf_ktime_get_ns() - stamped_ns) <= STALE_NS;
}

// Which marker says how the frame goes: see MARKER_PLAIN.
INLINE uint8_t marker_of(enum passage passage) {
  if (passage == PASSAGE_PENDING) return MARKER_PENDING;
  return passage == PASSAGE_END ? MARKER_COPY : MARKER_PLAIN;
}

INLINE int store_marker(struct __sk_buff* skb, uint32_t id, int to_pod, uint32_t kind,
                        enum passage passage) {
  uint16_t low = bpf_htons((uint16_t)(kind << KIND_SHIFT | id));
  uint8_t ucmac[ETH_ALEN] = {0x4e, 0x65, 0x75, marker_of(passage)};
  uint32_t slot = to_pod ? offsetof(struct ethhdr, h_dest) : offsetof(struct ethhdr, h_source);
  __builtin_memcpy(&ucmac[4], &low, sizeof(low));
  return bpf_skb_store_bytes(skb, slot, ucmac, sizeof(ucmac), 0) != 0;
}

INLINE int mark_and_send_up(struct __sk_buff* skb, uint32_t id, int to_pod, uint32_t kind,
                            enum passage passage) {
  if (store_marker(skb, id, to_pod, kind, passage)) return drop(CAUSE_NO_MEMORY);
  return bpf_redirect(VBR_IFINDEX, 0);
}

// 0 = what the marker overwrote is back; else the verdict.
INLINE int restore_mac(struct __sk_buff* skb, const struct endpoint* endpoint, uint32_t kind,
                       int to_pod) {
  uint8_t mac[ETH_ALEN];
  if (kind == KIND_POD_MAC)
    __builtin_memcpy(mac, endpoint->mac, ETH_ALEN);
  else if (kind == KIND_BROADCAST && to_pod)
    __builtin_memset(mac, 0xff, ETH_ALEN);
  else if (kind != KIND_MULTICAST || !to_pod || multicast_mac(skb, mac))
    return drop(CAUSE_BAD_KIND);
  uint32_t slot = to_pod ? offsetof(struct ethhdr, h_dest) : offsetof(struct ethhdr, h_source);
  return bpf_skb_store_bytes(skb, slot, mac, ETH_ALEN, 0) ? drop(CAUSE_NO_MEMORY) : 0;
}

// A frame that dpd may see: the pod's path decides.
INLINE int pipe(struct __sk_buff* skb, const struct endpoint* endpoint, struct setting setting,
                uint32_t id, int to_pod, uint32_t kind) {
  int is_inline = setting.path == PATH_INLINE;
  uint32_t on = to_pod ? endpoint->vin_ifindex : endpoint->vex_ifindex;
  if (kind == KIND_FOREIGN) {
    if (is_inline && setting.flags & FLAG_STRICT) return refuse(id, to_pod, CAUSE_FOREIGN_DROPPED);
    count(CAUSE_FOREIGN_PASSED);
    return send_on(skb, endpoint, to_pod, kind);
  }
  enum passage passage =
      kind == KIND_POD_MAC ? passage_of(skb, endpoint, id, to_pod) : PASSAGE_UP;
  // Decided already, so that it does not matter whether anybody judges now.
  if (passage == PASSAGE_CUT) return send_on(skb, endpoint, to_pod, kind);
  if (passage != PASSAGE_END && !is_judge_alive(setting.slot)) {
    if (is_inline && setting.failure == FAILURE_CLOSED) return drop(CAUSE_STALE_CLOSED);
    count(CAUSE_STALE_OPEN);
    return send_on(skb, endpoint, to_pod, kind);
  }
  // The original goes first: whatever happens to the copy, the pod's traffic is untouched.
  int is_copied = !is_inline || passage == PASSAGE_END;
  if (is_copied && bpf_clone_redirect(skb, on, 0)) return drop(CAUSE_NO_MEMORY);
  return mark_and_send_up(skb, id, to_pod, kind, passage);
}

INLINE int enter(struct __sk_buff* skb, int to_pod) {
  uint32_t ifindex = skb->ifindex;
  const struct device* device = bpf_map_lookup_elem(&devices, &ifindex);
  if (!device || device->role != (to_pod ? ROLE_VEX : ROLE_VIN)) return drop(CAUSE_UNKNOWN_DEVICE);
  uint32_t id = device->id;
  const struct endpoint* endpoint = bpf_map_lookup_elem(&endpoints, &id);
  if (!endpoint) return drop(CAUSE_UNKNOWN_DEVICE);

  const struct ethhdr* eth = (void*)(long)skb->data;
  if ((void*)(eth + 1) > (void*)(long)skb->data_end) return drop(CAUSE_SHORT);
  if (is_marked(eth->h_dest) || is_marked(eth->h_source))
    return refuse(id, to_pod, CAUSE_FORGED_MARKER);
  struct setting setting = setting_of(endpoint);
  if (setting.path == PATH_QUARANTINE) return drop(CAUSE_QUARANTINE);
  if (setting.path == PATH_NONE) return drop(CAUSE_UNKNOWN_DEVICE);
  // Multicast is told from foreign only where a marker would have to keep the difference.
  if (setting.path == PATH_DIRECT)
    return send_on(skb, endpoint, to_pod,
                   is_same(eth->h_dest, endpoint->mac) ? KIND_POD_MAC : KIND_FOREIGN);
  return pipe(skb, endpoint, setting, id, to_pod, kind_of(skb, eth, endpoint, to_pod));
}

SEC("tc/vin_ingress")
int vin_ingress(struct __sk_buff* skb) { return enter(skb, 0); }

SEC("tc/vex_ingress")
int vex_ingress(struct __sk_buff* skb) { return enter(skb, 1); }

SEC("tc/vbr_ingress")
int vbr_ingress(struct __sk_buff* skb) {
  const struct ethhdr* eth = (void*)(long)skb->data;
  if ((void*)(eth + 1) > (void*)(long)skb->data_end) return drop(CAUSE_SHORT);
  int to_pod = is_marked(eth->h_dest);
  if (to_pod == is_marked(eth->h_source)) return drop(CAUSE_NOT_ONE_MARKER);
  const uint8_t* marker = to_pod ? eth->h_dest : eth->h_source;
  uint32_t low = (uint32_t)marker[4] << 8 | marker[5];
  uint32_t kind = low >> KIND_SHIFT;
  uint32_t id = low & ENDPOINT_MASK;
  const struct endpoint* endpoint = bpf_map_lookup_elem(&endpoints, &id);
  if (!endpoint) return drop(CAUSE_UNKNOWN_ENDPOINT);
  struct setting setting = setting_of(endpoint);
  uint8_t path = setting.path;
  if (path == PATH_NONE) return drop(CAUSE_UNKNOWN_ENDPOINT);
  uint32_t mark = skb->mark;
  int was_pending = marker[3] == MARKER_PENDING;
  if (kind == KIND_POD_MAC && (path == PATH_INLINE || path == PATH_TAP))
    note_return(skb, endpoint, id, to_pod, was_pending, mark, path == PATH_TAP);
  // All that there is to a copy that came back is its mark.
  if (path == PATH_TAP && mark != 0) return TC_ACT_SHOT;
  // `direct` lets what the engine still held of an inline time drain; a tap's copy never returns.
  if (path != PATH_INLINE && path != PATH_DIRECT) return drop(CAUSE_NOT_INLINE);

  // vw0_ingress, in the pod, needs the marker to tell the direction by.
  if (setting.flags & FLAG_HAIRPIN) return bpf_redirect(endpoint->vin_ifindex, 0);
  int refused = restore_mac(skb, endpoint, kind, to_pod);
  if (refused) return refused;
  skb->mark = 0;  // redirect_peer does not scrub it before 6.x, and the pod must not see it
  return send_on(skb, endpoint, to_pod, kind);
}

// AF_PACKET has had its copy; the enforcer's own stack must never see a pod's frame.
SEC("tc/vth_ingress")
int vth_ingress(struct __sk_buff* skb) { return TC_ACT_SHOT; }

#include "hairpin.bpf.h"
