#include "addon/engine_values.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "addon/values.h"

namespace vethwall::addon {
namespace {

constexpr double kExactIntegers = 9007199254740992;  // 2^53

template <typename Number>
void take(const Napi::Object& object, const char* name, Number& target, uint64_t unit = 1) {
  const Napi::Value value = object.Get(name);
  if (!value.IsUndefined()) target = static_cast<Number>(uint64_of(value) * unit);
}

// Each 4 or 16 octets.
std::vector<wire::Address> addresses_of(const Napi::Value& value) {
  std::vector<wire::Address> addresses;
  const auto list = value.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value one = list[i];
    const std::span<const uint8_t> octets = octets_of(one);
    wire::Address& address = addresses.emplace_back();
    if (octets.size() != 4 && octets.size() != address.octets.size())
      throw Napi::RangeError::New(value.Env(), "address: 4 or 16 octets");
    address.family = octets.size() == 4 ? 4 : 6;
    std::ranges::copy(octets, address.octets.begin());
  }
  std::ranges::sort(addresses);
  return addresses;
}

wire::Mac mac_of(const Napi::Value& value) {
  const std::span<const uint8_t> octets = octets_of(value);
  wire::Mac mac;
  if (octets.size() != mac.size()) throw Napi::RangeError::New(value.Env(), "mac: 6 octets");
  std::ranges::copy(octets, mac.begin());
  return mac;
}

void take_ports(const Napi::Object& object, const char* name, std::vector<uint16_t>& target) {
  const Napi::Value value = object.Get(name);
  if (value.IsUndefined()) return;
  const auto list = value.As<Napi::Array>();
  target.clear();
  for (uint32_t i = 0; i < list.Length(); ++i)
    target.push_back(static_cast<uint16_t>(uint64_of(list[i])));
}

bool is_text(const Napi::Object& object, const char* name, const char* text) {
  return text_of(object.Get(name)) == text;
}

}  // namespace

uint64_t uint64_of(const Napi::Value& value) {
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number < kExactIntegers) || std::floor(number) != number) {
    throw Napi::RangeError::New(value.Env(), "expected an integer from 0 to 2^53 - 1");
  }
  return static_cast<uint64_t>(number);
}

engine::Limits limits_of(const Napi::Object& object) {
  engine::Limits limits;
  take(object, "flows", limits.flows);
  take(object, "holdOctetsPerDirection", limits.hold_octets_per_direction);
  take(object, "holdMs", limits.hold_ns, kNsPerMs);
  take(object, "holdOctetsTotal", limits.hold_octets_total);
  take(object, "outOfOrderOctets", limits.out_of_order_octets);
  take(object, "fragmentOctetsTotal", limits.fragment_octets_total);
  take(object, "fragmentDatagrams", limits.fragment_datagrams);
  take(object, "fragmentMs", limits.fragment_ns, kNsPerMs);
  take(object, "tunnelDepth", limits.tunnel_depth);
  take_ports(object, "vxlanPorts", limits.tunnel_ports.vxlan);
  take_ports(object, "genevePorts", limits.tunnel_ports.geneve);
  return limits;
}

std::array<uint64_t, 2> key_of(const Napi::Value& value) {
  const std::span<const uint8_t> octets = octets_of(value);
  std::array<uint64_t, 2> key;
  if (octets.size() != sizeof key) throw Napi::RangeError::New(value.Env(), "key: 16 octets");
  std::memcpy(key.data(), octets.data(), sizeof key);
  return key;
}

engine::EndpointConfig endpoint_of(const Napi::Object& object) {
  engine::EndpointConfig config = {};
  config.id = static_cast<uint16_t>(uint32_of(object.Get("id")));
  config.path = is_text(object, "path", "inline") ? engine::EndpointPath::kInline
                                                  : engine::EndpointPath::kTap;
  config.failure =
      is_text(object, "failure", "closed") ? engine::Took::kClosed : engine::Took::kOpen;
  config.strict = object.Get("strict").ToBoolean();
  config.deliver_all = object.Get("deliverAll").ToBoolean();
  config.identifies = object.Get("identifies").ToBoolean();
  config.epoch = uint32_of(object.Get("epoch"));
  config.dhcp_servers = addresses_of(object.Get("dhcpServers"));
  const Napi::Value own = object.Get("own");
  config.check_sources = own.IsObject();
  if (config.check_sources) {
    config.mac = mac_of(own.As<Napi::Object>().Get("mac"));
    config.addresses = addresses_of(own.As<Napi::Object>().Get("addresses"));
  }
  return config;
}

std::unique_ptr<policy::Table> table_of(const Napi::Value& block,
                                        std::shared_ptr<const policy::LearnedNames> names) {
  std::string error;
  std::unique_ptr<policy::Table> table =
      policy::load_table(octets_of(block), error, std::move(names));
  if (!table) throw Napi::Error::New(block.Env(), error);
  return table;
}

}  // namespace vethwall::addon
