// Cut-through: a flow whose verdict can no longer change is carried here, without user space.
//
// The verdict comes in band: the engine marks (skb->mark) the frames of a settled flow with the
// endpoint's epoch, and vbr_ingress makes the entry as the first of them comes by. What was sent up
// before must not be overtaken by what is cut: a direction begins as `pending`, its frames still go
// up under a marker that says so, and since the way through the engine is first in, first out, it
// is cut as soon as none of them is under way: all that went before them has come back too.
//
// FIN and RST go on like the rest, and a copy goes up: the engine learns how a flow ended. A SYN
// begins another connection, which nobody has judged: it takes the entry out of force.
#pragma once
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#define TCP_FIN 0x01u
#define TCP_SYN 0x02u
#define TCP_RST 0x04u
#define TCP_URG 0x20u
#define TCP_SEQUENCE_AT 4  // RFC 9293 §3.1
#define TCP_OFFSET_AT 12
#define TCP_FLAGS_AT 13
#define ICMP_ID_AT 4     // RFC 792, RFC 4443 §4

// RFC 791 §3.1: version 4 and five words; More Fragments and the offset.
#define IPV4_PLAIN 0x45
#define IPV4_FRAGMENT 0x3fffu
enum { ECHO_REPLY4 = 0, ECHO_REQUEST4 = 8, ECHO_REQUEST6 = 128, ECHO_REPLY6 = 129 };

// END: of a flow that is cut, and a copy of the frame is for the engine.
enum passage { PASSAGE_UP, PASSAGE_PENDING, PASSAGE_CUT, PASSAGE_END };

struct map_spec flows SEC("maps") = {
    .type = BPF_MAP_TYPE_LRU_HASH,
    .key_octets = sizeof(struct flow_key),
    .value_octets = sizeof(struct flow),
    .max_entries = FLOWS,
};

struct frame_v4 {
  struct ethhdr eth;
  struct iphdr ip;
  uint8_t l4[8];
} __attribute__((packed));

struct frame_v6 {
  struct ethhdr eth;
  struct ipv6hdr ip;
  uint8_t l4[8];
} __attribute__((packed));

// Of TCP; all 0 of others.
struct segment {
  uint32_t sequence;
  uint32_t payload_octets;
  uint8_t flags;
};

INLINE void read_addresses(struct flow_key* key, const void* source, const void* destination,
                           uint32_t octets, int to_pod) {
  __builtin_memcpy(key->pod, to_pod ? destination : source, octets);
  __builtin_memcpy(key->peer, to_pod ? source : destination, octets);
}

INLINE int is_echo(uint8_t protocol, uint8_t type) {
  if (protocol == IPPROTO_ICMP) return type == ECHO_REQUEST4 || type == ECHO_REPLY4;
  return type == ECHO_REQUEST6 || type == ECHO_REPLY6;
}

