// The real shell around one engine: a thread that moves frames between vth-neuv or packet queues
// and the engine, events and commands between the engine and JavaScript, and stamps the heartbeat.
#pragma once
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "os/fd.h"
#include "os/heartbeat.h"
#include "os/packet_socket.h"
#include "os/ring.h"
#include "shard/event_writer.h"
#include "shard/flow_map.h"
#include "shard/group.h"
#include "shard/queues.h"
#include "shard/spin.h"

namespace vethwall::shard {

struct Options {
  int netns_fd = -1;
  std::string if_name;
  int heartbeat_map_fd = -1;
  uint32_t heartbeat_slot = 0;
  std::string heartbeat_file;
  int flow_map_fd = -1;  // -1: no flow leaves the engine by a flow map
  uint32_t event_ring_octets = 8u << 20;
  uint32_t command_ring_octets = 1u << 20;
  std::shared_ptr<Group> group = {};  // empty = it is alone
  uint32_t index = 0;                 // within the group
  flow::SipKey key = {};              // random: of what is sent into the namespaces of queues
};

// What the shell counts itself, behind the engine's counters.
enum class ShellCounter : uint8_t {
  kUnmarked,        // frames without exactly one marker
  kReceiveErrors,   //
  kTruncated,       //
  kSendFailed,      //
  kSocketDropped,   // the socket's buffer was full
  kStalls,          // the thread rested longer than the heartbeat's limit
  kStallDiscarded,  // frames thrown away after one
  kCorruptCommands,
  kBoundAgain,  // the device went and came back
  kQueuePackets,
  kQueueAccepted,
  kQueueDropped,       // by a verdict
  kQueueOverflow,      // there was no room for it
  kQueuePassedUnread,  // nor for it, but failure is open
  kQueueErrors,        //
  kInjected,           // packets sent into a queue's namespace
  kInjectedAgain,      // of these, queued to us in their turn
  kRawSendFailed,
  kRelayed,    // packets that came here and are of another shard's flow
  kRelayLost,  // of these, frames that the other had no room for
  kCount
};
extern const std::array<const char*, static_cast<size_t>(ShellCounter::kCount)> kShellCounterNames;

inline constexpr size_t kEngineCounters = static_cast<size_t>(engine::Counter::kCount);
inline constexpr size_t kCounters = kEngineCounters + static_cast<size_t>(ShellCounter::kCount);

using EngineFactory = std::function<std::unique_ptr<engine::Engine>(
    engine::FrameSink&, engine::EventSink&, engine::Carrier*, engine::Relay*)>;

class Shard final : private engine::FrameSink, private engine::Relay {
 public:
  // What is to be in force before or after a frame, never during one.
  using Action = std::function<void(engine::Engine&, uint64_t now_ns)>;

  // `wake` is called on the engine's thread when acknowledged() or fault() has something new.
  Shard(const Options& options, const EngineFactory& factory, std::function<void()> wake);
  ~Shard() override;

  // Who reads the event ring; `wake` is called on the engine's thread, at most once until the
  // ring's flag is 0 again, and never after attach({}). Readers may come and go, one at a time:
  // what is not read waits in the ring.
  void attach(std::function<void()> wake);
  void start();
  // Returns when the thread has ended and the heartbeat says so. Final.
  void stop();
  // In force when its ticket is in acknowledged(). Before start() that is at once.
  uint32_t post(Action action);
  std::vector<uint32_t> acknowledged();
  // A queue of an endpoint that leads through no device of ours. Opened at once, read when its
  // ticket is acknowledged; throws os::Fault.
  uint32_t open_queue(const QueueOptions& options);
  uint32_t close_queue(uint16_t endpoint);
  uint32_t set_queue_mark(uint16_t endpoint, uint8_t generation);
  uint32_t set_queue_fail_open(uint16_t endpoint, bool fail_open);
  // The command ring has something and its flag is 1.
  void wake_thread();

  os::Ring& events() { return event_ring_; }
  os::Ring& commands() { return command_ring_; }
  // As of the last tick.
  std::array<uint64_t, kCounters> counters() const;
  uint32_t flows() const { return flows_.load(std::memory_order_relaxed); }
  // Why the thread ended by itself; empty = it did not.
  std::string fault() const;

 private:
  struct Posted {
    uint32_t ticket;
    Action action;
  };

  bool emit(const wire::VnetHeader& vnet, wire::Frame frame, engine::Departure departure) override;
  const wire::Spread& spread() const override { return group_->spread(); }
  uint32_t own_shard() const override { return index_; }
  void pass(uint32_t shard, const wire::VnetHeader& vnet, wire::Frame frame) override;
  void run();
  void round();
  bool run_posted(uint64_t now_ns);
  bool run_commands(uint64_t now_ns);
  bool receive(uint64_t now_ns);
  bool receive_frames(uint64_t now_ns);
  bool receive_passed(uint64_t now_ns);
  void discard_stale();
  void stamp(uint64_t now_ns);
  void tick(uint64_t now_ns);
  void snapshot();
  void snapshot_queues();
  void flush();
  void sleep(uint64_t now_ns);
  void wake_reader();
  void count(ShellCounter counter, uint64_t more = 1);

  const std::function<void()> wake_;
  std::mutex reader_mutex_;  // of the next one
  std::function<void()> wake_reader_;
  os::Ring event_ring_;
  os::Ring command_ring_;
  EventWriter events_;
  const std::shared_ptr<Group> group_;
  const uint32_t index_;
  std::unique_ptr<os::PacketSocket> socket_;  // closed by stop()
  os::Heartbeat heartbeat_;
  os::Fd eventfd_;
  os::Poller poller_;
  Queues queues_;
  std::optional<FlowMap> flow_map_;
  std::unique_ptr<engine::Engine> engine_;  // before the queues, whose tickets it has
  Spin spin_;

  std::atomic<bool> stopping_ = false;
  std::thread thread_;
  uint64_t last_round_ns_ = 0;
  uint64_t last_tick_ns_ = 0;
  uint64_t last_stamp_ns_ = 0;
  uint64_t last_queue_statistics_ns_ = 0;

  mutable std::mutex mutex_;  // of the four below
  std::vector<Posted> posted_;
  std::vector<uint32_t> acknowledged_;
  uint32_t last_ticket_ = 0;
  std::string fault_;
  std::atomic<bool> has_posted_ = false;

  std::array<uint64_t, static_cast<size_t>(ShellCounter::kCount)> shell_counts_ = {};
  std::array<std::atomic<uint64_t>, kCounters> snapshot_ = {};
  std::atomic<uint32_t> flows_ = 0;
};

}  // namespace vethwall::shard
