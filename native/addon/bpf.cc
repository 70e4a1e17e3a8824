// src/intercept/os.ts `Bpf`.
#include "os/bpf.h"

#include "addon/exports.h"
#include "addon/values.h"

namespace vethwall::addon {
namespace {

using Napi::CallbackInfo;
using Napi::Value;

Value fd_value(const CallbackInfo& info, os::Fd fd) {
  return Napi::Number::New(info.Env(), fd.release());
}

Value map_create(const CallbackInfo& info) {
  return guarded(info, [&] {
    const auto spec = info[0].As<Napi::Object>();
    return fd_value(
        info,
        os::bpf_map_create({uint32_of(spec.Get("type")), uint32_of(spec.Get("keyOctets")),
                            uint32_of(spec.Get("valueOctets")), uint32_of(spec.Get("maxEntries")),
                            uint32_of(spec.Get("flags")), text_of(spec.Get("name"))}));
  });
}

Value map_lookup(const CallbackInfo& info) {
  return guarded(info, [&] {
    const auto value = os::bpf_map_lookup(int_of(info[0]), octets_of(info[1]), uint32_of(info[2]));
    return value ? to_octets(info.Env(), *value) : info.Env().Null();
  });
}

void map_update(const CallbackInfo& info) {
  guarded(info, [&] {
    os::bpf_map_update(int_of(info[0]), octets_of(info[1]), octets_of(info[2]), uint32_of(info[3]));
  });
}

Value map_delete(const CallbackInfo& info) {
  return guarded(info, [&] {
    return Napi::Boolean::New(info.Env(), os::bpf_map_delete(int_of(info[0]), octets_of(info[1])));
  });
}

Value map_keys(const CallbackInfo& info) {
  return guarded(info, [&] {
    const auto keys = os::bpf_map_keys(int_of(info[0]), uint32_of(info[1]));
    Napi::Array array = Napi::Array::New(info.Env(), keys.size());
    for (uint32_t i = 0; i < keys.size(); i++) array.Set(i, to_octets(info.Env(), keys[i]));
    return array;
  });
}

Value prog_load(const CallbackInfo& info) {
  return guarded(info, [&] {
    const auto spec = info[0].As<Napi::Object>();
    return fd_value(
        info, os::bpf_prog_load(text_of(spec.Get("name")), octets_of(spec.Get("instructions")),
                                text_of(spec.Get("license"))));
  });
}

void pin(const CallbackInfo& info) {
  guarded(info, [&] { os::bpf_pin(int_of(info[0]), text_of(info[1])); });
}

Value get(const CallbackInfo& info) {
  return guarded(info, [&] {
    auto fd = os::bpf_get(text_of(info[0]));
    return fd ? fd_value(info, std::move(*fd)) : info.Env().Null();
  });
}

Value map_entries(const CallbackInfo& info) {
  return guarded(info, [&] {
    const os::MapEntries entries = os::bpf_map_entries(int_of(info[0]));
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("keys", to_octets(info.Env(), entries.keys));
    object.Set("values", to_octets(info.Env(), entries.values));
    return object;
  });
}

Value object_id(const CallbackInfo& info) {
  return guarded(info,
                 [&] { return Napi::Number::New(info.Env(), os::bpf_object_id(int_of(info[0]))); });
}

}  // namespace

void export_bpf(Napi::Env env, Napi::Object exports) {
  exports.Set("mapCreate", Napi::Function::New<map_create>(env));
  exports.Set("mapLookup", Napi::Function::New<map_lookup>(env));
  exports.Set("mapUpdate", Napi::Function::New<map_update>(env));
  exports.Set("mapDelete", Napi::Function::New<map_delete>(env));
  exports.Set("mapKeys", Napi::Function::New<map_keys>(env));
  exports.Set("progLoad", Napi::Function::New<prog_load>(env));
  exports.Set("pin", Napi::Function::New<pin>(env));
  exports.Set("get", Napi::Function::New<get>(env));
  exports.Set("mapEntries", Napi::Function::New<map_entries>(env));
  exports.Set("objectId", Napi::Function::New<object_id>(env));
}

}  // namespace vethwall::addon
