#include "shard/shard.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "os/fault.h"
#include "os/spread_filter.h"
#include "shard/clock.h"

namespace vethwall::shard {
namespace {

constexpr uint64_t kTickNs = 40'000'000;
// The heartbeat's limit (design §6): after it the kernel has decided without us, and newer frames
// may have overtaken what waits in the socket.
constexpr uint64_t kStallNs = 500'000'000;
// Seldom enough that the kernel programs, which read it for each frame, keep it in their cache.
constexpr uint64_t kStampNs = 10'000'000;
// Between two looks at the socket; a burst of commands must not starve it.
constexpr int kCommandsPerRound = 1024;
// A file of /proc for each queue.
constexpr uint64_t kQueueStatisticsNs = 1'000'000'000;
enum Source : uint32_t { kFrames, kEvents };
static_assert(kEvents < kFirstQueueNumber);

std::shared_ptr<Group> group_of(const Options& options) {
  return options.group ? options.group : std::make_shared<Group>(wire::Spread{});
}

std::unique_ptr<os::PacketSocket> open_socket(const Options& options, const Group& group) {
  std::vector<sock_filter> filter;
  if (group.spread().shards > 1) filter = os::spread_filter(group.spread(), options.index);
  return std::make_unique<os::PacketSocket>(options.netns_fd, options.if_name, filter);
}

std::optional<FlowMap> open_flow_map(int fd) {
  return fd < 0 ? std::nullopt : std::optional<FlowMap>(fd);
}

}  // namespace

Shard::Shard(const Options& options, const EngineFactory& factory, std::function<void()> wake)
    : wake_(std::move(wake)),
      event_ring_(options.event_ring_octets),
      command_ring_(options.command_ring_octets),
      events_(event_ring_),
      group_(group_of(options)),
      index_(options.index),
      socket_(open_socket(options, *group_)),
      heartbeat_(options.heartbeat_map_fd, options.heartbeat_file, options.heartbeat_slot),
      eventfd_(os::check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd", "shard")),
      queues_(poller_, options.key),
      flow_map_(open_flow_map(options.flow_map_fd)),
      engine_(factory(*this, events_, flow_map_ ? &*flow_map_ : nullptr, this)) {
  poller_.add(socket_->fd(), kFrames);
  poller_.add(eventfd_.get(), kEvents);
  group_->join(index_, [this] { wake_thread(); });
}

Shard::~Shard() { stop(); }

void Shard::attach(std::function<void()> wake) {
  const std::lock_guard lock(reader_mutex_);
  wake_reader_ = std::move(wake);
}

void Shard::start() {
  if (thread_.joinable() || stopping_) return;
  thread_ = std::thread([this] { run(); });
}

void Shard::stop() {
  stopping_ = true;
  wake_thread();
  if (thread_.joinable()) thread_.join();
  group_->leave(index_);
  heartbeat_.stamp(0);
  queues_.close_all();
  socket_.reset();
}

uint32_t Shard::post(Action action) {
  const std::lock_guard lock(mutex_);
  const uint32_t ticket = ++last_ticket_;
  if (!thread_.joinable()) {
    action(*engine_, monotonic_ns());
    snapshot();
    acknowledged_.push_back(ticket);
    return ticket;
  }
  posted_.push_back({ticket, std::move(action)});
  has_posted_ = true;
  wake_thread();
  return ticket;
}

std::vector<uint32_t> Shard::acknowledged() {
  const std::lock_guard lock(mutex_);
  return std::exchange(acknowledged_, {});
}

void Shard::wake_thread() {
  const uint64_t one = 1;
  // EAGAIN: the counter is at its limit, so the thread has its wake-up already.
  [[maybe_unused]] const ssize_t written = ::write(eventfd_.get(), &one, sizeof one);
}

std::string Shard::fault() const {
  const std::lock_guard lock(mutex_);
  return fault_;
}

uint32_t Shard::open_queue(const QueueOptions& options) {
  auto queue = std::make_shared<Queue>(options);
  return post([this, queue](engine::Engine&, uint64_t) { queues_.add(queue); });
}

uint32_t Shard::close_queue(uint16_t endpoint) {
  return post([this, endpoint](engine::Engine&, uint64_t) { queues_.close(endpoint); });
}

uint32_t Shard::set_queue_mark(uint16_t endpoint, uint8_t generation) {
  return post([this, endpoint, generation](engine::Engine&, uint64_t) {
    queues_.set_mark(endpoint, generation);
  });
}

uint32_t Shard::set_queue_fail_open(uint16_t endpoint, bool fail_open) {
  return post([this, endpoint, fail_open](engine::Engine&, uint64_t) {
    queues_.set_fail_open(endpoint, fail_open);
  });
}

// The mark of a queued packet's flow is the queue's; a frame of vth-neuv bears its endpoint's
// epoch.
bool Shard::emit(const wire::VnetHeader& vnet, wire::Frame frame, engine::Departure departure) {
  if (departure.ticket) return departure.ticket.accept(departure.is_settled);
  if (queues_.inject(vnet, frame, last_round_ns_) || !socket_) return false;
  const uint32_t mark = departure.is_settled ? departure.epoch : 0;
  socket_->send(vnet, frame, mark);
  return mark != 0;
}

void Shard::flush() {
  socket_->flush();
  queues_.flush();
}

// A thread that ends by itself stops stamping: the kernel programs and the watchdog take over.
void Shard::run() {
  ::pthread_setname_np(::pthread_self(), "vethwall-shard");
  try {
    while (!stopping_) round();
    flush();
  } catch (const std::bad_alloc&) {
    const std::lock_guard lock(mutex_);
    fault_ = "the engine thread is out of memory";
  } catch (...) {
    const std::lock_guard lock(mutex_);
    fault_ = "the engine thread ended with an unknown exception";
  }
  snapshot();
  wake_();
}

void Shard::round() {
  // Before the look at the clock: an action may take as long as it likes.
  bool worked = has_posted_ && run_posted(monotonic_ns());
  const uint64_t now_ns = monotonic_ns();
  if (last_round_ns_ != 0 && now_ns - last_round_ns_ > kStallNs) discard_stale();
  last_round_ns_ = now_ns;
  worked |= run_commands(now_ns);
  worked |= engine_->rejudge(now_ns);
  worked |= receive(now_ns);
  if (now_ns - last_tick_ns_ >= kTickNs) tick(now_ns);
  flush();
  const uint64_t done_ns = monotonic_ns();
  if (event_ring_.empty()) {
    events_.told();
  } else if (events_.rests_ns(done_ns) == 0) {
    wake_reader();
  }
  // Without its device the thread serves nobody: let the stamp run out.
  if (socket_->is_bound() && done_ns - last_stamp_ns_ >= kStampNs) stamp(done_ns);
  if (worked) {
    spin_.worked(now_ns);
  } else if (!spin_.may_spin(done_ns)) {
    sleep(done_ns);
  }
}

void Shard::stamp(uint64_t now_ns) {
  last_stamp_ns_ = now_ns;
  heartbeat_.stamp(group_->stamp(index_, now_ns));
}

bool Shard::run_posted(uint64_t now_ns) {
  std::vector<Posted> posted;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
    has_posted_ = false;
  }
  for (const Posted& each : posted) each.action(*engine_, now_ns);
  flush();
  snapshot();
  {
    const std::lock_guard lock(mutex_);
    for (const Posted& each : posted) acknowledged_.push_back(each.ticket);
  }
  wake_();
  return true;
}

bool Shard::run_commands(uint64_t now_ns) {
  int done = 0;
  for (; done < kCommandsPerRound; done++) {
    const std::span<const uint8_t> record = command_ring_.peek();
    if (record.empty()) break;
    engine::CommandHeader header;
    if (record.size() >= sizeof header) {
      std::memcpy(&header, record.data(), sizeof header);
      const std::span<const uint8_t> tail = record.subspan(sizeof header);
      if (header.refusal_octets <= tail.size()) {
        engine_->command(header, tail.first(header.refusal_octets), now_ns);
      } else {
        count(ShellCounter::kCorruptCommands);
      }
    }
    command_ring_.consume();
  }
  return done > 0;
}

void Shard::tick(uint64_t now_ns) {
  last_tick_ns_ = now_ns;
  engine_->tick(now_ns);
  if (!socket_->is_bound()) socket_->bind_again();
  socket_->update_statistics();
  if (now_ns - last_queue_statistics_ns_ >= kQueueStatisticsNs) {
    last_queue_statistics_ns_ = now_ns;
    queues_.update_statistics();
  }
  snapshot();
}

// Sleeps for at most a tick, and no longer than events may rest. The flag is set before the last
// look at the ring: who writes a command after that look sees the flag.
void Shard::sleep(uint64_t now_ns) {
  std::atomic<uint32_t>& asleep = command_ring_.control().flag;
  asleep.store(1, std::memory_order_seq_cst);
  if (command_ring_.empty() && !has_posted_ && !stopping_ && group_->inbox(index_).empty()) {
    const uint64_t passed_ns = std::min(now_ns - last_tick_ns_, kTickNs);
    const uint64_t rests_ns = event_ring_.empty() ? kTickNs - passed_ns : events_.rests_ns(now_ns);
    poller_.wait(static_cast<int>(std::min(kTickNs - passed_ns, rests_ns) / 1'000'000 + 1));
  }
  asleep.store(0, std::memory_order_seq_cst);
  uint64_t ignored;
  [[maybe_unused]] const ssize_t octets = ::read(eventfd_.get(), &ignored, sizeof ignored);
  // The rest was asked for: it is no stall.
  const uint64_t woken_ns = monotonic_ns();
  if (woken_ns - now_ns < kStallNs) last_round_ns_ = woken_ns;
}

void Shard::wake_reader() {
  events_.told();
  if (event_ring_.control().flag.exchange(1, std::memory_order_seq_cst) != 0) return;
  const std::lock_guard lock(reader_mutex_);
  if (wake_reader_) wake_reader_();
}

}  // namespace vethwall::shard
