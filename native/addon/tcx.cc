// src/intercept/os.ts `Tcx`.
#include "os/tcx.h"

#include "addon/exports.h"
#include "addon/values.h"

namespace vethwall::addon {
namespace {

using Napi::CallbackInfo;
using Napi::Value;

// netnsFd, ifindex, isEgress: the first three arguments of each.
os::TcxHook hook_of(const CallbackInfo& info) {
  return {int_of(info[0]), uint32_of(info[1]), info[2].As<Napi::Boolean>().Value()};
}

Value programs(const CallbackInfo& info) {
  return guarded(info, [&] {
    const auto found = os::tcx_programs(hook_of(info));
    Napi::Array array = Napi::Array::New(info.Env(), found.size());
    for (uint32_t i = 0; i < found.size(); i++) {
      Napi::Object program = Napi::Object::New(info.Env());
      program.Set("id", found[i].id);
      program.Set("name", found[i].name);
      array.Set(i, program);
    }
    return array;
  });
}

void attach(const CallbackInfo& info) {
  guarded(info, [&] { os::tcx_attach(hook_of(info), int_of(info[3]), uint32_of(info[4])); });
}

void detach(const CallbackInfo& info) {
  guarded(info, [&] { os::tcx_detach(hook_of(info), uint32_of(info[3])); });
}

}  // namespace

void export_tcx(Napi::Env env, Napi::Object exports) {
  exports.Set("tcxPrograms", Napi::Function::New<programs>(env));
  exports.Set("tcxAttach", Napi::Function::New<attach>(env));
  exports.Set("tcxDetach", Napi::Function::New<detach>(env));
}

}  // namespace vethwall::addon
