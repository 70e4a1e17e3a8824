// The programs of a pod that ran before it was taken in (`hairpin`): eth0 keeps its place, and both
// of its directions are sent through the pair vw0 (in the pod) and vin (in the enforcer). A device
// index says nothing in a pod's namespace: these programs know their endpoint by the filter's
// classid, which cls_bpf writes into the skb before it runs them.
#pragma once

// In skb->tc_index, which a pod's sockets can't set: SO_MARK and SO_PRIORITY they can, and with
// PACKET_QDISC_BYPASS they pass by every filter of vw0's egress. It crosses a veth pair, so that it
// is asked for where the frame arrives; the mark does not, so that no frame from outside has both.
#define TAG 0x7657u
#define INJECTED_MARK 0x76657468u

// With FLAG_HAIRPIN vin_ifindex is vw0's index in the pod too, and vex_ifindex is eth0's.
#define VW0_IFINDEX(endpoint) ((endpoint)->vin_ifindex)
#define ETH0_IFINDEX(endpoint) ((endpoint)->vex_ifindex)

// Other filters on eth0 have their turn, once per frame.
INLINE int pass(struct __sk_buff* skb) {
  skb->tc_index = 0;
  return TC_ACT_UNSPEC;
}

INLINE int mark(struct __sk_buff* skb, uint32_t id, int to_pod, uint32_t kind,
                enum passage passage) {
  skb->tc_index = TAG;
  return store_marker(skb, id, to_pod, kind, passage);
}

INLINE int copy_and_pass(struct __sk_buff* skb, const struct endpoint* endpoint, uint32_t id,
                         int to_pod, uint32_t kind, enum passage passage) {
  uint32_t slot = to_pod ? offsetof(struct ethhdr, h_dest) : offsetof(struct ethhdr, h_source);
  uint8_t mac[ETH_ALEN];
  if (bpf_skb_load_bytes(skb, slot, mac, ETH_ALEN)) return drop(CAUSE_SHORT);
  if (mark(skb, id, to_pod, kind, passage)) return drop(CAUSE_NO_MEMORY);
  if (bpf_clone_redirect(skb, VW0_IFINDEX(endpoint), 0)) count(CAUSE_NO_MEMORY);
  if (bpf_skb_store_bytes(skb, slot, mac, ETH_ALEN, 0)) return drop(CAUSE_NO_MEMORY);
  return pass(skb);
}

INLINE int hairpin(struct __sk_buff* skb, const struct endpoint* endpoint, uint32_t id,
                   int to_pod) {
  const struct ethhdr* eth = (void*)(long)skb->data;
  if ((void*)(eth + 1) > (void*)(long)skb->data_end) return drop(CAUSE_SHORT);
  if (is_marked(eth->h_dest) || is_marked(eth->h_source))
    return refuse(id, to_pod, CAUSE_FORGED_MARKER);
  struct setting setting = setting_of(endpoint);
  if (setting.path == PATH_QUARANTINE) return drop(CAUSE_QUARANTINE);
  if (setting.path == PATH_NONE) return drop(CAUSE_UNKNOWN_ENDPOINT);
  if (setting.path == PATH_DIRECT) return pass(skb);
  int is_inline = setting.path == PATH_INLINE;
  uint32_t kind = kind_of(skb, eth, endpoint, to_pod);
  if (kind == KIND_FOREIGN) {
    if (is_inline && setting.flags & FLAG_STRICT) return refuse(id, to_pod, CAUSE_FOREIGN_DROPPED);
    count(CAUSE_FOREIGN_PASSED);
    return pass(skb);
  }
  enum passage passage =
      kind == KIND_POD_MAC ? passage_of(skb, endpoint, id, to_pod) : PASSAGE_UP;
  if (passage == PASSAGE_CUT) return pass(skb);
  if (passage != PASSAGE_END && !is_judge_alive(setting.slot)) {
    if (is_inline && setting.failure == FAILURE_CLOSED) return drop(CAUSE_STALE_CLOSED);
    count(CAUSE_STALE_OPEN);
    return pass(skb);
  }
  if (!is_inline || passage == PASSAGE_END)
    return copy_and_pass(skb, endpoint, id, to_pod, kind, passage);
  if (mark(skb, id, to_pod, kind, passage)) return drop(CAUSE_NO_MEMORY);
  return bpf_redirect(VW0_IFINDEX(endpoint), 0);
}

