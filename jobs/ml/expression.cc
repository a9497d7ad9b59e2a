#include "jobs/ml/expression.h"

#include <cmath>

#include "jobs/ml/features.h"

namespace millrace::ml {
namespace {

// One derivation on its way to the rows: where its columns stand there.
struct BoundExpression {
  Expression expression;
  std::vector<uint32_t> places;
};
MR_RECORD(BoundExpression, MR_NAMED(expression), MR_NAMED(places))

BoundExpression Bind(Job& job, const Table& table, const Schema& schema, const Derivation& derivation) {
  BoundExpression bound{derivation.expression, {}};
  for (const ColumnName& column : derivation.expression.columns) {
    const auto at = schema.Find(column.name);
    const std::string where = StrCat("--derive, at character ", column.position, ": ");
    if (!at.has_value())
      job.Fail(
          StrCat(where, "there is no column '", column.name, "'.", DidYouMean(column.name, schema.Names())));
    if (schema[*at].type != ValueType::kDouble)
      job.Fail(StrCat(where, "column '", column.name, "' is not numeric", NoNumberIn(table, *at),
                      "; derived columns are made of numbers"));
    bound.places.push_back(static_cast<uint32_t>(*at));
  }
  return bound;
}

Row DerivedRow(const std::vector<BoundExpression>& derived, const Row& row) {
  Row out;
  out.values().reserve(row.size() + derived.size());
  out.values() = row.values();
  std::vector<double> values, scratch;
  for (const BoundExpression& bound : derived) {
    values.clear();
    for (const uint32_t place : bound.places)
      values.push_back(out[place].is_number() ? out[place].AsDouble() : std::nan(""));
    const double result = bound.expression.Evaluate(values.data(), &scratch);
    out.Add(std::isnan(result) ? Value::Null() : Value::Double(result));
  }
  return out;
}

}  // namespace

Table DeriveColumns(Job& job, const Table& table, const std::vector<Derivation>& derivations) {
  if (derivations.empty()) return table;
  Schema schema = table.schema;
  std::vector<BoundExpression> bound;
  for (const Derivation& derivation : derivations) {
    const auto& [name, position] = derivation.name;
    if (schema.Find(name).has_value())
      job.Fail(StrCat("--derive, at character ", position, ": there is a column '", name,
                      "' already; give the new one another name"));
    bound.push_back(Bind(job, table, schema, derivation));
    schema.Add(name, ValueType::kDouble);
  }
  return {schema,
          table.rows.Map(
              With(bound),
              [](const std::vector<BoundExpression>& derived, const Row& row) {
                return DerivedRow(derived, row);
              },
              "Derive"),
          table.sample, table.folders};
}

}  // namespace millrace::ml
