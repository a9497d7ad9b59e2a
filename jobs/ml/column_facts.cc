#include "jobs/ml/column_facts.h"

#include <algorithm>

namespace millrace::ml {
namespace {

constexpr double kExactInt = 9007199254740992.0;  // 2^53

template <typename V>
void Widen(std::optional<V>* least, std::optional<V>* greatest, const V& value) {
  if (!*least || value < **least) *least = value;
  if (!*greatest || **greatest < value) *greatest = value;
}
template <typename V>
void Widen(std::optional<V>* least, std::optional<V>* greatest, const std::optional<V>& a,
           const std::optional<V>& b) {
  if (a) Widen(least, greatest, *a);
  if (b) Widen(least, greatest, *b);
}

bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\r\n\v\f") == text.npos; }

// 007, -012: digits behind a zero.
bool HasZerosInFront(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

void AddNumber(std::string_view text, ColumnFacts* facts) {
  int64_t integer;
  double number;
  if (HasZerosInFront(text)) {
    facts->ints = facts->numbers = false;
    return;
  }
  if (facts->ints && ParseInt64(text, &integer)) {
    Widen(&facts->least_int, &facts->greatest_int, integer);
  } else {
    facts->ints = false;
  }
  if (!ParseDouble(text, &number)) {
    facts->numbers = false;
  } else if (number == number) {
    Widen(&facts->least_number, &facts->greatest_number, number);
  }
}

void AddInstant(std::string_view text, ColumnFacts* facts) {
  Date day;
  Timestamp instant;
  if (facts->dates && !ParseDate(text, &day)) facts->dates = false;
  if (ParseTimestamp(text, &instant)) {
    Widen(&facts->least_instant, &facts->greatest_instant, instant.micros);
  } else {
    facts->instants = false;
  }
}

void AddText(std::string_view text, ColumnFacts* facts) {
  text = text.substr(0, ColumnFacts::kSampleBytes);
  if (facts->present == 1 || text < facts->least_text) facts->least_text = text;
  if (facts->present == 1 || text > facts->greatest_text) facts->greatest_text = text;
  if (facts->samples.size() < ColumnFacts::kSamples &&
      std::find(facts->samples.begin(), facts->samples.end(), text) == facts->samples.end())
    facts->samples.emplace_back(text);
}

}  // namespace

void ColumnFacts::Add(const Value& value) {
  if (value.is_null()) {
    ++missing;
    return;
  }
  const bool is_text = value.type() == ValueType::kText;
  const std::string written = is_text ? std::string() : value.ToString();
  const std::string_view text = is_text ? value.AsText() : std::string_view(written);
  if (is_text && IsBlank(text)) {
    ++missing;
    ++blank;
    return;
  }
  ++present;
  if (value.type() == ValueType::kDouble) {
    const double number = value.AsDouble();
    const bool whole =
        number == static_cast<double>(static_cast<int64_t>(std::clamp(number, -kExactInt, kExactInt)));
    if (ints && whole) Widen(&least_int, &greatest_int, static_cast<int64_t>(number));
    ints = ints && whole;
    Widen(&least_number, &greatest_number, number);
    bools = dates = instants = false;
  } else if (value.type() == ValueType::kBool) {
    ints = numbers = dates = instants = false;
  } else {
    bools = bools && (text == "true" || text == "false");
    if (numbers) AddNumber(text, this);
    if (instants) AddInstant(text, this);
  }
  AddText(text, this);
}

void ColumnFacts::Merge(const ColumnFacts& later) {
  Widen(&least_int, &greatest_int, later.least_int, later.greatest_int);
  Widen(&least_number, &greatest_number, later.least_number, later.greatest_number);
  Widen(&least_instant, &greatest_instant, later.least_instant, later.greatest_instant);
  bools = bools && later.bools;
  ints = ints && later.ints;
  numbers = numbers && later.numbers;
  dates = dates && later.dates;
  instants = instants && later.instants;
  if (later.present > 0 && (present == 0 || later.least_text < least_text)) least_text = later.least_text;
  if (later.present > 0 && (present == 0 || later.greatest_text > greatest_text))
    greatest_text = later.greatest_text;
  for (const std::string& sample : later.samples)
    if (samples.size() < kSamples && std::find(samples.begin(), samples.end(), sample) == samples.end())
      samples.push_back(sample);
  present += later.present;
  missing += later.missing;
  blank += later.blank;
}

ValueType ColumnFacts::Type() const {
  if (present == 0) return ValueType::kText;
  if (bools) return ValueType::kBool;
  if (numbers && ints) return ValueType::kInt64;
  if (numbers) return ValueType::kDouble;
  if (instants) return dates ? ValueType::kDate : ValueType::kTimestamp;
  return ValueType::kText;
}

std::vector<ColumnFacts> FactsOf(const Table& table) {
  using Facts = std::vector<ColumnFacts>;
  using Part = KeyValue<uint32_t, ColumnFacts>;
  const auto parts = table.rows.Accumulate<Part, Facts>(
      [](Facts& facts, const Row& row, Emitter<Part>&) {
        facts.resize(row.size());
        for (size_t i = 0; i < row.size(); ++i) facts[i].Add(row[i]);
      },
      [](Facts& facts, Emitter<Part>& out) {
        for (uint32_t i = 0; i < facts.size(); ++i) out({i, facts[i]});
      },
      "Facts");
  Facts all(table.schema.size());
  for (const Part& part :
       Keyed<uint32_t, ColumnFacts>(parts)
           .ReduceByKey([](ColumnFacts&into, const ColumnFacts&later) { into.Merge(later); }, "Merge")
           .Pairs()
           .Collect())
    all[part.key] = part.value;
  return all;
}

}  // namespace millrace::ml
