// The JavaScript class `Replay`: the engine over a capture, src/dpd/engine/replay.ts.
#include <cstring>
#include <optional>
#include <vector>

#include "addon/engine_values.h"
#include "addon/exports.h"
#include "addon/names.h"
#include "addon/values.h"
#include "wire/capture.h"
#include "wire/marker.h"

namespace vethwall::addon {
namespace {

using Napi::CallbackInfo;

constexpr uint64_t kTickNs = 40'000'000;
constexpr uint16_t kEndpoint = 1;
constexpr size_t kEventOctets = 1 << 20;

// Never full: it grows with what one call causes, and JavaScript reads it where it lies.
class EventList final : public engine::EventSink {
 public:
  explicit EventList(Napi::Env env) : env_(env) { grow_to(kEventOctets); }
  uint8_t* reserve(uint32_t octets) override {
    if (octets > size_ - used_) grow_to(std::max(size_ * 2, used_ + octets));
    uint8_t* place = octets_ + used_;
    used_ += octets;
    return place;
  }
  void commit() override {}
  bool is_empty() const { return used_ == 0; }
  Napi::Value memory() const { return memory_.Value(); }
  // What lies at the front of the memory until the next call.
  size_t take() { return std::exchange(used_, 0); }

 private:
  void grow_to(size_t octets) {
    Napi::HandleScope scope(env_);
    const auto wider = Napi::ArrayBuffer::New(env_, octets);
    auto* const place = static_cast<uint8_t*>(Napi::ArrayBuffer(wider).Data());
    if (used_ > 0) std::memcpy(place, octets_, used_);
    memory_ = Napi::Persistent(wider);
    octets_ = place;
    size_ = octets;
  }

