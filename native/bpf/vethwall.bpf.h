// Layouts and codes that the kernel program shares with src/core/bpf/maps.ts.
#pragma once
#include <stdint.h>

#define ENDPOINTS 16384u
#define ENDPOINT_MASK 0x3fffu
#define KIND_SHIFT 14
#define HEARTBEAT_SLOTS 64u
#define STALE_NS 500000000ll
#define FLOWS 65536u
// A direction of a flow waits for what is on its way through the engine, for so long at most.
#define PENDING_NS 100000000ll
// src/core/instance.ts: every instance has its own namespace, so the index is the same in all.
#define VBR_IFINDEX 10000000u
#define VLAN_TAG_OCTETS 4u
#define IPV4_DESTINATION 16u  // RFC 791 §3.1
#define IPV6_DESTINATION 24u  // RFC 8200 §3

enum { ROLE_VIN = 1, ROLE_VEX = 2, ROLE_HAIRPIN = 3 };
enum { PATH_NONE = 0, PATH_DIRECT = 1, PATH_TAP = 2, PATH_INLINE = 3, PATH_QUARANTINE = 4 };
enum { FAILURE_OPEN = 0, FAILURE_CLOSED = 1 };
enum { KIND_POD_MAC = 0, KIND_BROADCAST = 1, KIND_MULTICAST = 2, KIND_FOREIGN = 3 };
// STRICT: foreign addresses are dropped on the inline path. PEER: bpf_redirect_peer towards the
// pod. HAIRPIN: the pod has kept its eth0, see hairpin.bpf.h.
enum { FLAG_STRICT = 1, FLAG_PEER = 2, FLAG_HAIRPIN = 4 };

enum { FLOW_PENDING = 1, FLOW_CUT = 2 };
// The fourth octet of a marker. PENDING: counted in its flow's entry. COPY: of a frame that has gone
// on already.
enum { MARKER_PLAIN = 0x56, MARKER_PENDING = 0x57, MARKER_COPY = 0x58 };

// One line each in CAUSE_NAMES of src/core/bpf/maps.ts, in this order.
enum {
  CAUSE_UNKNOWN_DEVICE,
  CAUSE_SHORT,
  CAUSE_FORGED_MARKER,
  CAUSE_FOREIGN_DROPPED,
  CAUSE_FOREIGN_PASSED,
  CAUSE_QUARANTINE,
  CAUSE_STALE_OPEN,
  CAUSE_STALE_CLOSED,
  CAUSE_NOT_ONE_MARKER,
  CAUSE_UNKNOWN_ENDPOINT,
  CAUSE_NOT_INLINE,
  CAUSE_BAD_KIND,
  CAUSE_NO_MEMORY,
  CAUSE_CUT_FORCED,
  CAUSE_CUT_REORDERED,
  CAUSES = 16,
};

struct map_spec {
  uint32_t type;
  uint32_t key_octets;
  uint32_t value_octets;
  uint32_t max_entries;
  uint32_t flags;
};

struct device {
  uint16_t id;
  uint8_t role;
  uint8_t reserved;
};

// A change of path alters only this word. The kernel copies it octet by octet at worst, and every
// mixture of old and new octets is one of two valid settings: no reader sees a third path.
struct setting {
  uint8_t path;
  uint8_t failure;
  uint8_t flags;
  uint8_t slot;  // of `heartbeat`
} __attribute__((aligned(4)));

// Frames from one endpoint's pod that were dropped for what they claim to be.
struct refused {
  uint64_t forged_marker;
  uint64_t foreign_mac;
};

struct endpoint {
  struct setting setting;
  uint32_t vin_ifindex;
  uint32_t vex_ifindex;
  uint8_t mac[6];
  uint8_t reserved[2];
  uint32_t epoch;  // of the verdicts in force; 0 = no flow is cut
};

// Both ends as the endpoint's pod sees them; IPv4 in the first four octets of an address. Ports in
// network order, of an echo the identifier twice.
struct flow_key {
  uint8_t pod[16];
  uint8_t peer[16];
  uint16_t pod_port;
  uint16_t peer_port;
  uint16_t endpoint;
  uint8_t family;  // 4 or 6
  uint8_t protocol;
};

// By direction: 0 from the pod, 1 towards it.
struct flow {
  uint32_t epoch;  // in force where it is the endpoint's
  uint8_t state[2];
  uint8_t is_limited;  // to the octets of one long body: a TCP flow whose later octets are judged
  uint8_t reserved;
  uint32_t up[2];    // frames sent to the engine while pending
  uint32_t back[2];  // of these, came back
  uint64_t first_up_ns[2];
  uint64_t packets[2];  // that were cut
  uint64_t octets[2];   // of frames, as the engine counts them
  // Where limited: sequence numbers of the octets that may pass, from the first to behind the last.
  uint32_t pass_from[2];
  uint32_t pass_to[2];
};
