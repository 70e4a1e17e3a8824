// Between JavaScript's values and C++'s. Each exported function is wrapped by `guarded`, so that an
// os::Fault becomes an Error with `code`, `errno`, `syscall`, `subject` and `detail`.
#pragma once
#include <napi.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "os/fault.h"

namespace vethwall::addon {

Napi::Error error_of(Napi::Env env, const os::Fault& fault);

template <typename Body>
auto guarded(const Napi::CallbackInfo& info, Body body) {
  try {
    return body();
  } catch (const os::Fault& fault) {
    throw error_of(info.Env(), fault);
  } catch (const std::bad_alloc&) {
    throw Napi::Error::New(info.Env(), "out of memory");
  }
}

inline int int_of(const Napi::Value& value) { return value.As<Napi::Number>().Int32Value(); }
inline uint32_t uint32_of(const Napi::Value& value) {
  return value.As<Napi::Number>().Uint32Value();
}
inline std::string text_of(const Napi::Value& value) {
  return value.As<Napi::String>().Utf8Value();
}
// The octets stay JavaScript's: valid during the call only.
std::span<const uint8_t> octets_of(const Napi::Value& value);
std::vector<std::string> texts_of(const Napi::Value& value);
Napi::Value to_octets(Napi::Env env, std::span<const uint8_t> octets);

}  // namespace vethwall::addon
