// The module: one object of functions and classes. Environments share nothing but the shards and
// learned names.
#include <napi.h>

#include "addon/exports.h"

namespace vethwall::addon {

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  export_os(env, exports);
  export_names(env, exports);
  Napi::Object bpf = Napi::Object::New(env);
  export_bpf(env, bpf);
  export_tcx(env, bpf);
  exports.Set("bpf", bpf);
  export_policy(env, exports);
  export_shard(env, exports);
  export_shard_rings(env, exports);
  export_replay(env, exports);
  return exports;
}

NODE_API_MODULE(vethwall, init)

}  // namespace vethwall::addon