SEC("tc/eth0_egress")
int eth0_egress(struct __sk_buff* skb) {
  uint32_t id = skb->tc_classid & ENDPOINT_MASK;
  const struct endpoint* endpoint = bpf_map_lookup_elem(&endpoints, &id);
  if (!endpoint) return drop(CAUSE_UNKNOWN_ENDPOINT);
  // What vw0_ingress released: what the pod sends was received nowhere, or on another device.
  if (skb->ingress_ifindex == VW0_IFINDEX(endpoint)) return pass(skb);
  return hairpin(skb, endpoint, id, 0);
}

SEC("tc/eth0_ingress")
int eth0_ingress(struct __sk_buff* skb) {
  uint32_t id = skb->tc_classid & ENDPOINT_MASK;
  const struct endpoint* endpoint = bpf_map_lookup_elem(&endpoints, &id);
  if (!endpoint) return drop(CAUSE_UNKNOWN_ENDPOINT);
  if (skb->mark == INJECTED_MARK && skb->tc_index == TAG) {
    skb->mark = 0;
    return pass(skb);
  }
  return hairpin(skb, endpoint, id, 1);
}

INLINE int is_own_marker(const struct ethhdr* eth, uint32_t id, int to_pod) {
  const uint8_t* marker = to_pod ? eth->h_dest : eth->h_source;
  return (((uint32_t)marker[4] << 8 | marker[5]) & ENDPOINT_MASK) == id;
}

// Up to the engine: what eth0's programs tagged, and nothing that the pod sent on vw0 itself.
SEC("tc/vin_hairpin")
int vin_hairpin(struct __sk_buff* skb) {
  uint32_t ifindex = skb->ifindex;
  const struct device* device = bpf_map_lookup_elem(&devices, &ifindex);
  if (!device || device->role != ROLE_HAIRPIN) return drop(CAUSE_UNKNOWN_DEVICE);
  if (skb->tc_index != TAG) return refuse(device->id, 0, CAUSE_FORGED_MARKER);
  skb->tc_index = 0;
  const struct ethhdr* eth = (void*)(long)skb->data;
  if ((void*)(eth + 1) > (void*)(long)skb->data_end) return drop(CAUSE_SHORT);
  int to_pod = is_marked(eth->h_dest);
  if (to_pod == is_marked(eth->h_source)) return drop(CAUSE_NOT_ONE_MARKER);
  if (!is_own_marker(eth, device->id, to_pod)) return drop(CAUSE_UNKNOWN_ENDPOINT);
  return bpf_redirect(VBR_IFINDEX, 0);
}

// Down from the engine: only the enforcer can send to vw0.
SEC("tc/vw0_ingress")
int vw0_ingress(struct __sk_buff* skb) {
  uint32_t id = skb->tc_classid & ENDPOINT_MASK;
  const struct endpoint* endpoint = bpf_map_lookup_elem(&endpoints, &id);
  if (!endpoint) return drop(CAUSE_UNKNOWN_ENDPOINT);
  const struct ethhdr* eth = (void*)(long)skb->data;
  if ((void*)(eth + 1) > (void*)(long)skb->data_end) return drop(CAUSE_SHORT);
  int to_pod = is_marked(eth->h_dest);
  if (to_pod == is_marked(eth->h_source)) return drop(CAUSE_NOT_ONE_MARKER);
  if (!is_own_marker(eth, id, to_pod)) return drop(CAUSE_UNKNOWN_ENDPOINT);
  const uint8_t* marker = to_pod ? eth->h_dest : eth->h_source;
  int refused = restore_mac(skb, endpoint, marker[4] >> (KIND_SHIFT - 8), to_pod);
  if (refused) return refused;
  if (!to_pod) return bpf_redirect(ETH0_IFINDEX(endpoint), 0);
  skb->mark = INJECTED_MARK;
  skb->tc_index = TAG;
  return bpf_redirect(ETH0_IFINDEX(endpoint), BPF_F_INGRESS);
}
