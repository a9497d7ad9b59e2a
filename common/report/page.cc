#include "common/report/page.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace millrace::report {
namespace {

using Json = nlohmann::ordered_json;

const char* Name(Format format) { return format == Format::kPercent ? "percent" : "number"; }

const char* Name(Chart::Kind kind) {
  switch (kind) {
    case Chart::Kind::kLine:
      return "line";
    case Chart::Kind::kScatter:
      return "scatter";
    case Chart::Kind::kBars:
      return "bars";
    case Chart::Kind::kSideways:
      return "sideways";
    case Chart::Kind::kHistogram:
      return "histogram";
  }
  return "line";
}

// Missing and infinite ones are null.
Json Numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(std::isfinite(value) ? Json(value) : Json(nullptr));
  return list;
}

Json ItemJson(const Figures& figures) {
  Json list = Json::array();
  for (const Figure& figure : figures.figures)
    list.push_back({{"name", figure.name}, {"value", figure.value}});
  return {{"item", "figures"}, {"figures", list}};
}

Json ItemJson(const Part& part) {
  Json json = {{"item", "part"}, {"title", part.title}, {"note", part.note}};
  if (std::isfinite(part.share)) json["share"] = part.share;
  return json;
}

Json ItemJson(const Series& series) {
  Json json = {{"name", series.name}};
  if (!series.x.empty()) json["x"] = Numbers(series.x);
  json["y"] = Numbers(series.y);
  if (!series.names.empty()) json["names"] = series.names;
  if (series.hue >= 0) json["hue"] = series.hue;
  if (series.faint) json["faint"] = true;
  if (series.dashed) json["dashed"] = true;
  return json;
}

Json ItemJson(const Chart& chart) {
  Json json = {{"item", "chart"}, {"kind", Name(chart.kind)}, {"title", chart.title}, {"note", chart.note}};
  if (!chart.categories.empty()) json["categories"] = chart.categories;
  json["series"] = Json::array();
  for (const Series& series : chart.series) json["series"].push_back(ItemJson(series));
  json["x_title"] = chart.x_title;
  json["y_title"] = chart.y_title;
  json["x_format"] = Name(chart.x_format);
  json["y_format"] = Name(chart.y_format);
  for (const Band& band : chart.bands)
    json["bands"].push_back({{"from", band.from}, {"to", band.to}, {"label", band.label}});
  if (!std::isnan(chart.mark_x)) json["mark_x"] = chart.mark_x;
  if (chart.names_shown) json["names_shown"] = true;
  if (chart.y_from_zero) json["y_from_zero"] = true;
  if (chart.wide) json["wide"] = true;
  return json;
}

Json ItemJson(const Sheet& sheet) {
  Json json = {{"item", "sheet"},          {"title", sheet.title}, {"note", sheet.note},
               {"columns", sheet.columns}, {"rows", sheet.rows},   {"wide", sheet.wide}};
  if (sheet.leads) json["leads"] = true;
  return json;
}

Json ItemJson(const HeatMap& map) {
  Json values = Json::array();
  for (const std::vector<double>& row : map.values) values.push_back(Numbers(row));
  return {{"item", "heat"},       {"title", map.title}, {"note", map.note}, {"columns", map.columns},
          {"rows", map.rows},     {"values", values},   {"low", map.low},   {"high", map.high},
          {"digits", map.digits}, {"wide", map.wide}};
}

}  // namespace

std::string ToJson(const Page& page) {
  Json json = {{"millrace_report", 1}, {"title", page.title}, {"subtitle", page.subtitle}};
  json["items"] = Json::array();
  for (const Item& item : page.items)
    json["items"].push_back(std::visit([](const auto& one) { return ItemJson(one); }, item));
  // Names from data may hold bytes that are no UTF-8.
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string Short(double value) {
  if (!std::isfinite(value)) return "–";
  const double size = std::abs(value);
  char text[64];
  if (size >= 1e15 || (size > 0 && size < 1e-6)) {
    std::snprintf(text, sizeof text, "%.4g", value);
    return text;
  }
  const int digits = size == 0 ? 0 : std::max(3 - static_cast<int>(std::floor(std::log10(size))), 0);
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  std::string out = text;
  if (out.find('.') != std::string::npos) {
    while (out.back() == '0') out.pop_back();
    if (out.back() == '.') out.pop_back();
  }
  const size_t first = out[0] == '-' ? 1 : 0;
  for (size_t at = std::min(out.find('.'), out.size()); at > first + 3; at -= 3) out.insert(at - 3, "\u202f");
  return out;
}

std::string Percent(double fraction) {
  if (!std::isfinite(fraction)) return "–";
  char text[64];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * fraction);
  return text;
}

std::string Clipped(std::string_view text, size_t most) {
  size_t characters = 0, cut = 0;  // where the last character that may stay ends
  for (size_t at = 0; at < text.size(); ++at) {
    if ((text[at] & 0xC0) == 0x80) continue;  // within a character
    if (++characters == most) cut = at;
    if (characters > most) return std::string(text.substr(0, cut)) + "…";
  }
  return std::string(text);
}

}  // namespace millrace::report
