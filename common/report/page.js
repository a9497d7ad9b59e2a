// Draws `report` (common/report/page.h says what is in it). The page tells how that went in the attributes of its root:
// data-drawn = charts with marks, data-empty = charts without, data-beyond = pixels beyond the window's right side, data-errors =
// what went wrong, what it tried to load included (the page forbids itself to load anything).
const root = document.documentElement;
root.dataset.errors = '';
window.addEventListener('error', e => { root.dataset.errors += e.message + '; '; });
document.addEventListener('securitypolicyviolation', e => { root.dataset.errors += e.violatedDirective + ' ' + e.blockedURI + '; '; });

const palettes = {  // by --hues; 3:1 at least against the ground that they stand on
  light: ['#3366cc', '#cf5a24', '#12875f', '#945ecf', '#d9455f', '#0f8796', '#94732f', '#6b7888', '#bf399e', '#5a832c'],
  dark: ['#6c97f0', '#f08c56', '#2fbf8f', '#b085e0', '#ee6f86', '#36bccb', '#bfa05a', '#93a1b2', '#d96bbf', '#8abb52'] };
const hue = i => { const hues = palettes[tone('--hues')]; return hues[((i % hues.length) + hues.length) % hues.length]; };
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const isDay = text => /^\d{4}-\d\d-\d\d$/.test(text);
const isNumber = text => /^[-+]?[\d\u202f]+(\.\d+)?(e[-+]?\d+)?( ?%)?$|^[–-]?$/.test(text);
const tone = name => getComputedStyle(root).getPropertyValue(name).trim();
const charts = [];

function number(v) {
  if (v === null || v === undefined) return '–';
  const size = Math.abs(v);
  if (size !== 0 && (size >= 1e15 || size < 1e-6)) return v.toExponential(2);
  const text = size >= 1000 || Number.isInteger(v) ? v.toFixed(0) : String(+v.toPrecision(4));
  return text.replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, '\u202f');
}
// On axes: 180 M for 180 000 000.
function brief(v) {
  for (const [unit, name] of [[1e9, ' G'], [1e6, ' M'], [1e3, ' k']]) {
    if (Math.abs(v) >= 10 * unit || (Math.abs(v) >= unit && unit > 1e3)) return String(+(v / unit).toPrecision(4)) + name;
  }
  return number(v);
}
const percent = v => v === null ? '–' : String(+(100 * v).toFixed(Math.abs(v) < 0.01 && v !== 0 ? 2 : 1)) + ' %';
const print = format => format === 'percent' ? percent : number;
const onAxis = format => format === 'percent' ? percent : brief;

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children.filter(c => c !== undefined && c !== ''));
  return element;
}

// leads: text of the first column -> id on this page.
function table(columns, rows, className, leads) {
  const right = columns.map((_, c) => rows.length > 0 && rows.every(row => isNumber(row[c] || '')));
  const kind = (text, c) => right[c] ? 'number' : /^\S{1,24}$/.test(text) ? 'word' : undefined;
  const head = make('tr', {}, ...columns.map((name, c) => make('th', { class: right[c] ? 'number' : undefined, scope: 'col' }, name)));
  return make('table', { class: className }, head, ...rows.map(row =>
    make('tr', {}, ...row.map((text, c) => make('td', { class: kind(text, c) },
      leads && c === 0 && leads.has(text) ? make('a', { href: '#' + leads.get(text) }, text) : text)))));
}

// Tables that are too much for half a sheet of paper.
const isBroad = item => item.item === 'sheet' ? item.columns.length > 4 || item.rows.length > 12 : item.item === 'heat' && item.columns.length > 6;
const card = (item, ...children) => make('section', { class: 'card' + (item.wide ? ' wide' : '') + (isBroad(item) ? ' broad' : '') }, make('h3', {}, item.title),
  item.note ? make('p', { class: 'note' }, item.note) : '', ...children);
const scrolled = (name, child) => make('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': name }, child);

