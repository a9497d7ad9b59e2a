// A report as data: what a job found, said in figures, charts and tables. The job writes it as report.json
// beside its tables; html.h makes one self-contained page of it, then or later.
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace millrace::report {

// How the numbers of an axis are printed. kPercent takes fractions.
enum class Format { kNumber, kPercent };

inline constexpr double kNone = NAN;  // a value that is not there: a gap

struct Series {
  std::string name = {};
  std::vector<double> x = {};           // as many as y; empty where the chart has categories
  std::vector<double> y = {};           // of bars: the lengths
  std::vector<std::string> names = {};  // of the points, as many as y, or none; on a line they get a dot
  int hue = -1;                         // place in the palette; -1: its place among the series
  bool faint = false;                   // one of many: thin and pale
  bool dashed = false;                  // a reference: a thin, dashed line without points
};

// A stretch of the x axis in another shade, by category.
struct Band {
  std::string from, to, label;
};

struct Chart {
  enum class Kind {
    kLine,       // over categories, or over x
    kScatter,    // points at x, y
    kBars,       // upright, per category
    kSideways,   // lying, per category: for long names
    kHistogram,  // upright without gaps: a category is the interval that it names
  };
  Kind kind = Kind::kLine;
  std::string title;
  std::string note = {};  // a sentence below the title
  std::vector<std::string> categories = {};
  std::vector<Series> series = {};
  std::string x_title = {}, y_title = {};
  Format x_format = Format::kNumber, y_format = Format::kNumber;
  std::vector<Band> bands = {};
  double mark_x = kNone;     // of a line over x: the point that was taken
  bool names_shown = false;  // of points, where there is room
  bool y_from_zero = false;
  bool wide = false;  // the whole width of the page
};

// Rows of texts; numbers are set to the right by the page.
struct Sheet {
  std::string title;
  std::string note = {};
  std::vector<std::string> columns = {};
  std::vector<std::vector<std::string>> rows = {};
  bool leads = false;  // the first column's texts lead to the parts of these titles
  bool wide = false;
};

// A table of numbers, shaded from `low` over 0 to `high`: correlations, confusions.
struct HeatMap {
  std::string title;
  std::string note = {};
  std::vector<std::string> columns = {}, rows = {};
  std::vector<std::vector<double>> values = {};  // per row; kNone = empty
  double low = -1, high = 1;
  int digits = 2;
  bool wide = true;
};

// Single numbers that stand at the top of a page.
struct Figure {
  std::string name, value;
};
struct Figures {
  std::vector<Figure> figures;
};

// A heading over what follows.
struct Part {
  std::string title;
  std::string note = {};
  double share = kNone;  // 0 to 1: a bar that is filled so far; the note says of what
};

using Item = std::variant<Figures, Part, Chart, Sheet, HeatMap>;

struct Page {
  std::string title, subtitle;
  std::vector<Item> items;
  void Add(Item item) { items.push_back(std::move(item)); }
};

// The same page gives the same bytes. Doubles are written so that they read back as they are; kNone is null.
std::string ToJson(const Page& page);

// For people: four significant digits, thousands set apart ("12 345", "0.0123").
std::string Short(double value);
std::string Percent(double fraction);  // "12.3 %"
// At most `most` characters of UTF-8, the last one an ellipsis where more were there.
std::string Clipped(std::string_view text, size_t most);

}  // namespace millrace::report
