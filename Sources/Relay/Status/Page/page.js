// No library. The page asks for /summary.json every two seconds and for /history.json every ten.
// Text from the relay reaches the page as text, never as markup.
"use strict";
const $ = id => document.getElementById(id);
const put = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };
const number = new Intl.NumberFormat("en", {maximumFractionDigits: 1});
const short = new Intl.NumberFormat("en", {notation: "compact", maximumFractionDigits: 1});
const many = n => n >= 1e5 ? short.format(n) : number.format(n < 100 ? n : Math.round(n));
const axis = n => n >= 1e4 ? short.format(n) : number.format(n);
const bytes = n => {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (n >= 1024 && unit < 3) { n /= 1024; unit++; }
  return number.format(n) + " " + units[unit];
};
const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
// The two largest units: "2 h 5 min".
const span = s => {
  const first = Math.max(0, units.findIndex(u => s >= u[0]));
  return s < 1 ? "0 s" : units.slice(first, first + 2)
    .map((u, i) => [Math.floor((i ? s % units[first][0] : s) / u[0]), u[1]])
    .filter((part, i) => i === 0 || part[0] > 0).map(part => part.join(" ")).join(" ");
};
const words = name => name === name.toLowerCase() ? name.replaceAll("_", " ") : name;
const ask = async path => {
  const reply = await fetch(path, {cache: "no-store", signal: AbortSignal.timeout(5000)});
  if (!reply.ok) throw new Error(path + ": " + reply.status);
  return reply.json();
};

const clock = (seconds, form) => new Date(seconds * 1000).toLocaleString("en-GB", form);
const hours = {hour: "2-digit", minute: "2-digit"};
const moment = seconds => clock(seconds, Date.now() / 1000 - seconds < 64800
  ? hours : {...hours, weekday: "short", day: "numeric"});

let last = null, lastAt = 0, version = null;

function show(now) {
  const at = performance.now();
  if (version !== null && version !== now.version) return location.reload();
  version = now.version;
  const peers = now.activePeers + now.passivePeers;
  const same = last !== null && last.startTime === now.startTime && at > lastAt;
  // The growth of a total a second; null after the first answer and after a restart.
  const rate = key => same ? (now[key] - last[key]) / (at - lastAt) * 1000 : null;
  const shown = (value, form) => value === null ? "–" : form(value);

  const [state, word] = !now.healthy ? ["bad", "Unhealthy"] : now.full ? ["warn", "Full"]
    : now.limiting.length ? ["warn", "Limiting"] : ["good", "Healthy"];
  $("state").dataset.state = state;
  put("state", word);
  document.title = word + " – JoinMarket directory node";
  document.body.classList.remove("stale");
  put("reason", (now.healthy ? now.limiting : now.faults).map(words).join(", "));
  put("since", moment(now.stateSince));
  put("uptime", span(now.uptime));
  put("version", now.version);
  put("network", now.network);

  put("peers", many(peers));
  put("peers-note", "of " + many(now.maxPeers)
    + (now.circuits === undefined ? "" : ", " + many(now.circuits) + " circuits"));
  put("makers", many(now.peersWithOffers));
  put("makers-note", many(now.offers) + " offers");
  put("others", many(peers - now.peersWithOffers));
  put("others-note",
    many(now.verifiedPeers) + " peers verified, " + many(now.quietPeers) + " quiet");
  put("pending", many(now.pending));
  put("pending-note", "of " + many(now.maxPending));

  put("lines", shown(rate("framesReceived"), many));
  put("lines-note", "received from peers");
  put("rate", shown(rate("deliveries"), many));
  put("rate-note", "one for each receiver");
  put("bytes", shown(rate("bytesSent"), bytes));
  put("bytes-note", "in: " + shown(rate("bytesReceived"), bytes));
  put("lag", number.format(now.lagP99) + " ms");
  put("lag-note", "p99; longest " + number.format(now.worstLag) + " ms");

  put("backlog", bytes(now.backlog));
  put("backlog-note", "of " + bytes(now.maxBacklog) + "; " + many(now.laggingPeers)
    + (now.laggingPeers === 1 ? " peer" : " peers"));
  put("slow", many(now.slowReaders));
  put("slow-note", "largest: " + bytes(now.largestBacklog));
  put("limiting", now.limiting.length ? many(now.limiting.length) : "none");
  put("limiting-note", now.limiting.map(words).join(", "));
  const total = counts => counts.reduce((sum, entry) => sum + entry.count, 0);
  put("drops-note", many(total(now.dropped)) + " since the start");

  put("memory", bytes(now.memory));
  put("memory-note", "resident");
  put("cpu", shown(rate("cpuSeconds"), n => number.format(n * 100) + " %"));
  put("cpu-note", "of one core");
  put("descriptors", many(now.descriptors));
  put("descriptors-note", "of " + many(now.maxDescriptors));
  put("opened-note", many(now.connectionsOpened) + " since the start");

  for (const id of ["closed", "limits", "dropped", "rejected"]) bars(id, now[id]);
  if (last === null || last.startTime !== now.startTime) refresh();
  last = now;
  lastAt = at;
}

