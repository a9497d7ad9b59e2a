#include "jobs/report/cluster_report.h"

#include <algorithm>
#include <cmath>

#include "common/pipeline/pipeline.h"
#include "jobs/report/json.h"

namespace millrace::report {
namespace {

constexpr size_t kMostLines = 40;  // per cluster: a plot of more is a grey wall

std::string Escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string DataScript(const ClusterReport& report) {
  std::string elbow = "[", members = "[";
  std::vector<size_t> lines(report.k);
  for (const ElbowPoint& point : report.elbow)
    elbow += StrCat(elbow.size() > 1 ? "," : "", "{\"x\":", point.k, ",\"y\":", JsonNumber(point.cost), "}");
  for (const ClusterMember& member : report.members) {
    const bool drawn = member.cluster < report.k && lines[member.cluster]++ < kMostLines;
    members += StrCat(members.size() > 1 ? ",\n" : "\n", "{\"name\":", JsonText(member.name),
                      ",\"cluster\":", member.cluster, ",\"daily\":", JsonNumber(member.average_daily),
                      ",\"cumulative\":", JsonNumber(member.average_cumulative),
                      ",\"line\":", drawn ? JsonNumbers(member.line) : "null", "}");
  }
  return StrCat("const data = {\"k\":", report.k, ",\"dates\":", JsonTexts(report.columns),
                ",\n\"elbow\":", elbow, "],\n\"members\":", members, "]};\n");
}

std::string MembersTable(const ClusterReport& report) {
  std::string rows;
  for (uint32_t c = 0; c < report.k; ++c) {
    std::string names;
    size_t count = 0;
    for (const ClusterMember& member : report.members) {
      if (member.cluster != c) continue;
      if (++count <= 60) names += (names.empty() ? "" : ", ") + Escaped(member.name);
    }
    if (count > 60) names += StrCat(" and ", count - 60, " more");
    rows += StrCat("<tr><td><span class=\"dot\" data-cluster=\"", c, "\"></span>", c, "</td><td>", count,
                   "</td><td>", names, "</td></tr>\n");
  }
  return rows;
}

constexpr std::string_view kStyle = R"(
:root { color-scheme: light; --ink: #1c2733; --soft: #5b6b7b; --line: #e3e8ee; }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink); background: #f5f7fa; }
main { max-width: 1180px; margin: 0 auto; padding: 32px 24px 48px; }
h1 { font-size: 26px; margin: 0; letter-spacing: -.01em; }
p.sub { color: var(--soft); margin: 4px 0 24px; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 16px; }
.top { grid-template-columns: 2fr 3fr; margin-bottom: 16px; }
@media (max-width: 820px) { .top { grid-template-columns: 1fr; } }
.card { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px; }
.wide { grid-column: 1 / -1; }
.card h2 { font-size: 15px; margin: 0 0 2px; }
.card p { font-size: 13px; color: var(--soft); margin: 0 0 10px; }
.plot { position: relative; height: 380px; }
.small { height: 230px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 6px 10px 6px 0; border-top: 1px solid var(--line); vertical-align: top; }
th { border-top: 0; color: var(--soft); font-weight: 600; }
.dot { display: inline-block; width: 11px; height: 11px; border-radius: 50%; margin-right: 8px; }
footer { color: var(--soft); font-size: 12.5px; margin-top: 20px; }
)";

constexpr std::string_view kPlots = R"(
const hues = ['#3366cc', '#e8743b', '#19a979', '#945ecf', '#d9455f', '#13a4b4', '#8a6d3b', '#5f6b7a', '#bf399e', '#6c8893'];
const hue = c => hues[c % hues.length];
const percent = v => +(100 * v).toFixed(Math.abs(v) < 0.01 ? 2 : 1) + ' %';
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const month = day => months[+day.slice(5, 7) - 1] + ' ' + day.slice(2, 4);
Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
Chart.defaults.color = '#5b6b7b';
Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.scale.grid.color = '#eef1f5';
document.querySelectorAll('.dot').forEach(d => d.style.background = hue(+d.dataset.cluster));
const title = text => ({ display: true, text });

new Chart('elbow', {
  type: 'line',
  data: { datasets: [{ data: data.elbow, borderColor: hues[0], backgroundColor: hues[0], borderWidth: 2,
    pointRadius: p => p.raw && p.raw.x === data.k ? 7 : 3.5,
    pointBackgroundColor: p => p.raw && p.raw.x === data.k ? hues[1] : hues[0] }] },
  options: { plugins: { legend: { display: false } },
    scales: { x: { type: 'linear', title: title('k'), ticks: { stepSize: 1 } }, y: { title: title('cost'), beginAtZero: true } } }
});

const clusters = [...Array(data.k).keys()];
const names = { id: 'names', afterDatasetsDraw(chart) {
  if (data.members.length > 60) return;
  const c = chart.ctx;
  c.save(); c.font = '11px sans-serif'; c.fillStyle = '#1c2733';
  const points = chart.data.datasets.flatMap((set, s) => chart.getDatasetMeta(s).data.map((point, i) =>
    ({ x: point.x, y: point.y, name: set.data[i].name })));
  const taken = points.map(p => [p.x - 6, p.y - 6, p.x + 6, p.y + 6]);
  for (const p of points) {  // beside its point where there is room, else on the other side, above or below
    const w = c.measureText(p.name).width;
    const places = [[p.x + 8, p.y + 4], [p.x - 8 - w, p.y + 4], [p.x - w / 2, p.y - 9], [p.x - w / 2, p.y + 17]];
    const free = places.find(([x, y]) => !taken.some(t => x < t[2] && x + w > t[0] && y - 9 < t[3] && y + 1 > t[1]));
    if (!free) continue;
    c.fillText(p.name, ...free);
    taken.push([free[0], free[1] - 9, free[0] + w, free[1] + 1]);
  }
  c.restore();
} };
new Chart('scatter', {
  type: 'scatter', plugins: [names],
  data: { datasets: clusters.map(c => ({ label: 'cluster ' + c, backgroundColor: hue(c), pointRadius: 5, pointHoverRadius: 7,
    data: data.members.filter(m => m.cluster === c).map(m => ({ x: m.daily, y: m.cumulative, name: m.name })) })) },
  options: { layout: { padding: { right: 34 } }, plugins: { legend: { position: 'bottom', labels: { usePointStyle: true } },
      tooltip: { callbacks: { label: t => t.raw.name + ': ' + percent(t.raw.x) + ' a day, ' + percent(t.raw.y) } } },
    scales: { x: { title: title('average daily return'), ticks: { callback: percent } },
              y: { title: title('average cumulative return'), ticks: { callback: percent } } } }
});

const values = data.members.flatMap(m => m.line || []).filter(v => v !== null);
const low = values.reduce((a, b) => Math.min(a, b), 0), high = values.reduce((a, b) => Math.max(a, b), 0);
clusters.forEach(c => {
  const members = data.members.filter(m => m.cluster === c && m.line);
  new Chart('cluster' + c, {
    type: 'line',
    data: { labels: data.dates, datasets: members.map((m, i) => ({ label: m.name, data: m.line, pointRadius: 0, borderWidth: 1.6,
      borderColor: hue(c) + ['ff', 'b8', '88', '60'][i % 4], backgroundColor: hue(c) + ['ff', 'b8', '88', '60'][i % 4] })) },
    options: { interaction: { mode: 'nearest', intersect: false },
      plugins: { legend: { display: members.length <= 8, position: 'bottom', labels: { boxWidth: 12, boxHeight: 2 } } },
      scales: { x: { ticks: { maxTicksLimit: 6, maxRotation: 0, callback(v) { return month(this.getLabelForValue(v)); } } },
                y: { suggestedMin: low, suggestedMax: high, ticks: { callback: percent } } } }
  });
});
)";

}  // namespace

