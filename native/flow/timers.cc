#include "flow/timers.h"

#include "flow/flow.h"

namespace vethwall::flow {
namespace {

size_t index(Timer timer) { return static_cast<size_t>(timer); }

}  // namespace

void TimerLists::touch(Flow& flow, Timer timer, uint64_t now_ns) {
  TimerLink& link = flow.timer;
  if (flow.timer_list == timer && now_ns - link.queued_ns < kTimerGrainNs) return;
  remove(flow);
  List& list = lists_[index(timer)];
  link = {list.tail, nullptr, now_ns};
  flow.timer_list = timer;
  (list.tail ? list.tail->timer.next : list.head) = &flow;
  list.tail = &flow;
  ++list.count;
}

void TimerLists::remove(Flow& flow) {
  TimerLink& link = flow.timer;
  if (flow.timer_list == Timer::kCount) return;
  List& list = lists_[index(flow.timer_list)];
  (link.previous ? link.previous->timer.next : list.head) = link.next;
  (link.next ? link.next->timer.previous : list.tail) = link.previous;
  --list.count;
  link = {};
  flow.timer_list = Timer::kCount;
}

Flow* TimerLists::expired(Timer timer, uint64_t now_ns) const {
  Flow* head = lists_[index(timer)].head;
  if (head == nullptr) return nullptr;
  const uint64_t due_ns = head->timer.queued_ns + kIdleNs[index(timer)] + kTimerGrainNs;
  return now_ns >= due_ns ? head : nullptr;
}

Flow* TimerLists::older_head(Timer first, Timer last) const {
  Flow* oldest = nullptr;
  for (size_t i = index(first); i <= index(last); ++i) {
    Flow* head = lists_[i].head;
    if (head && (!oldest || head->timer.queued_ns < oldest->timer.queued_ns)) oldest = head;
  }
  return oldest;
}

uint32_t TimerLists::count(Timer first, Timer last) const {
  uint32_t sum = 0;
  for (size_t i = index(first); i <= index(last); ++i) sum += lists_[i].count;
  return sum;
}

Flow* TimerLists::oldest(uint32_t flows) const {
  if (Flow* ended = older_head(Timer::kClosing, Timer::kDenied)) return ended;
  if (count(Timer::kSyn, Timer::kIcmp) > flows / 2) return older_head(Timer::kSyn, Timer::kIcmp);
  return older_head(Timer::kSyn, Timer::kBypassed);
}

}  // namespace vethwall::flow
