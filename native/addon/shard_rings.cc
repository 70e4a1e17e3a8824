// The JavaScript class `ShardRings`: the rings of a shard, for the one thread that reads and writes
// them; src/dpd/engine/shard-rings.ts is its only user.
#include "addon/exports.h"
#include "addon/shard_registry.h"
#include "addon/values.h"

namespace vethwall::addon {
namespace {

using Napi::CallbackInfo;

class RingsObject : public Napi::ObjectWrap<RingsObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "ShardRings",
                       {
                           InstanceMethod<&RingsObject::events>("events"),
                           InstanceMethod<&RingsObject::commands>("commands"),
                           InstanceMethod<&RingsObject::wake_thread>("wakeThread"),
                           InstanceMethod<&RingsObject::close>("close"),
                       });
  }

  // new ShardRings(number, wake)
  explicit RingsObject(const CallbackInfo& info)
      : ObjectWrap(info), env_(info.Env()), shard_(find_shard(uint32_of(info[0]))) {
    if (!shard_) throw Napi::Error::New(env_, "no such shard");
    const napi_status status = napi_create_threadsafe_function(
        env_, info[1], nullptr, Napi::String::New(env_, "vethwall rings"), 0, 1, nullptr, nullptr,
        nullptr, call, &wake_);
    if (status != napi_ok) throw Napi::Error::New(env_);
    shard_->attach(
        [wake = wake_] { napi_call_threadsafe_function(wake, nullptr, napi_tsfn_nonblocking); });
    // A worker that is terminated calls nothing itself. Hooks run last in, first out: before the
    // function's own, which would leave the engine's thread with a dead one.
    napi_add_env_cleanup_hook(env_, cleanup, this);
    is_open_ = true;
  }
  ~RingsObject() override { end(); }

 private:
  // node-addon-api's own makes a C++ exception of what is thrown, and aborts the process where the
  // worker is being terminated. Node itself knows what to do with either.
  static void call(napi_env env, napi_value wake, void*, void*) {
    if (env == nullptr || wake == nullptr) return;
    napi_value none;
    if (napi_get_undefined(env, &none) != napi_ok) return;
    napi_call_function(env, none, wake, 0, nullptr, nullptr);
  }

  static void cleanup(void* self) { static_cast<RingsObject*>(self)->end(); }

  void end() {
    if (!is_open_) return;
    is_open_ = false;
    napi_remove_env_cleanup_hook(env_, cleanup, this);
    shard_->attach({});
    napi_release_threadsafe_function(wake_, napi_tsfn_release);
  }

  void close(const CallbackInfo&) { end(); }
  void wake_thread(const CallbackInfo&) { shard_->wake_thread(); }
  Napi::Value events(const CallbackInfo& info) { return memory_of(info.Env(), shard_->events()); }
  Napi::Value commands(const CallbackInfo& info) {
    return memory_of(info.Env(), shard_->commands());
  }
  // The shard lives as long as its memory is seen.
  Napi::Value memory_of(Napi::Env env, os::Ring& ring) {
    const std::span<uint8_t> memory = ring.memory();
    auto* owner = new std::shared_ptr<shard::Shard>(shard_);
    return Napi::ArrayBuffer::New(
        env, memory.data(), memory.size(),
        [](Napi::Env, void*, std::shared_ptr<shard::Shard>* held) { delete held; }, owner);
  }

  Napi::Env env_;
  const std::shared_ptr<shard::Shard> shard_;
  napi_threadsafe_function wake_ = nullptr;
  bool is_open_ = false;
};

}  // namespace

void export_shard_rings(Napi::Env env, Napi::Object exports) {
  exports.Set("ShardRings", RingsObject::define(env));
}

}  // namespace vethwall::addon
