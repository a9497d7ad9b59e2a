#include "common/record/expression.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/strings.h"
#include "common/record/parse.h"

namespace millrace {
namespace {

using Kind = ExpressionNode::Kind;
constexpr uint32_t kMaxDepth = 100;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool StartsName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Recursive descent, one function per line of the grammar. The first error wins; after it every function
// returns at once.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::string List(std::vector<Derivation>* derivations) {
    SkipBlanks();
    while (error_.empty()) {
      Derivation derivation;
      if (!Name(&derivation.name)) {
        Expected("the name of the new column");
        break;
      }
      if (!Take('=')) Expected("'='");
      expression_ = {};
      Sum();
      derivation.expression = std::move(expression_);
      derivations->push_back(std::move(derivation));
      if (at_ == text_.size()) break;
      if (!Take(',')) Expected("an operator, ',' or the end");
    }
    return error_;
  }

 private:
  char Peek() const { return at_ < text_.size() && error_.empty() ? text_[at_] : '\0'; }
  void SkipBlanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool Take(char c) {
    if (Peek() != c || c == '\0') return false;
    ++at_;
    SkipBlanks();
    return true;
  }
  void Fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
  }
  void Expected(std::string_view what) {
    const std::string found = at_ == text_.size() ? std::string("the text ends")
                                                  : StrCat("there is ", Quote(text_.substr(at_), 20));
    Fail(StrCat("at character ", at_ + 1, " ", found, ", where ", what, " was expected"));
  }

  uint32_t Add(ExpressionNode node) {
    expression_.nodes.push_back(node);
    return static_cast<uint32_t>(expression_.nodes.size() - 1);
  }

  uint32_t Sum() {
    uint32_t left = Product();
    while (Peek() == '+' || Peek() == '-') {
      const Kind kind = Peek() == '+' ? Kind::kAdd : Kind::kSubtract;
      Take(Peek());
      const uint32_t right = Product();
      left = Add({kind, left, right, 0, 0});
    }
    return left;
  }

  uint32_t Product() {
    uint32_t left = Unary();
    while (Peek() == '*' || Peek() == '/') {
      const Kind kind = Peek() == '*' ? Kind::kMultiply : Kind::kDivide;
      Take(Peek());
      const uint32_t right = Unary();
      left = Add({kind, left, right, 0, 0});
    }
    return left;
  }

  uint32_t Unary() {
    if (++depth_ > kMaxDepth) {
      Fail(StrCat("at character ", at_ + 1, ": parentheses and signs are nested more than ", kMaxDepth,
                  " deep"));
      return 0;
    }
    uint32_t node = 0;
    if (Take('-')) {
      node = Unary();
      node = Add({Kind::kNegate, node, 0, 0, 0});
    } else if (Take('+')) {
      node = Unary();
    } else {
      node = Primary();
    }
    --depth_;
    return node;
  }

  uint32_t Primary() {
    if (Take('(')) {
      const uint32_t node = Sum();
      if (!Take(')')) Expected("an operator or ')'");
      return node;
    }
    double number = 0;
    if (Number(&number)) return Add({Kind::kNumber, 0, 0, 0, number});
    ColumnName name;
    if (Name(&name)) return Add({Kind::kColumn, 0, 0, Column(name), 0});
    Expected("a number, a column or '('");
    return 0;
  }

  bool Number(double* number) {
    size_t end = at_;
    const auto digits = [&] {
      const size_t begin = end;
      while (end < text_.size() && IsDigit(text_[end])) ++end;
      return end > begin;
    };
    if (!IsDigit(Peek()) && Peek() != '.') return false;
    bool some = digits();
    if (end < text_.size() && text_[end] == '.') {
      ++end;
      some = digits() || some;
    }
    if (!some) return false;
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      const size_t before = end++;
      if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) ++end;
      if (!digits()) end = before;
    }
    const std::string_view token = text_.substr(at_, end - at_);
    if (!ParseDouble(token, number))
      Fail(StrCat("at character ", at_ + 1, ": ", Quote(token, 40), " is beyond what a double holds"));
    at_ = end;
    SkipBlanks();
    return true;
  }

  bool Name(ColumnName* name) {
    name->position = static_cast<uint32_t>(at_ + 1);
    if (Peek() == '"') return Quoted(name);
    size_t end = at_;
    while (end < text_.size() &&
           (StartsName(text_[end]) || (end > at_ && (IsDigit(text_[end]) || text_[end] == '.'))))
      ++end;
    if (end == at_ || !error_.empty()) return false;
    name->name = text_.substr(at_, end - at_);
    at_ = end;
    SkipBlanks();
    return true;
  }

  bool Quoted(ColumnName* name) {
    for (size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] != '"') {
        name->name.push_back(text_[i]);
      } else if (i + 1 < text_.size() && text_[i + 1] == '"') {
        name->name.push_back(text_[i++]);
      } else {
        at_ = i + 1;
        SkipBlanks();
        return true;
      }
    }
    Fail(StrCat("at character ", at_ + 1, ": the quote has no end"));
    return false;
  }

  uint32_t Column(const ColumnName& name) {
    auto& columns = expression_.columns;
    const auto at = std::find_if(columns.begin(), columns.end(),
                                 [&](const ColumnName& column) { return column.name == name.name; });
    if (at != columns.end()) return static_cast<uint32_t>(at - columns.begin());
    columns.push_back(name);
    return static_cast<uint32_t>(columns.size() - 1);
  }

  const std::string_view text_;
  size_t at_ = 0;
  uint32_t depth_ = 0;
  Expression expression_;
  std::string error_;
};

}  // namespace

double Expression::Evaluate(const double* values, std::vector<double>* scratch) const {
  scratch->resize(nodes.size());
  double* of = scratch->data();
  for (size_t i = 0; i < nodes.size(); ++i) {
    const ExpressionNode& node = nodes[i];
    switch (node.kind) {
      case Kind::kNumber:
        of[i] = node.number;
        break;
      case Kind::kColumn:
        of[i] = values[node.column];
        break;
      case Kind::kNegate:
        of[i] = -of[node.left];
        break;
      case Kind::kAdd:
        of[i] = of[node.left] + of[node.right];
        break;
      case Kind::kSubtract:
        of[i] = of[node.left] - of[node.right];
        break;
      case Kind::kMultiply:
        of[i] = of[node.left] * of[node.right];
        break;
      case Kind::kDivide:
        of[i] = of[node.left] / of[node.right];
        break;
    }
  }
  return nodes.empty() ? std::nan("") : of[nodes.size() - 1];
}

std::string ParseDerivations(std::string_view text, std::vector<Derivation>* derivations) {
  derivations->clear();
  return StripBlanks(text).empty() ? "" : Parser(text).List(derivations);
}

std::vector<std::string> ColumnsOf(const std::vector<Derivation>& derivations) {
  std::vector<std::string> columns, derived;
  const auto add = [](const std::string& name, std::vector<std::string>* names) {
    if (std::find(names->begin(), names->end(), name) == names->end()) names->push_back(name);
  };
  for (const Derivation& derivation : derivations) {
    for (const ColumnName& column : derivation.expression.columns)
      if (std::find(derived.begin(), derived.end(), column.name) == derived.end()) add(column.name, &columns);
    add(derivation.name.name, &derived);
  }
  return columns;
}

}  // namespace millrace
