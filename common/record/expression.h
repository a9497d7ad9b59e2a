// Arithmetic on the columns of a table, as a small tree: 'AveRooms=total_rooms/households'.
//
//   list    = name '=' sum { ',' name '=' sum }
//   sum     = product { ('+' | '-') product }
//   product = unary { ('*' | '/') unary }
//   unary   = { '+' | '-' } (number | name | '(' sum ')')
//   name    = letters, digits, '_' and '.', the first no digit (bytes beyond ASCII count as letters), or any
//             text in double quotes, a quote in it written twice
//
// Blanks between these do not count. Arithmetic is that of doubles, from left to right; a missing value is
// NaN, and so is what is made of it; a division by zero is infinite or NaN.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/record/describe.h"

namespace millrace {

struct ExpressionNode {
  enum class Kind : uint8_t { kNumber, kColumn, kNegate, kAdd, kSubtract, kMultiply, kDivide };
  Kind kind = Kind::kNumber;
  uint32_t left = 0,
           right = 0;   // the operands' places among the nodes, below this one's; kNegate has left only
  uint32_t column = 0;  // kColumn: its place in Expression::columns
  double number = 0;    // kNumber
};
MR_RECORD(ExpressionNode, MR_NAMED(kind), MR_NAMED(left), MR_NAMED(right), MR_NAMED(column), MR_NAMED(number))

struct ColumnName {
  std::string name;
  uint32_t position = 0;  // of its first character in the text, from 1, where it is named first
};
MR_RECORD(ColumnName, MR_NAMED(name), MR_NAMED(position))

struct Expression {
  std::vector<ExpressionNode> nodes;  // the root is the last
  std::vector<ColumnName> columns;    // each once, in the order in which they are named

  // values[i] is the value of columns[i]; `scratch` is room that is kept from call to call. O(nodes).
  double Evaluate(const double* values, std::vector<double>* scratch) const;
};
MR_RECORD(Expression, MR_NAMED(nodes), MR_NAMED(columns))

struct Derivation {
  ColumnName name;
  Expression expression;
};
MR_RECORD(Derivation, MR_NAMED(name), MR_NAMED(expression))

// "" and the derivations, or what is wrong, where and what was expected there. An empty list is none.
// Parentheses and signs may be nested 100 deep.
std::string ParseDerivations(std::string_view text, std::vector<Derivation>* derivations);

// The columns that a table has to have for them: those that are named, without those derived before.
std::vector<std::string> ColumnsOf(const std::vector<Derivation>& derivations);

}  // namespace millrace
