#include "os/ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "os/fault.h"
#include "os/fd.h"
#include "os/netns.h"

namespace vethwall::os {
namespace {

class Device {
 public:
  explicit Device(const std::string& if_name)
      : if_name_(if_name),
        socket_(check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket", "AF_INET")) {
    if (if_name.empty() || if_name.size() >= IFNAMSIZ) fail(EINVAL, "SIOCETHTOOL", if_name);
  }
  void call(void* command, const char* name) {
    ifreq request = {};
    std::memcpy(request.ifr_name, if_name_.c_str(), if_name_.size() + 1);
    request.ifr_data = static_cast<char*>(command);
    check(::ioctl(socket_.get(), SIOCETHTOOL, &request), name, if_name_);
  }

 private:
  std::string if_name_;
  Fd socket_;
};

// The uapi structures end in flexible arrays: each lives in a vector of 32-bit words.
template <typename Command>
Command* place(std::vector<uint32_t>& words, size_t tail_octets) {
  words.assign((sizeof(Command) + tail_octets + 3) / 4, 0);
  return reinterpret_cast<Command*>(words.data());
}

std::vector<std::string> feature_names(Device& device) {
  std::vector<uint32_t> words;
  auto* info = place<ethtool_sset_info>(words, sizeof(uint32_t));
  info->cmd = ETHTOOL_GSSET_INFO;
  info->sset_mask = uint64_t{1} << ETH_SS_FEATURES;
  device.call(info, "ETHTOOL_GSSET_INFO");
  const uint32_t count = info->sset_mask == 0 ? 0 : info->data[0];

  auto* strings = place<ethtool_gstrings>(words, size_t{count} * ETH_GSTRING_LEN);
  strings->cmd = ETHTOOL_GSTRINGS;
  strings->string_set = ETH_SS_FEATURES;
  strings->len = count;
  device.call(strings, "ETHTOOL_GSTRINGS");
  std::vector<std::string> names;
  for (uint32_t i = 0; i < count; i++) {
    const auto* name = reinterpret_cast<const char*>(strings->data + size_t{i} * ETH_GSTRING_LEN);
    names.emplace_back(name, ::strnlen(name, ETH_GSTRING_LEN));
  }
  return names;
}

struct FeatureBits {
  // That the device can change: SFEATURES refuses the whole call for a bit that it can't.
  std::vector<uint32_t> changeable;
  std::vector<uint32_t> active;
};

FeatureBits feature_bits(Device& device, size_t blocks) {
  std::vector<uint32_t> words;
  auto* get = place<ethtool_gfeatures>(words, blocks * sizeof(ethtool_get_features_block));
  get->cmd = ETHTOOL_GFEATURES;
  get->size = static_cast<uint32_t>(blocks);
  device.call(get, "ETHTOOL_GFEATURES");
  FeatureBits bits;
  for (size_t i = 0; i < blocks; i++) {
    bits.changeable.push_back(get->features[i].available & ~get->features[i].never_changed);
    bits.active.push_back(get->features[i].active);
  }
  return bits;
}

bool is_among(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void ethtool_features_off(int netns_fd, const std::string& if_name,
                          const std::vector<std::string>& features) {
  run_in_netns(netns_fd, [&] {
    Device device(if_name);
    const std::vector<std::string> names = feature_names(device);
    const size_t blocks = (names.size() + 31) / 32;
    const std::vector<uint32_t> masks = feature_bits(device, blocks).changeable;
    std::vector<uint32_t> words;
    auto* set = place<ethtool_sfeatures>(words, blocks * sizeof(ethtool_set_features_block));
    set->cmd = ETHTOOL_SFEATURES;
    set->size = static_cast<uint32_t>(blocks);
    for (size_t i = 0; i < names.size(); i++) {
      if (!is_among(names[i], features)) continue;
      set->features[i / 32].valid |= masks[i / 32] & (uint32_t{1} << (i % 32));
    }
    device.call(set, "ETHTOOL_SFEATURES");
  });
}

std::vector<std::string> ethtool_features_on(int netns_fd, const std::string& if_name,
                                             const std::vector<std::string>& features) {
  std::vector<std::string> on;
  run_in_netns(netns_fd, [&] {
    Device device(if_name);
    const std::vector<std::string> names = feature_names(device);
    const FeatureBits bits = feature_bits(device, (names.size() + 31) / 32);
    for (size_t i = 0; i < names.size(); i++) {
      const uint32_t is_on =
          bits.changeable[i / 32] & bits.active[i / 32] & uint32_t{1} << (i % 32);
      if (is_on != 0 && is_among(names[i], features)) on.push_back(names[i]);
    }
  });
  return on;
}

}  // namespace vethwall::os
