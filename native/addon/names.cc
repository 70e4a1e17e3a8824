// The JavaScript class `LearnedNames`: src/dpd/engine/learned-names.ts. All that are `shared` are
// one store, of all threads of the process.
#include "addon/names.h"

#include <cstring>

#include "addon/engine_values.h"
#include "addon/exports.h"
#include "addon/values.h"

namespace vethwall::addon {
namespace {

using Napi::CallbackInfo;
using policy::LearnedNames;

constexpr size_t kV4Octets = 4;
constexpr size_t kV6Octets = 16;

wire::Address address_of(const Napi::Value& value) {
  const std::span<const uint8_t> octets = octets_of(value);
  if (octets.size() != kV4Octets && octets.size() != kV6Octets)
    throw Napi::RangeError::New(value.Env(), "address: 4 or 16 octets");
  wire::Address address;
  address.family = octets.size() == kV4Octets ? 4 : 6;
  std::memcpy(address.octets.data(), octets.data(), octets.size());
  return address;
}

uint16_t endpoint_id(const Napi::Value& value) { return static_cast<uint16_t>(uint32_of(value)); }

class NamesObject : public Napi::ObjectWrap<NamesObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "LearnedNames",
                       {
                           InstanceMethod<&NamesObject::learn>("learn"),
                           InstanceMethod<&NamesObject::names_of>("namesOf"),
                           InstanceMethod<&NamesObject::forget>("forget"),
                           InstanceMethod<&NamesObject::records>("records"),
                           InstanceMethod<&NamesObject::evicted>("evicted"),
                           InstanceMethod<&NamesObject::learned>("learned"),
                       });
  }

  // new LearnedNames(isShared)
  explicit NamesObject(const CallbackInfo& info)
      : ObjectWrap(info),
        names_(info[0].ToBoolean() ? shared_names() : std::make_shared<LearnedNames>()) {}

  const std::shared_ptr<LearnedNames>& names() const { return names_; }

 private:
  // learn(endpoint, address, name, expiresMs, nowMs)
  void learn(const CallbackInfo& info) {
    guarded(info, [&] {
      names_->learn(
          {endpoint_id(info[0]), address_of(info[1]), {text_of(info[2]), uint64_of(info[3])}},
          uint64_of(info[4]));
    });
  }

  // namesOf(endpoint, address, atMs)
  Napi::Value names_of(const CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      Napi::Array array = Napi::Array::New(info.Env());
      for (const std::string& name :
           names_->names_of(endpoint_id(info[0]), address_of(info[1]), uint64_of(info[2])))
        array.Set(array.Length(), Napi::String::New(info.Env(), name));
      return array;
    });
  }

  void forget(const CallbackInfo& info) { names_->forget(endpoint_id(info[0])); }

  Napi::Value records(const CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      const Napi::Env env = info.Env();
      const std::vector<LearnedNames::Record> all = names_->records();
      Napi::Array array = Napi::Array::New(env, all.size());
      for (uint32_t i = 0; i < all.size(); ++i) array.Set(i, record(env, all[i]));
      return array;
    });
  }
  static Napi::Value record(Napi::Env env, const LearnedNames::Record& record) {
    const size_t octets = record.address.family == 4 ? kV4Octets : kV6Octets;
    Napi::Object object = Napi::Object::New(env);
    object.Set("endpoint", record.endpoint);
    object.Set("address", to_octets(env, std::span(record.address.octets).first(octets)));
    object.Set("name", record.name.text);
    object.Set("expiresMs", static_cast<double>(record.name.expires_ms));
    return object;
  }

  Napi::Value evicted(const CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(names_->evicted()));
  }

  Napi::Value learned(const CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(names_->learned()));
  }

  std::shared_ptr<LearnedNames> names_;
};

}  // namespace

// Never destroyed: threads of other environments may outlive static destruction.
const std::shared_ptr<LearnedNames>& shared_names() {
  static const auto* const only =
      new std::shared_ptr<LearnedNames>(std::make_shared<LearnedNames>());
  return *only;
}

std::shared_ptr<LearnedNames> names_of(const Napi::Value& value) {
  return NamesObject::Unwrap(value.As<Napi::Object>())->names();
}

void export_names(Napi::Env env, Napi::Object exports) {
  exports.Set("LearnedNames", NamesObject::define(env));
}

}  // namespace vethwall::addon
