// Events and the households behind them: who watched, in which group.
//
// The small side of a join travels to every task (a broadcast: nothing is shuffled, events keep their order);
// a large one is joined by a shuffle. Small is what was read from files of at most `broadcast_bytes`, packed
// ones counting four times.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/pipeline/pipeline.h"
#include "jobs/ml/lookup.h"
#include "jobs/ml/popularity.h"

namespace millrace::ml {

struct Member {
  std::string household;
  uint32_t group = 0;
};
MR_RECORD(Member, MR_NAMED(household), MR_NAMED(group))

// The households of some groups.
struct Audience {
  Dataset<Member> members;
  std::optional<TextLookup> table;  // the same, where it is small: then it travels
  uint64_t households = 0;
};

// One pass over the members. Ends the job with a sentence where a household has no id or comes twice; `where`
// says in which input.
Audience MakeAudience(Job& job, const Dataset<Member>& members, uint64_t broadcast_bytes,
                      const std::string& where);

// A csv with household_id and cluster: households whose clusters are known, and no ranks. Clusters are
// ordered as numbers where all are numbers, else by bytes. Two passes over it.
struct GivenClusters {
  Groups groups;
  Audience audience;
};
GivenClusters ReadClusters(Job& job, const std::string& input, uint64_t broadcast_bytes);

// Events before they are joined.
struct EventRows {
  Dataset<Row> events;                   // station or product_id, household_id; texts
  std::optional<Dataset<Row>> products;  // product_id, station
  std::string products_file;
};
// Opens a csv with household_id and the station, or with household_id and product_id where `products` is a
// csv with product_id and the station. Nothing is read but the beginning. `split_bytes`:
// ReadOptions::split_bytes.
EventRows OpenEvents(Job& job, const std::string& events, const std::string& products,
                     const std::string& station, uint64_t split_bytes = 0);

// Every event with its station (empty: it has none, or its product is unknown) and the group of its household
// (0: it is in none). With a broadcast: one narrow pass, in the order of the events. With a shuffle: events
// are added up per household and station first, and one record of each (both texts and a count) is shuffled;
// for products every event is. Ends the job with a sentence where a product comes twice, and with `in_order`
// where a shuffle is needed.
Dataset<Watched> JoinEvents(Job& job, const EventRows& rows, const Audience& audience,
                            uint64_t broadcast_bytes, bool in_order);

}  // namespace millrace::ml
