// No library: two requests, some numbers, four plots. Text reaches the page as text only,
// never as markup.
"use strict";
const $ = id => document.getElementById(id);
const say = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };
const number = new Intl.NumberFormat("en", {maximumFractionDigits: 1});
const short = new Intl.NumberFormat("en", {notation: "compact", maximumFractionDigits: 1});
const many = n => n < 1e5 ? number.format(n) : short.format(n);
const bytes = n => {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (n >= 1024 && unit < 3) { n /= 1024; unit++; }
  return number.format(n) + " " + units[unit];
};
const span = s => {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = Math.max(0, parts.findIndex(p => s >= p[0]));
  return s < 1 ? "0 s" : parts.slice(first, first + 2)
    .map((p, i) => [Math.floor((i ? s % parts[first][0] : s) / p[0]), p[1]])
    .filter((p, i) => i === 0 || p[0] > 0).map(p => p.join(" ")).join(" ");
};
const words = name => name.includes("_") && name === name.toLowerCase()
  ? name.replaceAll("_", " ") : name;
const ask = async path => {
  const reply = await fetch(path, {cache: "no-store", signal: AbortSignal.timeout(5000)});
  if (!reply.ok) throw new Error(path + ": " + reply.status);
  return reply.json();
};

let last = null, lastAt = 0, range = "hour", version = null;

function show(now) {
  const at = performance.now();
  if (version !== null && version !== now.version) return location.reload();
  version = now.version;
  const peers = now.activePeers + now.passivePeers;
  const state = !now.healthy ? ["bad", "Unhealthy"] : now.full ? ["warn", "Full"] : ["good", "Healthy"];
  $("state").dataset.state = state[0];
  say("state", state[1]);
  document.body.classList.remove("stale");
  say("reason", now.faults.map(words).join(", "));
  say("peers", many(peers));
  say("peers-more", "of " + many(now.maxPeers) + ", " + many(now.activePeers) + " serving an onion");
  const same = last !== null && last.startTime === now.startTime && at > lastAt;
  say("rate", same ? many((now.deliveries - last.deliveries) / (at - lastAt) * 1000) : "–");
  say("cpu", same
    ? "and " + number.format((now.cpuSeconds - last.cpuSeconds) / (at - lastAt) * 1e5) + " % of a core" : "");
  say("lag", number.format(now.lagP99) + " ms");
  say("backlog", bytes(now.backlog));
  say("backlog-more", now.laggingPeers ? "in " + many(now.laggingPeers) + " backlogs" : "");
  say("pending", many(now.pending));
  say("offers", many(now.offers));
  say("offers-more", "of " + many(now.peersWithOffers) + " peers");
  say("memory", bytes(now.memory));
  say("uptime", span(now.uptime));
  say("version", "Version " + now.version + ", " + now.network);
  for (const id of ["closed", "limits", "dropped", "rejected"]) table(id, now[id]);
  if (last === null || last.startTime !== now.startTime) drawn();
  last = now;
  lastAt = at;
}

function table(id, counts) {
  const rows = counts.sort((a, b) => b.count - a.count).map(entry => {
    const row = document.createElement("tr");
    row.append(document.createElement("th"), document.createElement("td"));
    row.firstChild.scope = "row";
    row.firstChild.textContent = words(entry.name);
    row.lastChild.textContent = number.format(entry.count);
    return row;
  });
  if (!rows.length) {
    const row = document.createElement("tr");
    row.append(document.createElement("td"));
    row.firstChild.textContent = "none since the start";
    rows.push(row);
  }
  $(id).replaceChildren(...rows);
}

const drawing = "http://www.w3.org/2000/svg";
function shape(name, attributes, text) {
  const it = document.createElementNS(drawing, name);
  for (const [key, value] of Object.entries(attributes)) it.setAttribute(key, value);
  if (text !== undefined) it.textContent = text;
  return it;
}

// Until there is more, a plot shows what is there, but no less than `least` steps.
function plot(id, values, least, step) {
  const places = Math.max(values.length, least);
  const width = $(id).clientWidth, height = 150, left = 44, bottom = 130, top = 10;
  const title = $(id).previousElementSibling.textContent;
  const svg = shape("svg", {viewBox: "0 0 " + width + " " + height, role: "img"});
  const most = Math.max(...values, 0);
  const unit = Math.pow(10, Math.floor(Math.log10(most || 1)));
  const high = most === 0 ? 1 : [1, 2, 5, 10].map(n => n * unit).find(n => n >= most);
  const x = i => left + (width - left - 4) * (places - values.length + i) / (places - 1);
  const y = v => bottom - (bottom - top) * v / high;
  for (const value of [0, high / 2, high]) {
    svg.append(shape("line", {class: "rule", x1: left, x2: width, y1: y(value), y2: y(value)}));
    svg.append(shape("text", {x: left - 6, y: y(value) + 4, "text-anchor": "end"}, many(value)));
  }
  const before = span(places * step) + " ago";
  svg.append(shape("text", {x: left, y: height - 4}, before));
  svg.append(shape("text", {x: width - 4, y: height - 4, "text-anchor": "end"}, "now"));
  if (values.length) {
    const points = values.map((v, i) => x(i).toFixed(1) + "," + y(v).toFixed(1));
    const ends = [x(values.length - 1).toFixed(1) + "," + bottom, x(0).toFixed(1) + "," + bottom];
    svg.append(shape("polygon", {class: "fill", points: points.concat(ends).join(" ")}));
    svg.append(shape("polyline", {class: "line", points: points.join(" ")}));
    svg.append(shape("circle", {class: "dot", r: 2.5, cx: x(values.length - 1), cy: y(values.at(-1))}));
    svg.setAttribute("aria-label",
      title + ": last " + many(values.at(-1)) + ", most " + many(most) + " since " + before);
  } else {
    svg.append(shape("text", {x: width / 2, y: height / 2, "text-anchor": "middle"},
      "the first point comes " + span(step) + " after the start"));
    svg.setAttribute("aria-label", title + ": nothing to show yet");
  }
  $(id).replaceChildren(svg);
}

let shown = null;
function draw(history) {
  shown = history;
  const step = history.step_seconds, least = 36;
  plot("plot-peers", history.peers, least, step);
  plot("plot-deliveries", history.deliveries.map(n => n / step), least, step);
  plot("plot-lag", history.lag_microseconds.map(n => n / 1000), least, step);
  plot("plot-closed", history.closed.map(n => n * 60 / step), least, step);
}
window.onresize = () => { if (shown) draw(shown); };

const drawn = () => ask("/history.json" + (range === "week" ? "?week" : "")).then(draw, () => {});
function choose(chosen) {
  range = chosen;
  for (const id of ["hour", "week"]) $(id).setAttribute("aria-pressed", id === chosen);
  drawn();
}
$("hour").onclick = () => choose("hour");
$("week").onclick = () => choose("week");

async function look() {
  if (!document.hidden) {
    try { show(await ask("/summary.json")); }
    catch {
      $("state").dataset.state = "bad";
      say("state", "Unreachable");
      document.body.classList.add("stale");
      say("reason", "no answer from the relay; asking again every two seconds");
      last = null;
    }
  }
  setTimeout(look, 2000);
}
look();
setInterval(() => { if (!document.hidden && last !== null) drawn(); }, 10000);
