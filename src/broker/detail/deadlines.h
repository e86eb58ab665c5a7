#pragma once
/// Who is due next, among many that have a deadline most of the time. An `Item` has the members
/// `deadline` and `deadline_place` (1-based; 0 = none), which are changed here only.
///
/// Cost: set() is logarithmic, next() free; a pointer an item

#include <cstdint>
#include <utility>
#include <vector>

#include "broker/message.h"

namespace wireway::broker {

template <class Item>
class Deadlines {
 public:
  /// The earliest; null = there is none.
  Item* next() const { return heap_.empty() ? nullptr : heap_.front(); }

  /// `never` = none.
  void set(Item& item, MonoTime at) {
    if (item.deadline_place != 0) remove(item);
    item.deadline = at;
    if (at == never) return;
    heap_.push_back(&item);
    rise(heap_.size());
  }

 private:
  Item*& at(std::size_t place) { return heap_[place - 1]; }
  void put(std::size_t place, Item* item) {
    at(place) = item;
    item->deadline_place = std::uint32_t(place);
  }

  void remove(Item& item) {
    const std::size_t place = std::exchange(item.deadline_place, 0);
    Item* const last = heap_.back();
    heap_.pop_back();
    if (last == &item) return;
    put(place, last);
    rise(place);
    sink(last->deadline_place);
  }
  void rise(std::size_t place) {
    Item* const item = at(place);
    for (; place > 1 && item->deadline < at(place / 2)->deadline; place /= 2)
      put(place, at(place / 2));
    put(place, item);
  }
  void sink(std::size_t place) {
    Item* const item = at(place);
    for (std::size_t child = place * 2; child <= heap_.size(); child = place * 2) {
      if (child < heap_.size() && at(child + 1)->deadline < at(child)->deadline) ++child;
      if (item->deadline <= at(child)->deadline) break;
      put(place, at(child));
      place = child;
    }
    put(place, item);
  }

  std::vector<Item*> heap_;
};

}  // namespace wireway::broker
