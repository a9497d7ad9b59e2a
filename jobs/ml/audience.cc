#include "jobs/ml/audience.h"

#include <algorithm>
#include <array>

#include "jobs/ml/order.h"

namespace millrace::ml {
namespace {

std::string_view TextOf(const Value& value) { return value.is_null() ? std::string_view() : value.AsText(); }

Dataset<Row> ReadTexts(Job& job, const std::string& input, const std::string& first,
                       const std::string& second, uint64_t split_bytes = 0) {
  return job
      .ReadTable(input,
                 {.columns = {first, second}, .text = {first, second}, .read = {.split_bytes = split_bytes}})
      .rows;
}

[[noreturn]] void FailTwice(Job& job, const std::string& where, const char* column,
                            const std::string& value) {
  if (value.empty())
    job.Fail(pb::ErrorInfo::BAD_INPUT, StrCat(where, ": a row has no ", column, "; fill it in"));
  job.Fail(pb::ErrorInfo::BAD_INPUT,
           StrCat(where, ": ", column, " ", Quote(value), " stands in several rows; leave one of them"));
}

// The keys of a join must be given and stand alone.
void CheckKeys(Job& job, const Dataset<std::string>& keys, const std::string& where, const char* column) {
  const auto wrong =
      keys.KeyBy([](const std::string& key) { return key; }, [](const std::string&) { return uint64_t{1}; })
          .ReduceByKey(Sum{}, "CountKeys")
          .Pairs()
          .Filter([](const KeyValue<std::string, uint64_t>& key) { return key.value > 1 || key.key.empty(); })
          .Take(1);
  if (!wrong.empty()) FailTwice(job, where, column, wrong[0].key);
}

// The stations of products, as they travel.
struct Tables {
  TextLookup groups;        // of households
  bool by_product = false;  // the first column of an event is a product
  TextLookup products;      // -> stations
  std::vector<std::string> stations;
};
MR_RECORD(Tables, MR_NAMED(groups), MR_NAMED(by_product), MR_NAMED(products), MR_NAMED(stations))

// A column that is looked up in a table. A text waits between Begin and End while the place where it will be
// looked up comes into the cache; one whose code was seen before needs no place.
class Finder {
 public:
  struct Text {
    uint32_t code = 0, found = TextLookup::kNone;
    TextLookup::Key key;
  };
  void Begin(const TextLookup& table, const Value& value, Text* text) {
    text->code = value.code();
    text->found = text->code == 0 ? TextLookup::kNone : by_code_[text->code];
    if (text->found != TextLookup::kNone) return;
    text->key.Set(TextOf(value));
    table.Prefetch(text->key);
  }
  // Its number in the table, or `none`.
  uint32_t End(const TextLookup& table, const Text& text, uint32_t none) {
    if (text.found != TextLookup::kNone) return text.found;
    uint32_t number = table.Find(text.key);
    if (number == TextLookup::kNone) number = none;
    if (text.code != 0) by_code_[text.code] = number;
    return number;
  }

 private:
  CodeTable by_code_;
};

// Events on their way through the tables, each behind sixteen others. In order, none lost.
class Joiner {
 public:
  void Push(const Tables& tables, const Row& row, Emitter<Watched>& out) {
    Event& event = waiting_[pushed_ % waiting_.size()];
    if (pushed_++ >= waiting_.size()) Resolve(tables, event, out);
    groups_.Begin(tables.groups, row[1], &event.household);
    if (tables.by_product) {
      stations_.Begin(tables.products, row[0], &event.product);
    } else {
      event.station.Set(TextOf(row[0]));
      event.station_code = row[0].code();
    }
  }
  void Finish(const Tables& tables, Emitter<Watched>& out) {
    for (uint64_t i = pushed_ - std::min<uint64_t>(pushed_, waiting_.size()); i < pushed_; ++i)
      Resolve(tables, waiting_[i % waiting_.size()], out);
  }

 private:
  struct Event {
    Finder::Text household, product;
    TextLookup::Key station;
    uint32_t station_code = 0;
  };
  void Resolve(const Tables& tables, const Event& event, Emitter<Watched>& out) {
    Watched watched;
    watched.group = groups_.End(tables.groups, event.household, 0);  // group 0 is of nobody
    if (tables.by_product) {
      const auto none = static_cast<uint32_t>(tables.stations.size());
      const uint32_t station = stations_.End(tables.products, event.product, none);
      if (station != none) watched.station = tables.stations[station];
      watched.code = station + 1;
    } else {
      watched.station = event.station.text();
      watched.code = event.station_code;
    }
    out(watched);
  }

