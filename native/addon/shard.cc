// The JavaScript classes `Shard` and `ShardGroup`: src/dpd/engine/shard-control.ts is its only
// user.
#include "shard/shard.h"

#include <cstring>

#include "addon/engine_values.h"
#include "addon/exports.h"
#include "addon/names.h"
#include "addon/shard_registry.h"
#include "addon/values.h"

namespace vethwall::addon {
namespace {

using Napi::CallbackInfo;

// What the shards of one device share: new ShardGroup(shards, seed).
class GroupObject : public Napi::ObjectWrap<GroupObject> {
 public:
  static Napi::Function define(Napi::Env env) { return DefineClass(env, "ShardGroup", {}); }
  explicit GroupObject(const CallbackInfo& info)
      : ObjectWrap(info),
        group_(
            std::make_shared<shard::Group>(wire::Spread{uint32_of(info[0]), uint32_of(info[1])})) {}
  const std::shared_ptr<shard::Group>& group() const { return group_; }

 private:
  const std::shared_ptr<shard::Group> group_;
};

shard::Options options_of(const Napi::Object& object) {
  shard::Options options;
  options.netns_fd = int_of(object.Get("netnsFd"));
  options.if_name = text_of(object.Get("ifName"));
  options.heartbeat_map_fd = int_of(object.Get("heartbeatMapFd"));
  options.heartbeat_slot = uint32_of(object.Get("heartbeatSlot"));
  options.heartbeat_file = text_of(object.Get("heartbeatFile"));
  options.flow_map_fd = int_of(object.Get("flowMapFd"));
  options.event_ring_octets = uint32_of(object.Get("eventRingOctets"));
  options.command_ring_octets = uint32_of(object.Get("commandRingOctets"));
  options.key = key_of(object.Get("key"));
  options.index = uint32_of(object.Get("index"));
  const Napi::Value group = object.Get("group");
  if (!group.IsNull()) options.group = GroupObject::Unwrap(group.As<Napi::Object>())->group();
  return options;
}

shard::QueueOptions queue_of(const Napi::Object& object) {
  shard::QueueOptions options;
  options.endpoint = static_cast<uint16_t>(uint32_of(object.Get("id")));
  options.netns_fd = int_of(object.Get("netnsFd"));
  options.queue = static_cast<uint16_t>(uint32_of(object.Get("queue")));
  options.ifindex = uint32_of(object.Get("ifindex"));
  options.mtu_octets = uint32_of(object.Get("mtuOctets"));
  options.fail_open = object.Get("failOpen").ToBoolean();
  options.is_loopback = object.Get("isLoopback").ToBoolean();
  return options;
}

class ShardObject : public Napi::ObjectWrap<ShardObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Shard",
                       {
                           InstanceMethod<&ShardObject::start>("start"),
                           InstanceMethod<&ShardObject::stop>("stop"),
                           InstanceMethod<&ShardObject::set_policy>("setPolicy"),
                           InstanceMethod<&ShardObject::set_endpoint>("setEndpoint"),
                           InstanceMethod<&ShardObject::remove_endpoint>("removeEndpoint"),
                           InstanceMethod<&ShardObject::open_queue>("openQueue"),
                           InstanceMethod<&ShardObject::close_queue>("closeQueue"),
                           InstanceMethod<&ShardObject::set_queue_mark>("setQueueMark"),
                           InstanceMethod<&ShardObject::set_queue_fail_open>("setQueueFailOpen"),
                           InstanceMethod<&ShardObject::acknowledged>("acknowledged"),
                           InstanceMethod<&ShardObject::counters>("counters"),
                           InstanceMethod<&ShardObject::flows>("flows"),
                           InstanceMethod<&ShardObject::fault>("fault"),
                           InstanceMethod<&ShardObject::number>("number"),
                       });
  }

  // new Shard(options, wake)
  explicit ShardObject(const CallbackInfo& info) : ObjectWrap(info), env_(info.Env()) {
    guarded(info, [&] {
      const auto object = info[0].As<Napi::Object>();
      const engine::Limits limits = limits_of(object.Get("limits").As<Napi::Object>());
      const std::array<uint64_t, 2> key = key_of(object.Get("key"));
      shard_ = std::make_shared<shard::Shard>(
          options_of(object),
          [&](engine::FrameSink& frames, engine::EventSink& events, engine::Carrier* carrier,
              engine::Relay* relay) {
            return engine::Engine::create(limits, key, frames, events, carrier, relay);
          },
          [this] { wake_.NonBlockingCall(); });
      number_ = register_shard(shard_);
      // Last: it keeps the event loop alive until stop().
      wake_ =
          Napi::ThreadSafeFunction::New(env_, info[1].As<Napi::Function>(), "vethwall shard", 0, 1);
    });
    // The environment may end before anybody calls stop().
    napi_add_env_cleanup_hook(env_, cleanup, this);
  }
  ~ShardObject() override { end(); }

 private:
  static void cleanup(void* self) { static_cast<ShardObject*>(self)->end(); }

  void end() {
    if (ended_) return;
    ended_ = true;
    napi_remove_env_cleanup_hook(env_, cleanup, this);
    forget_shard(number_);
    shard_->stop();
    wake_.Release();
  }

  void start(const CallbackInfo&) { shard_->start(); }
  void stop(const CallbackInfo&) { end(); }

  Napi::Value post(const CallbackInfo& info, shard::Shard::Action action) {
    return Napi::Number::New(info.Env(), shard_->post(std::move(action)));
  }
  Napi::Value set_policy(const CallbackInfo& info) {
    return guarded(info, [&] {
      const std::shared_ptr<const policy::Table> table = table_of(info[0], shared_names());
      return post(info, [table](engine::Engine& engine, uint64_t now_ns) {
        engine.set_policy(table, now_ns);
      });
    });
  }
  Napi::Value set_endpoint(const CallbackInfo& info) {
    return guarded(info, [&] {
      const engine::EndpointConfig config = endpoint_of(info[0].As<Napi::Object>());
      return post(info, [config](engine::Engine& engine, uint64_t now_ns) {
        engine.set_endpoint(config, now_ns);
      });
    });
  }
  Napi::Value remove_endpoint(const CallbackInfo& info) {
    return guarded(info, [&] {
      const auto id = static_cast<uint16_t>(uint32_of(info[0]));
      return post(info, [id](engine::Engine& engine, uint64_t now_ns) {
        engine.remove_endpoint(id, now_ns);
      });
    });
  }

  Napi::Value open_queue(const CallbackInfo& info) {
    return guarded(info, [&] {
      return ticket(info, shard_->open_queue(queue_of(info[0].As<Napi::Object>())));
    });
  }
  Napi::Value close_queue(const CallbackInfo& info) {
    return guarded(info, [&] { return ticket(info, shard_->close_queue(endpoint_id(info))); });
  }
  Napi::Value set_queue_mark(const CallbackInfo& info) {
    return guarded(info, [&] {
      const auto generation = static_cast<uint8_t>(uint32_of(info[1]));
      return ticket(info, shard_->set_queue_mark(endpoint_id(info), generation));
    });
  }
  Napi::Value set_queue_fail_open(const CallbackInfo& info) {
    return guarded(info, [&] {
      const bool fail_open = info[1].ToBoolean();
      return ticket(info, shard_->set_queue_fail_open(endpoint_id(info), fail_open));
    });
  }
  static uint16_t endpoint_id(const CallbackInfo& info) {
    return static_cast<uint16_t>(uint32_of(info[0]));
  }
  static Napi::Value ticket(const CallbackInfo& info, uint32_t number) {
    return Napi::Number::New(info.Env(), number);
  }

  Napi::Value acknowledged(const CallbackInfo& info) {
    const std::vector<uint32_t> tickets = shard_->acknowledged();
    Napi::Array array = Napi::Array::New(info.Env(), tickets.size());
    for (uint32_t i = 0; i < tickets.size(); i++) array.Set(i, tickets[i]);
    return array;
  }
  Napi::Value flows(const CallbackInfo& info) {
    return Napi::Number::New(info.Env(), shard_->flows());
  }
  Napi::Value fault(const CallbackInfo& info) {
    return Napi::String::New(info.Env(), shard_->fault());
  }

  Napi::Value counters(const CallbackInfo& info) {
    const auto counts = shard_->counters();
    Napi::Object object = Napi::Object::New(info.Env());
    for (size_t i = 0; i < counts.size(); i++) {
      const char* name = i < shard::kEngineCounters
                             ? engine::kCounterNames[i]
                             : shard::kShellCounterNames[i - shard::kEngineCounters];
      object.Set(name, Napi::Number::New(info.Env(), static_cast<double>(counts[i])));
    }
    return object;
  }

  Napi::Value number(const CallbackInfo& info) { return Napi::Number::New(info.Env(), number_); }

  Napi::Env env_;
  std::shared_ptr<shard::Shard> shard_;
  Napi::ThreadSafeFunction wake_;
  uint32_t number_ = 0;  // in the registry
  bool ended_ = false;
};

}  // namespace

void export_shard(Napi::Env env, Napi::Object exports) {
  exports.Set("Shard", ShardObject::define(env));
  exports.Set("ShardGroup", GroupObject::define(env));
}

}  // namespace vethwall::addon