// The numbers of a chart as a table: for those who cannot see it, and to copy from.
function numbersOf(item) {
  const most = 400;
  const x = print(item.x_format), y = print(item.y_format);
  let rows;
  if (item.categories) {
    rows = item.categories.slice(0, most).map((category, i) => [category, ...item.series.map(s => y(s.y[i] ?? null))]);
    return { columns: [item.x_title || '', ...item.series.map(s => s.name || item.y_title || 'value')], rows };
  }
  rows = item.series.flatMap(s => s.y.map((v, i) => [s.name || '', s.names ? s.names[i] : '', x(s.x[i]), y(v)])).slice(0, most);
  return { columns: ['series', 'point', item.x_title || 'x', item.y_title || 'y'], rows };
}

// Names beside their points where there is room, else on the other side, above or below.
const names = { id: 'names', afterDatasetsDraw(chart) {
  const c = chart.ctx;
  const points = chart.data.datasets.flatMap((set, s) => chart.isDatasetVisible(s) ? chart.getDatasetMeta(s).data.map((point, i) =>
    ({ x: point.x, y: point.y, name: set.data[i].name })) : []);
  if (points.filter(p => p.name).length > 60) return;
  c.save(); c.font = '11px sans-serif'; c.fillStyle = tone('--ink');
  const taken = points.filter(p => p.name || points.length <= 60).map(p => [p.x - 6, p.y - 6, p.x + 6, p.y + 6]);
  for (const p of points) {
    if (!p.name) continue;
    const w = c.measureText(p.name).width;
    const places = [[p.x + 8, p.y + 4], [p.x - 8 - w, p.y + 4], [p.x - w / 2, p.y - 9], [p.x - w / 2, p.y + 17]];
    const free = places.find(([x, y]) => !taken.some(t => x < t[2] && x + w > t[0] && y - 9 < t[3] && y + 1 > t[1]));
    if (!free) continue;
    c.fillText(p.name, ...free);
    taken.push([free[0], free[1] - 9, free[0] + w, free[1] + 1]);
  }
  c.restore();
} };

const bands = item => ({ id: 'bands', beforeDatasetsDraw(chart) {
  const c = chart.ctx, area = chart.chartArea, scale = chart.scales.x;
  c.save(); c.font = '11px sans-serif';
  for (const band of item.bands) {
    const inside = item.categories.map((category, i) => category >= band.from && category <= band.to ? i : -1).filter(i => i >= 0);
    if (inside.length === 0) continue;
    const left = scale.getPixelForValue(inside[0]), right = scale.getPixelForValue(inside[inside.length - 1]);
    c.fillStyle = tone('--band'); c.fillRect(left, area.top, Math.max(right - left, 2), area.bottom - area.top);
    c.fillStyle = tone('--soft'); c.fillText(band.label, left + 3, area.top + 12);
  }
  c.restore();
} });

function dataset(item, series, place) {
  const colour = hue(series.hue ?? place);
  const data = item.categories ? series.y : series.y.map((y, i) => ({ x: series.x[i], y, name: series.names ? series.names[i] : '' }));
  const many = data.length > 60;
  const shade = series.faint ? colour + '66' : item.kind === 'scatter' && many ? colour + 'a0' : colour;
  const taken = p => item.mark_x !== undefined && p.raw && p.raw.x === item.mark_x;
  return { label: series.name, data, borderColor: shade, borderWidth: series.faint || series.dashed ? 1.3 : 2,
    backgroundColor: item.kind === 'line' || item.kind === 'scatter' ? shade : colour + 'cc', borderDash: series.dashed ? [5, 4] : undefined,
    barPercentage: item.kind === 'histogram' ? 1 : 0.85, categoryPercentage: item.kind === 'histogram' ? 0.98 : 0.8,
    showLine: item.kind === 'line' || (item.kind === 'scatter' && series.dashed),
    pointStyle: series.dashed ? 'line' : undefined,
    pointRadius: item.kind === 'scatter' ? (series.dashed ? 0 : many ? 2.5 : 5) : series.names ? p => p.raw && p.raw.name ? 5 : 0 : series.dashed || series.faint || many ? 0 : p => taken(p) ? 7 : 3,
    pointBackgroundColor: p => taken(p) ? hue(1) : shade, pointHoverRadius: 6, spanGaps: false, clip: 7 };
}

