// Intervals sorted by their first value, read as the balanced tree whose root is the one in the
// middle: those that hold a value are found without pointers, and however they nest each is kept
// once.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace vethwall::policy {

// Both ends belong to it.
template <typename Value>
struct Interval {
  Value first;
  Value last;
  uint32_t item;
  Value greatest = {};  // last value of the tree below it, and its own
};

template <typename Value>
void augment(std::span<Interval<Value>> tree) {
  if (tree.empty()) return;
  const size_t middle = tree.size() / 2;
  Interval<Value>& root = tree[middle];
  root.greatest = root.last;
  for (const std::span<Interval<Value>> half : {tree.first(middle), tree.subspan(middle + 1)}) {
    augment(half);
    if (!half.empty()) root.greatest = std::max(root.greatest, half[half.size() / 2].greatest);
  }
}

template <typename Value>
void arrange(std::span<Interval<Value>> tree) {
  std::ranges::sort(tree, {}, &Interval<Value>::first);
  augment(tree);
}

// Of each interval that holds the value, its item. False where `visit` wanted no more.
template <typename Value, typename Visit>
bool stab(std::span<const Interval<Value>> tree, const Value& value, Visit& visit) {
  while (!tree.empty()) {
    const size_t middle = tree.size() / 2;
    const Interval<Value>& root = tree[middle];
    if (root.greatest < value) return true;
    if (!stab(tree.first(middle), value, visit)) return false;
    if (value < root.first) return true;
    if (!(root.last < value) && !visit(root.item)) return false;
    tree = tree.subspan(middle + 1);
  }
  return true;
}

}  // namespace vethwall::policy