// 0 = the frame is of a kind that has flows; what is odd about a packet is for the engine.
INLINE int read_l4(const void* data_end, struct flow_key* key, const uint8_t* l4, int to_pod,
                   uint32_t l4_octets, struct segment* segment) {
  uint16_t ports[2];
  if (key->protocol == IPPROTO_TCP) {
    if ((const void*)(l4 + TCP_FLAGS_AT + 1) > data_end) return -1;
    segment->flags = l4[TCP_FLAGS_AT];
    segment->sequence = (uint32_t)l4[TCP_SEQUENCE_AT] << 24 | (uint32_t)l4[TCP_SEQUENCE_AT + 1] << 16 |
                        (uint32_t)l4[TCP_SEQUENCE_AT + 2] << 8 | l4[TCP_SEQUENCE_AT + 3];
    segment->payload_octets = l4_octets - (l4[TCP_OFFSET_AT] >> 4) * 4u;
    __builtin_memcpy(ports, l4, sizeof(ports));
  } else if (key->protocol == IPPROTO_UDP) {
    __builtin_memcpy(ports, l4, sizeof(ports));
  } else if (key->protocol == (key->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
    if (!is_echo(key->protocol, l4[0])) return -1;
    __builtin_memcpy(&ports[0], l4 + ICMP_ID_AT, sizeof(ports[0]));
    ports[1] = ports[0];
  } else {
    return -1;
  }
  key->pod_port = to_pod ? ports[1] : ports[0];
  key->peer_port = to_pod ? ports[0] : ports[1];
  return 0;
}

INLINE int read_flow(struct __sk_buff* skb, struct flow_key* key, uint32_t id, int to_pod,
                     struct segment* segment) {
  const void* data_end = (void*)(long)skb->data_end;
  const struct frame_v4* v4 = (void*)(long)skb->data;
  const struct frame_v6* v6 = (void*)(long)skb->data;
  __builtin_memset(key, 0, sizeof(*key));
  key->endpoint = (uint16_t)id;
  if (skb->vlan_present || (const void*)(v4 + 1) > data_end) return -1;
  if (v4->eth.h_proto == bpf_htons(ETH_P_IP)) {
    if (*(const uint8_t*)&v4->ip != IPV4_PLAIN) return -1;
    if (v4->ip.frag_off & bpf_htons(IPV4_FRAGMENT)) return -1;
    key->family = 4;
    key->protocol = v4->ip.protocol;
    read_addresses(key, &v4->ip.saddr, &v4->ip.daddr, 4, to_pod);
    uint32_t octets = bpf_htons(v4->ip.tot_len) - (uint32_t)sizeof(struct iphdr);
    return read_l4(data_end, key, v4->l4, to_pod, octets, segment);
  }
  if (v4->eth.h_proto != bpf_htons(ETH_P_IPV6) || (const void*)(v6 + 1) > data_end) return -1;
  key->family = 6;
  key->protocol = v6->ip.nexthdr;
  read_addresses(key, &v6->ip.saddr, &v6->ip.daddr, 16, to_pod);
  return read_l4(data_end, key, v6->l4, to_pod, bpf_htons(v6->ip.payload_len), segment);
}

// Whether this direction is cut by now; where it is not, its frame counts as under way. The first one
// always does: only what comes back after it tells that nothing before it is still on its way.
INLINE int is_cut(struct flow* flow, int direction) {
  if (flow->state[direction] == FLOW_CUT) return 1;
  uint64_t now_ns = bpf_ktime_get_ns();
  // In this order: what comes back between the two looks went up before the second.
  uint32_t back = *(volatile uint32_t*)&flow->back[direction];
  uint32_t up = *(volatile uint32_t*)&flow->up[direction];
  if (up == 0) flow->first_up_ns[direction] = now_ns;
  int is_drained = up != 0 && up == back;
  int is_overdue = up != 0 && (int64_t)(now_ns - flow->first_up_ns[direction]) > PENDING_NS;
  if (is_drained || is_overdue) {
    if (!is_drained) count(CAUSE_CUT_FORCED);
    flow->state[direction] = FLOW_CUT;
    return 1;
  }
  __sync_fetch_and_add(&flow->up[direction], 1);
  return 0;
}

// Whether all of the segment lies within what may pass; its end and what is odd are the engine's.
INLINE int is_within(const struct flow* flow, const struct segment* segment, int direction) {
  uint32_t end = segment->sequence + segment->payload_octets;
  if (segment->flags & (TCP_FIN | TCP_RST | TCP_URG)) return 0;
  return (int32_t)(segment->sequence - flow->pass_from[direction]) >= 0 &&
         (int32_t)(end - segment->sequence) >= 0 &&
         (int32_t)(flow->pass_to[direction] - end) >= 0;
}

INLINE void count_cut(struct __sk_buff* skb, struct flow* flow, int direction) {
  uint32_t segments = skb->gso_segs;
  __sync_fetch_and_add(&flow->packets[direction], segments ? segments : 1);
  __sync_fetch_and_add(&flow->octets[direction], skb->len);
}

// How a frame of the pod's own address goes on, at vin, vex or eth0.
INLINE enum passage passage_of(struct __sk_buff* skb, const struct endpoint* endpoint, uint32_t id,
                               int to_pod) {
  struct flow_key key;
  struct segment segment = {};
  uint32_t epoch = *(const volatile uint32_t*)&endpoint->epoch;
  if (epoch == 0 || read_flow(skb, &key, id, to_pod, &segment)) return PASSAGE_UP;
  struct flow* flow = bpf_map_lookup_elem(&flows, &key);
  if (!flow || flow->epoch != epoch) return PASSAGE_UP;
  if (segment.flags & TCP_SYN) {
    flow->epoch = 0;
    return PASSAGE_UP;
  }
  if (flow->is_limited && !is_within(flow, &segment, to_pod)) return PASSAGE_UP;
  if (!is_cut(flow, to_pod)) return PASSAGE_PENDING;
  count_cut(skb, flow, to_pod);
  return segment.flags & (TCP_FIN | TCP_RST) ? PASSAGE_END : PASSAGE_CUT;
}

// What was counted of the flow before stays until the engine takes it. A copy in tap overtakes
// nothing, so that there is nothing to wait for.
INLINE void settle(const struct flow_key* key, const struct flow* before, uint32_t epoch,
                   int is_tap) {
  uint8_t state = is_tap ? FLOW_CUT : FLOW_PENDING;
  struct flow flow = {
      .epoch = epoch,
      .state = {state, state},
  };
  if (before) {
    flow.packets[0] = before->packets[0], flow.packets[1] = before->packets[1];
    flow.octets[0] = before->octets[0], flow.octets[1] = before->octets[1];
  }
  bpf_map_update_elem(&flows, key, &flow, BPF_ANY);
}

// At vbr, of a frame that comes back from the engine: `mark` is the epoch where its flow is settled.
INLINE void note_return(struct __sk_buff* skb, const struct endpoint* endpoint, uint32_t id,
                        int to_pod, int was_pending, uint32_t mark, int is_tap) {
  struct flow_key key;
  struct segment segment = {};
  uint32_t epoch = *(const volatile uint32_t*)&endpoint->epoch;
  int is_settled = mark != 0 && mark == epoch;
  if (!is_settled && !was_pending) return;
  if (read_flow(skb, &key, id, to_pod, &segment)) return;
  struct flow* flow = bpf_map_lookup_elem(&flows, &key);
  if (!flow || flow->epoch != epoch) {
    if (is_settled) settle(&key, flow, epoch, is_tap);
    return;
  }
  if (was_pending) __sync_fetch_and_add(&flow->back[to_pod], 1);
  if (!is_tap && flow->state[to_pod] == FLOW_CUT) count(CAUSE_CUT_REORDERED);
}
