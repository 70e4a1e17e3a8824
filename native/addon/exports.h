// What each file of the addon puts on the module's object.
#pragma once
#include <napi.h>

namespace vethwall::addon {

void export_names(Napi::Env env, Napi::Object exports);
void export_os(Napi::Env env, Napi::Object exports);
void export_bpf(Napi::Env env, Napi::Object exports);
void export_policy(Napi::Env env, Napi::Object exports);
void export_replay(Napi::Env env, Napi::Object exports);
void export_shard(Napi::Env env, Napi::Object exports);
void export_shard_rings(Napi::Env env, Napi::Object exports);
void export_tcx(Napi::Env env, Napi::Object exports);

}  // namespace vethwall::addon
