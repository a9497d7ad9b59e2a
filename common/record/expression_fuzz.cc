// ParseDerivations against an evaluator that builds no tree: the same texts are accepted, with the same
// bits. Whatever is parsed, written with all its parentheses and parsed again, has the same bits as well.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "common/record/expression.h"
#include "common/record/format.h"

namespace millrace {
namespace {

using Kind = ExpressionNode::Kind;

// A number for a column's name.
double ColumnValue(std::string_view name) {
  uint64_t sum = 7;
  for (const char c : name) sum = sum * 31 + static_cast<unsigned char>(c);
  return static_cast<double>(sum % 2001) / 8 - 100;
}

uint64_t Bits(double value) { return std::isnan(value) ? ~uint64_t{0} : std::bit_cast<uint64_t>(value); }

// Values as it reads; `ok` goes false at the first thing that the grammar does not have.
struct Reference {
  std::string_view rest;
  bool ok = true;
  int depth = 0;

  void Blanks() {
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t')) rest.remove_prefix(1);
  }
  bool Next(char c) {
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    Blanks();
    return true;
  }
  static bool Letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
  }
  static bool Digit(char c) { return c >= '0' && c <= '9'; }

  std::string Name() {
    std::string name;
    size_t i = 0;
    if (!rest.empty() && rest[0] == '"') {
      for (i = 1;; ++i) {
        if (i >= rest.size()) {
          ok = false;
          return name;
        }
        if (rest[i] == '"' && (i + 1 >= rest.size() || rest[i + 1] != '"')) break;
        if (rest[i] == '"') ++i;
        name += rest[i];
      }
      ++i;
    } else {
      while (i < rest.size() && (Letter(rest[i]) || (i > 0 && (Digit(rest[i]) || rest[i] == '.'))))
        name += rest[i++];
      ok = ok && i > 0;
    }
    rest.remove_prefix(i);
    Blanks();
    return name;
  }

  double Number() {
    std::string token;
    size_t i = 0;
    while (i < rest.size() && Digit(rest[i])) ++i;
    if (i < rest.size() && rest[i] == '.') ++i;
    while (i < rest.size() && Digit(rest[i])) ++i;
    token = std::string(rest.substr(0, i));
    if (token == ".") ok = false;
    size_t e = i;
    if (e < rest.size() && (rest[e] == 'e' || rest[e] == 'E')) {
      ++e;
      if (e < rest.size() && (rest[e] == '+' || rest[e] == '-')) ++e;
      if (e < rest.size() && Digit(rest[e])) {
        while (e < rest.size() && Digit(rest[e])) ++e;
        token += rest.substr(i, e - i);
        i = e;
      }
    }
    rest.remove_prefix(i);
    Blanks();
    const double value = ok ? std::strtod(token.c_str(), nullptr) : 0;
    ok = ok && std::isfinite(value);
    return value;
  }

  double Unary() {
    if (!ok || ++depth > 100) {
      ok = false;
      return 0;
    }
    double value = 0;
    if (Next('-')) {
      value = -Unary();
    } else if (Next('+')) {
      value = Unary();
    } else if (Next('(')) {
      value = Sum();
      ok = ok && Next(')');
    } else if (!rest.empty() && (Digit(rest[0]) || rest[0] == '.')) {
      value = Number();
    } else {
      value = ColumnValue(Name());
    }
    --depth;
    return value;
  }
  double Product() {
    double value = Unary();
    while (ok) {
      if (Next('*')) {
        value *= Unary();
      } else if (Next('/')) {
        value /= Unary();
      } else {
        break;
      }
    }
    return value;
  }
  double Sum() {
    double value = Product();
    while (ok) {
      if (Next('+')) {
        value += Product();
      } else if (Next('-')) {
        value -= Product();
      } else {
        break;
      }
    }
    return value;
  }
  // The values of a list of derivations.
  std::vector<double> List() {
    std::vector<double> values;
    Blanks();
    if (rest.find_first_not_of(" \t\r\n\v\f") == rest.npos) return values;
    do {
      Name();
      ok = ok && Next('=');
      if (ok) values.push_back(Sum());
    } while (ok && Next(','));
    ok = ok && rest.empty();
    return values;
  }
};

std::string QuotedName(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text.append(c == '"' ? 2 : 1, c);
  return text + '"';
}

// With parentheses around every operation; "" when that nests too deep to be read again.
std::string FullText(const Expression& expression) {
  std::vector<std::string> texts;
  std::vector<int> depths;
  for (const ExpressionNode& node : expression.nodes) {
    const char sign[] = {'?', '?', '-', '+', '-', '*', '/'};
    if (node.kind == Kind::kNumber) {
      texts.push_back(FormatDouble(node.number));
      depths.push_back(0);
    } else if (node.kind == Kind::kColumn) {
      texts.push_back(QuotedName(expression.columns[node.column].name));
      depths.push_back(0);
    } else if (node.kind == Kind::kNegate) {
      if (node.left >= texts.size()) std::abort();
      texts.push_back("-" + texts[node.left]);
      depths.push_back(depths[node.left] + 1);
    } else {
      if (node.left >= texts.size() || node.right >= texts.size()) std::abort();
      texts.push_back("(" + texts[node.left] + sign[static_cast<int>(node.kind)] + texts[node.right] + ")");
      depths.push_back(std::max(depths[node.left], depths[node.right]) + 1);
    }
    if (depths.back() > 90 || texts.back().size() > 100'000) return "";
  }
  return texts.empty() ? "" : texts.back();
}

double Evaluate(const Expression& expression) {
  std::vector<double> values, scratch;
  for (const ColumnName& column : expression.columns) values.push_back(ColumnValue(column.name));
  return expression.Evaluate(values.data(), &scratch);
}

void Run(std::string_view text) {
  std::vector<Derivation> derivations;
  const std::string error = ParseDerivations(text, &derivations);
  Reference reference{text};
  const std::vector<double> expected = reference.List();
  if (error.empty() != reference.ok) std::abort();
  if (!error.empty()) return;
  if (derivations.size() != expected.size()) std::abort();
  for (size_t i = 0; i < expected.size(); ++i) {
    const double value = Evaluate(derivations[i].expression);
    if (Bits(value) != Bits(expected[i])) std::abort();
    const std::string full = FullText(derivations[i].expression);
    if (full.empty()) continue;
    std::vector<Derivation> again;
    if (!ParseDerivations("x=" + full, &again).empty() || again.size() != 1) std::abort();
    if (Bits(Evaluate(again[0].expression)) != Bits(value)) std::abort();
  }
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  millrace::Run(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