function bars(id, counts) {
  const most = Math.max(...counts.map(entry => entry.count));
  const rows = [...counts].sort((a, b) => b.count - a.count).map(entry => {
    const row = document.createElement("tr");
    const [name, bar, count] = ["th", "td", "td"].map(tag => document.createElement(tag));
    name.scope = "row";
    name.textContent = words(entry.name);
    bar.className = "bar";
    bar.setAttribute("aria-hidden", "true");
    bar.append(document.createElement("div"));
    bar.firstChild.style.setProperty("--share", entry.count / most * 100 + "%");
    count.textContent = number.format(entry.count);
    row.append(name, bar, count);
    return row;
  });
  if (!rows.length) {
    rows.push(document.createElement("tr"));
    const cell = {className: "none", textContent: "none"};
    rows[0].append(Object.assign(document.createElement("td"), cell));
  }
  $(id).replaceChildren(...rows);
}

function shape(name, attributes, text) {
  const it = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) it.setAttribute(key, value);
  if (text !== undefined) it.textContent = text;
  return it;
}

const least = 36;

function curve(values, x, y, base) {
  const points = values.map((v, i) => x(i).toFixed(1) + "," + y(v).toFixed(1));
  const ends = [x(values.length - 1).toFixed(1) + "," + base, x(0).toFixed(1) + "," + base];
  return [
    shape("polygon", {class: "fill", points: points.concat(ends).join(" ")}),
    shape("polyline", {class: "line", points: points.join(" ")})];
}

// The last hour, without axes: the number above it is its newest value.
function spark(id, values) {
  const svg = shape("svg", {viewBox: "0 0 100 28", preserveAspectRatio: "none"});
  svg.setAttribute("aria-hidden", "true");
  const places = Math.max(values.length, least), high = Math.max(...values, 0) || 1;
  const x = i => 100 * (places - values.length + i) / (places - 1), y = v => 27 - 25 * v / high;
  svg.append(shape("line", {class: "rule", x1: 0, x2: 100, y1: 27, y2: 27}));
  if (values.length) svg.append(...curve(values, x, y, 27));
  $(id).replaceChildren(svg);
}

// Round clock times between two moments, far enough apart for their labels.
function ticks(from, to, most) {
  const steps = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800];
  const step = steps.find(s => (to - from) / s <= most) ?? steps.at(-1);
  const offset = new Date(to * 1000).getTimezoneOffset() * 60;
  const found = [];
  for (let t = Math.ceil((from - offset) / step) * step + offset; t <= to; t += step) found.push(t);
  return found.map(t => [t, step < 86400 ? clock(t, hours)
    : clock(t, {weekday: "short", day: "numeric"})]);
}