function axes(item) {
  const lies = item.kind === 'sideways';
  const title = text => ({ display: !!text, text });
  const over = { title: title(item.x_title), grid: { display: !item.categories }, ticks: { maxRotation: 40, autoSkipPadding: 12 } };
  if (!item.categories) {
    over.type = 'linear';
    over.ticks = { maxRotation: 0, autoSkipPadding: 12, callback: onAxis(item.x_format) };
    const x = item.kind === 'line' ? item.series.flatMap(s => s.x).filter(Number.isFinite) : [];
    if (x.length > 0 && x.every(Number.isInteger)) {  // steps, clusters: no ticks between them, and no room beside them
      over.ticks.precision = 0;
      const least = x.reduce((a, b) => Math.min(a, b), Infinity), greatest = x.reduce((a, b) => Math.max(a, b), -Infinity);
      if (least < greatest) { over.min = least; over.max = greatest; }  // of one x the library makes an axis
    }
  } else if (isDay(item.categories[0])) {
    const years = +item.categories[item.categories.length - 1].slice(0, 4) - +item.categories[0].slice(0, 4) > 4;
    over.ticks = { maxTicksLimit: c => c.chart.width < 420 ? 4 : 6, maxRotation: 0, callback(v) { const d = this.getLabelForValue(v); return years ? d.slice(0, 4) : months[+d.slice(5, 7) - 1] + ' ' + d.slice(2, 4); } };
  } else if (lies) {
    over.ticks = { autoSkip: false, callback(v) {  // a third of the width at most
      const name = this.getLabelForValue(v), most = Math.max(8, Math.floor(this.chart.width / 17));
      return name.length > most ? name.slice(0, most - 1) + '…' : name;
    } };
  } else if (item.kind === 'histogram') {  // where its interval begins
    over.ticks = { maxRotation: 0, autoSkipPadding: 12, callback(v) { return this.getLabelForValue(v).split(' – ')[0]; } };
  }
  const up = { title: title(item.y_title), beginAtZero: item.y_from_zero || !['line', 'scatter'].includes(item.kind), ticks: { callback: onAxis(item.y_format) } };
  return lies ? { x: up, y: over } : { x: over, y: up };
}

// What stands before a name: the line as it is drawn, the point, or a box.
const legend = item => item.kind === 'line' ? { usePointStyle: true, pointStyle: 'line', pointStyleWidth: 24 }
  : { boxWidth: 12, boxHeight: 8, usePointStyle: item.kind === 'scatter' };

function draw(item) {
  const canvas = make('canvas', { role: 'img', 'aria-label': item.title + (item.note ? ': ' + item.note : '') });
  const plot = make('div', { class: 'plot' }, canvas);
  if (item.kind === 'sideways') plot.style.height = Math.max(160, 60 + 24 * item.categories.length * Math.max(1, item.series.length * 0.6)) + 'px';
  const { columns, rows } = numbersOf(item);
  const section = card(item, plot, make('details', {}, make('summary', {}, 'Numbers'), scrolled(item.title, table(columns, rows))));
  const shown = item.series.filter(s => s.name && !s.faint).length;
  const format = print(item.y_format), across = print(item.x_format);
  charts.push(() => new Chart(canvas, {
    type: { line: 'line', scatter: 'scatter' }[item.kind] || 'bar',
    plugins: [...(item.names_shown ? [names] : []), ...(item.bands ? [bands(item)] : [])],
    data: { labels: item.categories, datasets: item.series.map((s, i) => dataset(item, s, i)) },
    options: { indexAxis: item.kind === 'sideways' ? 'y' : 'x', scales: axes(item),
      layout: { padding: { right: item.names_shown ? 34 : 6 } },
      interaction: { mode: item.kind === 'line' && item.categories && item.series.length <= 8 ? 'index' : 'nearest', intersect: item.kind === 'scatter' },
      plugins: { legend: { display: item.series.length > 1 && shown > 0 && shown <= 12, position: 'bottom', labels: legend(item) },
        tooltip: { callbacks: { label: t => (t.dataset.label ? t.dataset.label + ': ' : '') +
          (item.categories ? format(t.raw) : (t.raw.name ? t.raw.name + ' ' : '') + across(t.raw.x) + ', ' + format(t.raw.y)) } } } }
  }));
  return section;
}

