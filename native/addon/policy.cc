// l4Evaluate(block, connection, names): the engine's L3/L4 decision alone, for the differential
// test.
#include <cstring>

#include "addon/engine_values.h"
#include "addon/exports.h"
#include "addon/names.h"
#include "addon/values.h"

namespace vethwall::addon {
namespace {

wire::Address address_of(const Napi::Object& object) {
  const std::span<const uint8_t> octets = octets_of(object.Get("octets"));
  wire::Address address;
  address.family = static_cast<uint8_t>(uint32_of(object.Get("family")));
  const size_t wanted = address.family == 4 ? 4 : 16;
  if (octets.size() < wanted) throw Napi::RangeError::New(object.Env(), "address: too short");
  std::memcpy(address.octets.data(), octets.data(), wanted);
  return address;
}

const char* verdict_text(engine::L4Verdict verdict) {
  switch (verdict) {
    case engine::L4Verdict::kAllow:
      return "allow";
    case engine::L4Verdict::kDeny:
      return "deny";
    case engine::L4Verdict::kUndecided:
      break;
  }
  return "undecided";
}

Napi::Value l4_evaluate(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    const auto object = info[1].As<Napi::Object>();
    policy::Connection connection = {};
    connection.endpoint = static_cast<uint16_t>(uint32_of(object.Get("endpoint")));
    connection.pod_side = text_of(object.Get("podSide")) == "opener" ? engine::PodSide::kOpener
                                                                     : engine::PodSide::kReceiver;
    connection.protocol = static_cast<uint8_t>(uint32_of(object.Get("protocol")));
    connection.destination_port = static_cast<uint16_t>(uint32_of(object.Get("destinationPort")));
    connection.source = address_of(object.Get("source").As<Napi::Object>());
    connection.destination = address_of(object.Get("destination").As<Napi::Object>());
    connection.at_ms = uint64_of(object.Get("atMs"));
    const policy::Verdict verdict = table_of(info[0], names_of(info[2]))->evaluate(connection);
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("verdict", verdict_text(verdict.verdict));
    result.Set("rule", verdict.rule);
    return result;
  });
}

}  // namespace

void export_policy(Napi::Env env, Napi::Object exports) {
  exports.Set("l4Evaluate", Napi::Function::New<l4_evaluate>(env));
}

}  // namespace vethwall::addon