// A plot begins with the first sample there is, but shows no less than `least` steps.
function plot(id, values, step, end) {
  const figure = $(id).parentElement, title = figure.querySelector("figcaption").textContent;
  const places = Math.max(values.length, least);
  const width = $(id).clientWidth, height = 150, left = 40, bottom = 128, top = 8;
  const had = document.activeElement === $(id).firstChild;
  const svg = shape("svg", {viewBox: `0 0 ${width} ${height}`, role: "slider", tabindex: 0});
  const most = Math.max(...values, 0);
  const unit = Math.pow(10, Math.floor(Math.log10(most || 1)));
  const high = most === 0 ? 1 : [1, 2, 5, 10].map(n => n * unit).find(n => n >= most);
  const from = end - (places - 1) * step;
  const across = t => left + (width - left - 6) * (t - from) / (end - from);
  const time = i => end - (values.length - 1 - i) * step;
  const x = i => across(time(i)), y = v => bottom - (bottom - top) * v / high;
  for (const value of [0, high / 2, high]) {
    svg.append(shape("line", {class: "rule", x1: left, x2: width, y1: y(value), y2: y(value)}));
    svg.append(shape("text", {x: left - 6, y: y(value) + 4, "text-anchor": "end"}, axis(value)));
  }
  for (const [t, label] of ticks(from, end, Math.max(2, Math.floor(width / 75)))) {
    const edge = Math.max(left, Math.min(across(t), width - 18));
    const place = across(t);
    svg.append(shape("line", {class: "rule", x1: place, x2: place, y1: top, y2: bottom + 4}));
    svg.append(shape("text", {x: edge, y: height - 6, "text-anchor": "middle"}, label));
  }
  const value = figure.querySelector("output");
  if (values.length) {
    svg.append(...curve(values, x, y, bottom));
    const dot = shape("circle", {class: "dot", r: 3});
    svg.append(dot);
    let place = values.length - 1;
    const point = i => {
      place = Math.max(0, Math.min(values.length - 1, i));
      dot.setAttribute("cx", x(place));
      dot.setAttribute("cy", y(values[place]));
      value.textContent = many(values[place]) + " at " + moment(time(place));
      svg.setAttribute("aria-valuenow", place);
      svg.setAttribute("aria-valuetext", value.textContent);
    };
    point(place);
    svg.addEventListener("pointermove", event => {
      const at = from + (event.offsetX - left) / (width - left - 6) * (end - from);
      point(Math.round((at - time(0)) / step));
    });
    svg.addEventListener("pointerleave", () => point(values.length - 1));
    svg.addEventListener("keydown", event => {
      const moved = {ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: values.length - 1};
      if (!(event.key in moved)) return;
      event.preventDefault();
      point(moved[event.key]);
    });
    svg.setAttribute("aria-valuemin", 0);
    svg.setAttribute("aria-valuemax", values.length - 1);
    svg.setAttribute("aria-label", `${title}, highest ${many(most)} since ${moment(time(0))}`);
  } else {
    svg.append(shape("text", {x: width / 2, y: height / 2, "text-anchor": "middle"},
      "the first value comes " + span(step) + " after the start"));
    value.textContent = "";
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", title + ": no value yet");
  }
  $(id).replaceChildren(svg);
  if (had) svg.focus();
}

function sparks(h) {
  const step = h.step_seconds;
  spark("spark-peers", h.peers);
  spark("spark-makers", h.makers);
  spark("spark-others", h.peers.map((n, i) => Math.max(0, n - h.makers[i])));
  spark("spark-pending", h.pending);
  spark("spark-lines", h.received);
  spark("spark-rate", h.deliveries);
  spark("spark-bytes", h.sent_bytes);
  spark("spark-lag", h.lag_microseconds);
  spark("spark-backlog", h.backlog);
  spark("spark-slow", h.slow_readers);
  spark("spark-limiting", h.limiting);
  spark("spark-drops", h.dropped);
  spark("spark-memory", h.memory_bytes);
  spark("spark-cpu", h.cpu_microseconds);
  spark("spark-descriptors", h.descriptors);
  spark("spark-opened", h.opened);
  // Two seconds are too short for what happens a few times a minute.
  const minute = values => many(values.slice(-60 / step).reduce((sum, n) => sum + n, 0));
  put("drops", minute(h.dropped));
  put("opened", minute(h.opened));
}

let drawn = null;
function draw(h) {
  drawn = h;
  const step = h.step_seconds;
  const each = (id, values) => plot(id, values, step, h.end);
  each("plot-peers", h.peers);
  each("plot-lines", h.received.map(n => n / step));
  each("plot-deliveries", h.deliveries.map(n => n / step));
  each("plot-lag", h.lag_microseconds.map(n => n / 1000));
  each("plot-backlog", h.backlog.map(n => n / 1048576));
  each("plot-closed", h.closed.map(n => n * 60 / step));
}
window.addEventListener("resize", () => { if (drawn) draw(drawn); });

const ranges = ["hour", "day", "week"];
let range = "hour";
async function refresh() {
  try {
    const hour = await ask("/history.json");
    sparks(hour);
    draw(range === "hour" ? hour : await ask("/history.json?" + range));
  } catch { /* /summary.json reports that the relay does not answer */ }
}
for (const chosen of ranges) {
  $(chosen).addEventListener("click", () => {
    range = chosen;
    for (const id of ranges) $(id).setAttribute("aria-pressed", id === chosen);
    refresh();
  });
}

async function look() {
  if (!document.hidden) {
    try { show(await ask("/summary.json")); }
    catch {
      $("state").dataset.state = "bad";
      put("state", "Unreachable");
      document.title = "Unreachable – JoinMarket directory node";
      document.body.classList.add("stale");
      put("reason", "The relay does not answer. The page asks again every two seconds.");
      last = null;
    }
  }
  setTimeout(look, 2000);
}
look();
setInterval(() => { if (!document.hidden && last !== null) refresh(); }, 10000);