  Napi::Env env_;
  Napi::Reference<Napi::ArrayBuffer> memory_;
  uint8_t* octets_ = nullptr;
  size_t size_ = 0;
  size_t used_ = 0;
};

// There is nowhere to send to; the engine counts what it would have sent.
class NoFrames final : public engine::FrameSink {
 public:
  bool emit(const wire::VnetHeader&, wire::Frame, engine::Departure) override { return false; }
};

class ReplayObject : public Napi::ObjectWrap<ReplayObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Replay",
                       {
                           InstanceMethod<&ReplayObject::memory>("memory"),
                           InstanceMethod<&ReplayObject::set_policy>("setPolicy"),
                           InstanceMethod<&ReplayObject::set_endpoint>("setEndpoint"),
                           InstanceMethod<&ReplayObject::remove_endpoint>("removeEndpoint"),
                           InstanceMethod<&ReplayObject::open>("open"),
                           InstanceMethod<&ReplayObject::step>("step"),
                           InstanceMethod<&ReplayObject::frames_read>("framesRead"),
                           InstanceMethod<&ReplayObject::cut_at>("cutAt"),
                           InstanceMethod<&ReplayObject::command>("command"),
                           InstanceMethod<&ReplayObject::advance>("advance"),
                           InstanceMethod<&ReplayObject::counters>("counters"),
                           InstanceMethod<&ReplayObject::now_ms>("nowMs"),
                           InstanceMethod<&ReplayObject::flows>("flows"),
                       });
  }

  // new Replay(options)
  explicit ReplayObject(const CallbackInfo& info) : ObjectWrap(info), events_(info.Env()) {
    const auto object = info[0].As<Napi::Object>();
    engine_ = engine::Engine::create(limits_of(object.Get("limits").As<Napi::Object>()),
                                     key_of(object.Get("key")), frames_, events_);
  }

 private:
  // How many octets of records the call has caused; they lie in memory().
  Napi::Value events(const CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(events_.take()));
  }
  Napi::Value memory(const CallbackInfo&) { return events_.memory(); }

  Napi::Value set_policy(const CallbackInfo& info) {
    engine_->set_policy(table_of(info[0], names_of(info[1])), now_ns_);
    return events(info);
  }
  Napi::Value set_endpoint(const CallbackInfo& info) {
    engine_->set_endpoint(endpoint_of(info[0].As<Napi::Object>()), now_ns_);
    return events(info);
  }
  Napi::Value remove_endpoint(const CallbackInfo& info) {
    engine_->remove_endpoint(static_cast<uint16_t>(uint32_of(info[0])), now_ns_);
    return events(info);
  }

  void open(const CallbackInfo& info) {
    std::string error;
    reader_ = wire::CaptureReader::open(octets_of(info[0]), error);
    capture_ = Napi::Persistent(info[0].As<Napi::Object>());
    if (!reader_) throw Napi::Error::New(info.Env(), error);
    ahead_ns_.reset();
    frames_read_ = 0;
  }

  // step(frames): at most so many, up to one that causes events: what these lead to is in force
  // before the next. Null at the end; cutAt() then tells whether that is the capture's own.
  Napi::Value step(const CallbackInfo& info) {
    const uint32_t limit = uint32_of(info[0]);
    uint32_t frames = 0;
    while (frames < limit && events_.is_empty() && receive_next()) ++frames;
    frames_read_ += frames;
    return frames == 0 ? info.Env().Null() : events(info);
  }

  bool receive_next() {
    wire::CaptureRecord record;
    if (!reader_ || reader_->next(record) != wire::CaptureNext::kRecord) return false;
    run_clock_to(clock_of(record.time_ns));
    // A capture holds what the sending host had not yet summed.
    wire::VnetHeader vnet = {};
    vnet.flags = wire::kDataValid;
    engine_->receive({kEndpoint, wire::Toward::kUnknown, now_ns_}, vnet, record.frame, {});
    return true;
  }

  Napi::Value frames_read(const CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(frames_read_));
  }

  // The octet where the file ends within a record, or null.
  Napi::Value cut_at(const CallbackInfo& info) {
    wire::CaptureRecord record;
    if (!reader_ || reader_->next(record) != wire::CaptureNext::kTruncated) {
      return info.Env().Null();
    }
    return Napi::Number::New(info.Env(), static_cast<double>(reader_->at()));
  }

  // command(memory, octets): that many of it are records.
  Napi::Value command(const CallbackInfo& info) {
    std::span<const uint8_t> records = octets_of(info[0]);
    records = records.first(std::min<size_t>(records.size(), uint32_of(info[1])));
    engine::CommandHeader header;
    while (records.size() >= sizeof header) {
      std::memcpy(&header, records.data(), sizeof header);
      if (header.octets < sizeof header || header.octets > records.size() ||
          header.refusal_octets > header.octets - sizeof header) {
        throw Napi::RangeError::New(info.Env(), "command record: its lengths contradict");
      }
      engine_->command(header, records.subspan(sizeof header, header.refusal_octets), now_ns_);
      records = records.subspan(header.octets);
    }
    return events(info);
  }

  Napi::Value advance(const CallbackInfo& info) {
    run_clock_to(now_ns_ + uint64_of(info[0]) * kNsPerMs);
    return events(info);
  }

  // A further capture goes on where the clock has come to.
  uint64_t clock_of(uint64_t time_ns) {
    if (!ahead_ns_) ahead_ns_ = now_ns_ > time_ns ? now_ns_ - time_ns : 0;
    return time_ns + *ahead_ns_;
  }

  // Captures of several interfaces go back now and then: the engine's clock does not. A long rest
  // needs few ticks, since nothing but timers happens in it.
  void run_clock_to(uint64_t time_ns) {
    if (now_ns_ == 0) now_ns_ = time_ns;
    if (time_ns > now_ns_ + kTickNs) engine_->tick(now_ns_ + kTickNs);
    now_ns_ = std::max(now_ns_, time_ns);
    if (now_ns_ - last_tick_ns_ < kTickNs) return;
    last_tick_ns_ = now_ns_;
    engine_->tick(now_ns_);
  }

  Napi::Value counters(const CallbackInfo& info) {
    Napi::Object object = Napi::Object::New(info.Env());
    for (size_t i = 0; i < engine::kCounterNames.size(); i++) {
      const uint64_t count = engine_->counter(static_cast<engine::Counter>(i));
      object.Set(engine::kCounterNames[i],
                 Napi::Number::New(info.Env(), static_cast<double>(count)));
    }
    return object;
  }
  // The capture's clock.
  Napi::Value now_ms(const CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(now_ns_ / kNsPerMs));
  }
  Napi::Value flows(const CallbackInfo& info) {
    return Napi::Number::New(info.Env(), engine_->flows());
  }

  NoFrames frames_;
  EventList events_;
  std::unique_ptr<engine::Engine> engine_;
  Napi::ObjectReference capture_;  // what the reader reads stays where it is
  std::optional<wire::CaptureReader> reader_;
  std::optional<uint64_t> ahead_ns_;  // the clock before the capture's time
  uint64_t frames_read_ = 0;
  uint64_t now_ns_ = 0;
  uint64_t last_tick_ns_ = 0;
};

}  // namespace

void export_replay(Napi::Env env, Napi::Object exports) {
  exports.Set("Replay", ReplayObject::define(env));
}

}  // namespace vethwall::addon
