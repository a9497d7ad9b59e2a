// Text columns as numbers: string indexer, one-hot encoder, numbers with blanks.
//
// The kinds of a column are its distinct values; a kind's index is its place in the chosen order. One-hot:
// a column `c` of m kinds becomes 0/1 columns "c=kind" in the order of the indices; with one kind dropped
// its rows are all zeros, and m - 1 columns are left (so that they do not add up to the intercept's 1).
// Source: Spark's StringIndexer (frequencyDesc) and OneHotEncoder (dropLast); scikit-learn's OneHotEncoder
// with sorted categories and drop="first".
//
//   const Table table = job.ReadTable(uri, {.columns = {"id", "age", "town"}, .text = {"id", "town"}});
//   const auto kinds = ml::FitCategories(job, table, {"town"}, {ml::CategoryOrder::kBytes});
//   const Table numbers = ml::OneHotTable(table, kinds, ml::Drop::kFirst);  // id, age, town=B, town=C
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/pipeline/pipeline.h"

namespace millrace::ml {

// The first run of digits of a text as a number: the lower end of what stands for a range. "19-24" is 19,
// "250K+" 250; "Under 15K" is 0. Nothing where there is no digit.
std::optional<double> FirstNumber(std::string_view text);

enum class CategoryOrder : uint8_t {
  kFrequency,  // most rows first, equal ones in byte order
  kBytes,      // unsigned comparison of the UTF-8 bytes
};
enum class Drop : uint8_t { kNone, kFirst, kLast };  // which kind has no column of its own

struct CategoryOptions {
  CategoryOrder order = CategoryOrder::kFrequency;
  std::string missing = {};   // the kind of a missing or empty field; "" = such a field ends the job
  uint32_t max_kinds = 1000;  // a column with more ends the job: it names rows rather than sorts them
};

struct Categories {
  std::string column;
  std::string missing;             // as in the options
  std::vector<std::string> kinds;  // by index
  std::vector<uint64_t> rows;      // of each kind
  std::vector<uint32_t> by_bytes;  // the indices in byte order of their kinds

  // The index of a field's kind; nothing for a kind that the fit has not seen. O(log kinds).
  std::optional<uint32_t> IndexOf(const Value& field) const;
  // The kinds that have a column of their own.
  std::vector<uint32_t> Encoded(Drop drop) const;
};
MR_RECORD(Categories, MR_NAMED(column), MR_NAMED(missing), MR_NAMED(kinds), MR_NAMED(rows),
          MR_NAMED(by_bytes))

// The kinds of some columns of `table`, which should be read as text (numbers are taken as they are
// written). One pass over the table; a combiner leaves at most the kinds of each column per split to
// shuffle. Ends the job with a sentence where a column is not there, has a missing field or too many kinds.
std::vector<Categories> FitCategories(Job& job, const Table& table, const std::vector<std::string>& columns,
                                      const CategoryOptions& options);

// The table with each of these columns replaced by the index of its kind, a double; missing for a kind that
// the fit has not seen. The other columns stay as they are.
Table IndexTable(const Table& table, const std::vector<Categories>& categories);

// The table with each of these columns replaced by its 0/1 columns, doubles; all zeros for the dropped kind
// and for one that the fit has not seen. The other columns stay as they are.
Table OneHotTable(const Table& table, const std::vector<Categories>& categories, Drop drop);

// The table with each of these text columns as doubles. A missing field, or one of blanks only, is `blank`.
// A text that is no number ends the job with column and text.
Table NumberTable(Job& job, const Table& table, const std::vector<std::string>& columns, double blank);
// Fields that are missing or blank, per column. One pass over the table.
std::vector<uint64_t> CountBlanks(Job& job, const Table& table, const std::vector<std::string>& columns);

// The first few of some texts for a sentence: "'a', 'b', 'c', 'd', 'e' and 7 more".
std::string SomeOf(const std::vector<std::string>& texts);

}  // namespace millrace::ml