std::string RenderHtml(const ClusterReport& report) {
  std::string plots;
  for (uint32_t c = 0; c < report.k; ++c) {
    const auto count = std::count_if(report.members.begin(), report.members.end(),
                                     [c](const ClusterMember& m) { return m.cluster == c; });
    plots +=
        StrCat("<section class=\"card\"><h2><span class=\"dot\" data-cluster=\"", c, "\"></span>Cluster ", c,
               "</h2><p>cumulative return of ", count, count == 1 ? " member" : " members",
               static_cast<size_t>(count) > kMostLines ? StrCat(", the first ", kMostLines, " drawn")
                                                       : std::string(),
               "</p><div class=\"plot small\"><canvas id=\"cluster", c, "\"></canvas></div></section>\n");
  }
  std::string html =
      StrCat("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
             Escaped(report.title), "</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n<main>\n<h1>",
             Escaped(report.title), "</h1>\n<p class=\"sub\">", Escaped(report.subtitle),
             "</p>\n<div class=\"grid top\">\n");
  html += StrCat(
      "<section class=\"card\"><h2>Elbow</h2><p>cost by number of clusters; k = ", report.k,
      " was taken</p><div class=\"plot\"><canvas id=\"elbow\"></canvas></div></section>\n",
      "<section class=\"card\"><h2>Members</h2><p>average daily against average cumulative return</p>",
      "<div class=\"plot\"><canvas id=\"scatter\"></canvas></div></section>\n</div>\n<div class=\"grid\">\n",
      plots, "<section class=\"card wide\"><h2>Clusters</h2><p>mean silhouette ",
      FormatDouble(std::round(report.silhouette * 1000) / 1000),
      "</p><table><tr><th>cluster</th><th>members</th><th></th></tr>\n", MembersTable(report),
      "</table></section>\n");
  html +=
      "</div>\n<footer>Drawn with Chart.js (MIT licence), embedded in this page; nothing is loaded from the "
      "network.</footer>\n</main>\n<script>\n";
  html += ChartScript();
  html += StrCat("\n</script>\n<script>\n", DataScript(report), kPlots, "</script>\n</body>\n</html>\n");
  return html;
}

}  // namespace millrace::report
