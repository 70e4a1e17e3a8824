#include "addon/values.h"

#include <cstring>

namespace vethwall::addon {

Napi::Error error_of(Napi::Env env, const os::Fault& fault) {
  const char* name = ::strerrorname_np(fault.error);
  const std::string code = name != nullptr ? name : "E" + std::to_string(fault.error);
  Napi::Error error = Napi::Error::New(env, fault.syscall + " " + fault.subject + ": " + code);
  error.Set("code", Napi::String::New(env, code));
  error.Set("errno", Napi::Number::New(env, fault.error));
  error.Set("syscall", Napi::String::New(env, fault.syscall));
  error.Set("subject", Napi::String::New(env, fault.subject));
  error.Set("detail", Napi::String::New(env, fault.detail));
  return error;
}

std::span<const uint8_t> octets_of(const Napi::Value& value) {
  if (!value.IsTypedArray()) throw Napi::TypeError::New(value.Env(), "expected a Uint8Array");
  const auto array = value.As<Napi::TypedArray>();
  Napi::ArrayBuffer buffer = array.ArrayBuffer();
  return {static_cast<const uint8_t*>(buffer.Data()) + array.ByteOffset(), array.ByteLength()};
}

std::vector<std::string> texts_of(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < array.Length(); i++) texts.push_back(text_of(array.Get(i)));
  return texts;
}

Napi::Value to_octets(Napi::Env env, std::span<const uint8_t> octets) {
  Napi::Uint8Array array = Napi::Uint8Array::New(env, octets.size());
  if (!octets.empty()) std::memcpy(array.Data(), octets.data(), octets.size());
  return array;
}

}  // namespace vethwall::addon