  std::array<Event, 16> waiting_;
  uint64_t pushed_ = 0;
  Finder groups_, stations_;
};

using TextPair = KeyValue<std::string, std::string>;
Dataset<TextPair> Pairs(const Dataset<Row>& rows) {
  return rows.Map([](const Row& row) {
    return TextPair{std::string(TextOf(row[0])), std::string(TextOf(row[1]))};
  });
}

void AddProducts(Job& job, const EventRows& rows, Tables* tables) {
  TextLookup numbers;  // of stations
  tables->by_product = true;
  for (const TextPair& product : Pairs(*rows.products).Collect()) {
    uint32_t number = numbers.Find(product.value);
    if (number == TextLookup::kNone) {
      number = static_cast<uint32_t>(tables->stations.size());
      numbers.Add(product.value, number);
      tables->stations.push_back(product.value);
    }
    if (product.key.empty() || !tables->products.Add(product.key, number))
      FailTwice(job, rows.products_file, "product_id", product.key);
  }
}

struct StationCount {
  std::string station;
  uint64_t events = 0;
};
MR_RECORD(StationCount, MR_NAMED(station), MR_NAMED(events))

Dataset<Watched> JoinByShuffle(const Dataset<TextPair>& events, const Dataset<Member>& members) {
  const auto counted = events
                           .KeyBy([](const TextPair& event) { return std::tuple(event.value, event.key); },
                                  [](const TextPair&) { return uint64_t{1}; })
                           .ReduceByKey(Sum{}, "CountEvents")
                           .Pairs()
                           .Map([](const KeyValue<std::tuple<std::string, std::string>, uint64_t>& pair) {
                             return KeyValue<std::string, StationCount>{std::get<0>(pair.key),
                                                                        {std::get<1>(pair.key), pair.value}};
                           });
  return Keyed<std::string, StationCount>(counted).CoGroup<Watched>(
      members.KeyBy([](const Member& member) { return member.household; },
                    [](const Member& member) { return member.group; }),
      [](const std::string&, Rows<StationCount> counts, const std::vector<uint32_t>& groups,
         Emitter<Watched>& out) {
        for (const StationCount& count : counts)
          out({count.station, groups.empty() ? 0 : groups[0], count.events});
      });
}

}  // namespace

Audience MakeAudience(Job& job, const Dataset<Member>& members, uint64_t broadcast_bytes,
                      const std::string& where) {
  Audience audience{members, std::nullopt, 0};
  if (members.EstimateBytes() > broadcast_bytes) {
    CheckKeys(job, members.Map([](const Member& member) { return member.household; }), where, "household_id");
    audience.households = members.Count();
    return audience;
  }
  audience.table.emplace();
  for (const Member& member : members.Collect())
    if (member.household.empty() || !audience.table->Add(member.household, member.group))
      FailTwice(job, where, "household_id", member.household);
  audience.households = audience.table->size();
  return audience;
}

GivenClusters ReadClusters(Job& job, const std::string& input, uint64_t broadcast_bytes) {
  const Dataset<Row> rows = ReadTexts(job, input, "household_id", "cluster");
  std::vector<std::string> clusters =
      rows.Map([](const Row& row) { return std::string(TextOf(row[1])); }, "Cluster")
          .Distinct()
          .Take(kMostClusters + 1);  // a column of something else has any number
  bool numbers = true;
  for (const std::string& cluster : clusters) {
    if (cluster.empty()) FailTwice(job, input, "cluster", cluster);
    numbers = numbers && IsNumber(cluster);
  }
  std::sort(clusters.begin(), clusters.end(), [&](const std::string& a, const std::string& b) {
    return std::tuple(NumberKey(numbers, a), a) < std::tuple(NumberKey(numbers, b), b);
  });
  const Groups groups = MakeGroups(job, clusters, {});
  TextLookup of_cluster;
  for (uint32_t i = 0; i < clusters.size(); ++i) of_cluster.Add(clusters[i], groups.Of(i, 0));
  const auto members = rows.Map(
      With(of_cluster),
      [](const TextLookup& group, const Row& row) {
        return Member{std::string(TextOf(row[0])), group.Find(TextOf(row[1]))};
      },
      "Member");
  return {groups, MakeAudience(job, members, broadcast_bytes, input)};
}

EventRows OpenEvents(Job& job, const std::string& events, const std::string& products,
                     const std::string& station, uint64_t split_bytes) {
  const bool by_product = !products.empty();
  EventRows rows{
      ReadTexts(job, events, by_product ? "product_id" : station, "household_id", split_bytes), {}, products};
  if (by_product) rows.products = ReadTexts(job, products, "product_id", station);
  return rows;
}

Dataset<Watched> JoinEvents(Job& job, const EventRows& rows, const Audience& audience,
                            uint64_t broadcast_bytes, bool in_order) {
  const bool by_product = rows.products.has_value();
  const bool small = !by_product || rows.products->EstimateBytes() <= broadcast_bytes;
  if (small && audience.table.has_value()) {
    Tables tables;
    tables.groups = *audience.table;
    if (by_product) AddProducts(job, rows, &tables);
    return rows.events.Accumulate<Watched, Joiner>(
        With(tables),
        [](const Tables& t, Joiner& joiner, const Row& event, Emitter<Watched>& out) {
          joiner.Push(t, event, out);
        },
        [](const Tables& t, Joiner& joiner, Emitter<Watched>& out) { joiner.Finish(t, out); }, "Join");
  }
  if (in_order)
    job.Fail(pb::ErrorInfo::BAD_INPUT, StrCat("batches of events need households and products that travel to "
                                              "the tasks, and the files are larger "
                                              "than --broadcast-bytes=",
                                              broadcast_bytes, "; raise it, or leave --batches out"));
  Dataset<TextPair> pairs = Pairs(rows.events);
  if (by_product) {
    const Keyed<std::string, std::string> stations(Pairs(*rows.products));
    CheckKeys(job, stations.Keys(), rows.products_file, "product_id");
    pairs = Keyed<std::string, std::string>(pairs).LeftJoin(stations).Pairs().Map(
        [](const KeyValue<std::string, std::pair<std::string, std::optional<std::string>>>& pair) {
          return TextPair{pair.value.second.value_or(""), pair.value.first};
        });
  }
  return JoinByShuffle(pairs, audience.members);
}

}  // namespace millrace::ml
