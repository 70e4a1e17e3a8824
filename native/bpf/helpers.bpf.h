// The kernel's helpers that the program calls (linux/bpf.h, enum bpf_func_id), declared here so
// that generating needs clang and the uapi headers only. None of them asks for a GPL program
// since 5.8.
#pragma once
#include <linux/bpf.h>
#include <stdint.h>

#define SEC(name) __attribute__((section(name), used))
#define INLINE static __attribute__((always_inline))

static void* (*const bpf_map_lookup_elem)(void* map,
                                          const void* key) = (void*)BPF_FUNC_map_lookup_elem;
static long (*const bpf_map_update_elem)(void* map, const void* key, const void* value,
                                         uint64_t flags) = (void*)BPF_FUNC_map_update_elem;
static uint64_t (*const bpf_ktime_get_ns)(void) = (void*)BPF_FUNC_ktime_get_ns;
static long (*const bpf_skb_load_bytes)(const void* skb, uint32_t at, void* to,
                                        uint32_t octets) = (void*)BPF_FUNC_skb_load_bytes;
static long (*const bpf_skb_store_bytes)(struct __sk_buff* skb, uint32_t at, const void* from,
                                         uint32_t octets,
                                         uint64_t flags) = (void*)BPF_FUNC_skb_store_bytes;
static long (*const bpf_clone_redirect)(struct __sk_buff* skb, uint32_t ifindex,
                                        uint64_t flags) = (void*)BPF_FUNC_clone_redirect;
static long (*const bpf_redirect)(uint32_t ifindex, uint64_t flags) = (void*)BPF_FUNC_redirect;
static long (*const bpf_redirect_peer)(uint32_t ifindex,
                                       uint64_t flags) = (void*)BPF_FUNC_redirect_peer;
static long (*const bpf_skb_change_type)(struct __sk_buff* skb,
                                         uint32_t type) = (void*)BPF_FUNC_skb_change_type;

INLINE uint16_t bpf_htons(uint16_t host) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return __builtin_bswap16(host);
#else
  return host;
#endif
}
