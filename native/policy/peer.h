// The other end of a connection, as the block's address sets have it.
#pragma once
#include "policy/l4_block.h"
#include "wire/packet.h"

namespace vethwall::policy {

struct Peer {
  uint8_t family;
  uint32_t v4;
  WordsV6 v6;
};

Peer peer_of(const wire::Address& address);
bool contains(const Block& block, uint32_t set, const Peer& peer);

}  // namespace vethwall::policy
