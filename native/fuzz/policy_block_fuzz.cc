// A policy block of any octets is refused or evaluates without a fault. The checksum is mended
// first, or nothing would get behind it.
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "policy/l4_table.h"

namespace {

uint32_t checksum(const std::vector<uint8_t>& octets) {
  uint32_t hash = 0x811c9dc5;
  for (size_t at = 16; at + 4 <= octets.size(); at += 4) {
    uint32_t word;
    std::memcpy(&word, octets.data() + at, 4);
    hash = (hash ^ word) * 0x01000193;
  }
  return hash;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> block(data, data + size);
  if (block.size() >= 16) {
    const uint32_t length = static_cast<uint32_t>(block.size());
    std::memcpy(block.data() + 8, &length, 4);
    const uint32_t hash = checksum(block);
    std::memcpy(block.data() + 12, &hash, 4);
  }
  std::string error;
  const auto names = std::make_shared<vethwall::policy::LearnedNames>();
  const auto table = vethwall::policy::load_table(block, error, names);
  if (table == nullptr) return 0;
  vethwall::policy::Connection connection = {};
  for (uint16_t endpoint = 0; endpoint < 8; ++endpoint) {
    for (const uint8_t family : {uint8_t{4}, uint8_t{6}}) {
      connection.endpoint = endpoint;
      connection.protocol = endpoint % 2 == 0 ? 6 : 1;
      connection.pod_side = endpoint % 3 == 0 ? vethwall::engine::PodSide::kOpener
                                              : vethwall::engine::PodSide::kReceiver;
      connection.source.family = connection.destination.family = family;
      connection.source.octets[0] = connection.destination.octets[15] = data[size - 1];
      connection.destination_port = static_cast<uint16_t>(size);
      names->learn({endpoint, connection.destination, {"n3.example", 1}}, 0);
      (void)table->evaluate(connection);
    }
  }
  return 0;
}