function heat(item) {
  const cell = v => {
    const td = make('td', {}, v === null ? '' : v.toFixed(item.digits));
    const share = v === null ? 0 : v >= 0 ? v / item.high : v / item.low;
    if (v !== null) td.style.background = `rgba(var(${v >= 0 ? '--cold' : '--warm'}), ${(0.75 * Math.min(1, Math.max(0, share))).toFixed(3)})`;
    return td;
  };
  const head = make('tr', {}, make('td', {}), ...item.columns.map(name => make('th', { scope: 'col' }, make('span', {}, name))));
  return card(item, scrolled(item.title, make('table', { class: item.columns.length > 8 ? 'heat many' : 'heat' }, head, ...item.values.map((row, r) =>
    make('tr', {}, make('th', { scope: 'row' }, item.rows[r]), ...row.map(cell))))));
}

// A heading; with a share, a bar as well.
function part(item, id) {
  const bar = item.share === undefined ? '' : make('div', { class: 'bar', role: 'img', 'aria-label': item.note }, make('i', {}));
  if (bar) bar.firstChild.style.width = (100 * item.share).toFixed(2) + '%';
  return make('header', { id }, make('h2', {}, item.title), item.note ? make('p', { class: 'note' }, item.note) : '', bar);
}

const items = document.getElementById('items');
const parts = new Map(report.items.map((item, i) => [item.item === 'part' ? item.title : null, 'part-' + i]));
let grid = null;
for (const [i, item] of report.items.entries()) {
  if (item.item === 'figures' || item.item === 'part') {
    grid = null;
    if (item.item === 'part') items.append(part(item, 'part-' + i));
    else items.append(make('div', { class: 'figures' }, ...item.figures.map(f => make('div', { class: 'figure' }, make('b', {}, f.value), make('span', {}, f.name)))));
    continue;
  }
  if (grid === null) items.append(grid = make('div', { class: 'grid' }));
  grid.append(item.item === 'chart' ? draw(item) : item.item === 'heat' ? heat(item) : card(item, scrolled(item.title, table(item.columns, item.rows, item.columns.length < 3 ? 'few' : undefined, item.leads ? parts : undefined))));
}

let drawn = [];
function paint() {
  drawn.forEach(chart => chart.destroy());
  Object.assign(Chart.defaults, { color: tone('--soft'), borderColor: tone('--line'), animation: false, maintainAspectRatio: false });
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.scale.grid.color = tone('--grid');
  drawn = charts.map(start => start());
  const marked = drawn.filter(chart => chart.data.datasets.some((set, s) =>
    chart.getDatasetMeta(s).data.some((mark, i) => Number.isFinite(mark.x) && Number.isFinite(mark.y) &&
      Number.isFinite(typeof set.data[i] === 'object' && set.data[i] !== null ? set.data[i].y : set.data[i])))).length;
  root.dataset.drawn = marked;
  root.dataset.empty = drawn.length - marked;
  root.dataset.beyond = root.scrollWidth - root.clientWidth;
}
paint();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint);
function forPaper(on) {
  root.classList.toggle('paper', on);
  drawn.forEach(chart => chart.resize());
}
window.addEventListener('beforeprint', () => forPaper(true));
window.addEventListener('afterprint', () => forPaper(false));
