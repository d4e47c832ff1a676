// The interactive graph of the page: pan, zoom, hover, and time.  Knows the JSON of inlined.py and nothing else.
"use strict";
(function () {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("graph-data").textContent);
  const canvas = byId("graph-canvas"), stage = byId("graph-stage"), tip = byId("graph-tip");
  const slider = byId("graph-time"), clock = byId("graph-clock"), status = byId("graph-status");
  const pen = canvas.getContext("2d");
  const NEVER = 2147483647;
  const MOST_LINES = 40000;  // in one picture
  const POSITIONS = 1000;  // of the slider
  const single = data.kind === "neurons";
  const neurons = single ? unpack(data.uid, Int32Array) : null;
  const n = single ? neurons.length : data.names.length;
  const x = single ? unpack(data.x, Float32Array) : Float32Array.from(data.x);
  const y = single ? unpack(data.y, Float32Array) : Float32Array.from(data.y);
  const span = Math.max(1, data.last - data.first);
  const view = { scale: 1, x: 0, y: 0 };  // of the picture: pixels = middle + scale * unit * (place - (x, y))
  let width = 0, height = 0, unit = 1, step = data.last, recent = niceSteps(span / 20), hovered = -1, held = -1;
  let now = null, ink = {}, playing = 0;

  function unpack(text, type) {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
    return new type(bytes.buffer);
  }

  // ---- what there is at a time ----------------------------------------------------------------------------------

  const part = single ? {
    population: unpack(data.population, Int16Array), born: unpack(data.born, Int32Array), died: unpack(data.died, Int32Array),
    pre: unpack(data.pre, Uint16Array), post: unpack(data.post, Uint16Array),
    begin: unpack(data.begin, Int32Array), end: unpack(data.end, Int32Array), negative: unpack(data.negative, Uint8Array),
  } : {
    steps: unpack(data.steps, Int32Array), count: unpack(data.count, Int32Array),
    born: unpack(data.born, Int32Array), died: unpack(data.died, Int32Array),
  };

  // Synapses that are there after the edits of this step, those born and those gone within the last `recent` steps.
  function neuronsAt(at) {
    const from = at - recent, old = [], fresh = [], ghosts = [];
    const received = new Uint32Array(n), sent = new Uint32Array(n);
    const { pre, post, begin, end } = part;
    for (let e = 0; e < pre.length; e++) {
      if (begin[e] > at) continue;
      if (at < end[e]) {
        received[post[e]]++; sent[pre[e]]++;
        if (begin[e] > from && begin[e] > data.first) fresh.push(e); else old.push(e);
      } else if (end[e] > from) ghosts.push(e);
    }
    let alive = 0;
    for (let i = 0; i < n; i++) if (isThere(i, at)) alive++;
    return { old, fresh, ghosts, received, sent, alive, synapses: old.length + fresh.length,
             born: fresh.length, died: ghosts.length };
  }

  function isThere(i, at) { return !single || (part.born[i] <= at && at < part.died[i]); }

  // Counts at the last time at which the run counted, and births and deaths since `recent` steps before it.
  function groupsAt(at) {
    const steps = part.steps, many = data.pairs.length;
    let k = 0;
    while (k + 1 < steps.length && steps[k + 1] <= at) k++;
    let from = k;
    while (from > 0 && steps[from] > steps[k] - recent) from--;
    const count = new Float64Array(many), born = new Float64Array(many), died = new Float64Array(many);
    const received = new Float64Array(n), sent = new Float64Array(n);
    let synapses = 0, births = 0, deaths = 0;
    data.pairs.forEach(([i, j], p) => {
      count[p] = part.count[k * many + p];
      for (let s = from; s < k; s++) { born[p] += part.born[s * many + p]; died[p] += part.died[s * many + p]; }
      sent[i] += count[p]; received[j] += count[p];
      synapses += count[p]; births += born[p]; deaths += died[p];
    });
    const alive = data.neurons.reduce((a, b) => a + b, 0);
    return { count, born: births, died: deaths, births: born, deaths: died, received, sent, synapses, alive };
  }

  // ---- words ----------------------------------------------------------------------------------------------------

  function niceSteps(steps) {
    const power = Math.pow(10, Math.floor(Math.log10(Math.max(1, steps))));
    return Math.max(1, Math.round([1, 2, 5, 10].find((f) => f * power >= steps * 0.999) * power));
  }
  function time(ms) {
    const [size, word] = [[3600000, "h"], [60000, "min"], [1000, "s"], [1, "ms"]].find(([s, w]) => span * data.dt >= 10 * s || w === "ms");
    return `${+(ms / size).toPrecision(4)} ${word}`;
  }
  const number = (value) => Math.round(value).toLocaleString("en-US");
  const some = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;
  function nameOf(i) {
    if (!single) return data.names[i];
    return data.labels.length && data.labels[i] ? data.labels[i] : `neuron ${neurons[i]}`;
  }
  function words(i) {
    const lines = [`receives ${some(now.received[i], "synapse", "synapses")}, sends ${number(now.sent[i])}`];
    if (!single) return [nameOf(i), some(data.neurons[i], "neuron", "neurons"), ...lines];
    const p = data.populations[part.population[i]];
    const where = p ? p.name + (p.region && p.region !== p.name ? ` in ${p.region}` : "") : "a population that is gone";
    if (part.born[i] > data.first) lines.push(`born at ${time(part.born[i] * data.dt)}`);
    if (part.died[i] !== NEVER) lines.push(`dies at ${time(part.died[i] * data.dt)}`);
    return [nameOf(i), (data.labels.length && data.labels[i] ? `uid ${neurons[i]}, ` : "") + where, ...lines];
  }

  // ---- drawing --------------------------------------------------------------------------------------------------

  const px = (i) => width / 2 + view.scale * unit * (x[i] - view.x);
  const py = (i) => height / 2 - view.scale * unit * (y[i] - view.y);
  const size = () => Math.min(9, Math.max(2, 0.33 * unit / Math.sqrt(n))) * Math.min(2.2, Math.max(0.8, Math.sqrt(view.scale)));
  const radius = (i) => single ? size() : Math.max(5, 0.5 * view.scale * unit * data.radius[i]);

  function inks() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["paper", "ink", "edge", "inhibitory", "arrive", "new", "ghost", "halo"]) ink[name] = style.getPropertyValue("--" + name).trim();
    ink.group = [];
    for (let k = 0; k < 7; k++) ink.group.push(style.getPropertyValue("--group" + k).trim());
  }

  function curve(i, j) {
    const ax = px(i), ay = py(i), bx = px(j), by = py(j);
    pen.moveTo(ax, ay);
    if (i === j) { const r = 2.5 * size(); pen.bezierCurveTo(ax - 2 * r, ay - 3 * r, ax + 2 * r, ay - 3 * r, ax, ay); return; }
    pen.quadraticCurveTo((ax + bx) / 2 + 0.12 * (by - ay), (ay + by) / 2 - 0.12 * (bx - ax), bx, by);  // to the left of its way
  }

  function lines(list, colour, alpha, wide, dash, keep) {
    pen.strokeStyle = colour; pen.globalAlpha = alpha; pen.lineWidth = wide; pen.setLineDash(dash);
    const stride = Math.max(1, Math.ceil(list.length / MOST_LINES));
    let open = 0;
    pen.beginPath();
    for (let k = 0; k < list.length; k += stride) {
      const e = list[k];
      if (keep && !keep(e)) continue;
      curve(part.pre[e], part.post[e]);
      if (++open === 400) { pen.stroke(); pen.beginPath(); open = 0; }
    }
    pen.stroke();
    pen.setLineDash([]); pen.globalAlpha = 1;
    return stride;
  }

  function head(i, j, colour) {  // an arrow's head where the curve arrives
    const bx = px(j), by = py(j), cx = (px(i) + bx) / 2 + 0.12 * (by - py(i)), cy = (py(i) + by) / 2 - 0.12 * (bx - px(i));
    const long = Math.hypot(bx - cx, by - cy) || 1, ux = (bx - cx) / long, uy = (by - cy) / long, r = radius(j) + 1, h = 6;
    pen.fillStyle = colour; pen.beginPath();
    pen.moveTo(bx - r * ux, by - r * uy);
    pen.lineTo(bx - (r + h) * ux - 0.4 * h * uy, by - (r + h) * uy + 0.4 * h * ux);
    pen.lineTo(bx - (r + h) * ux + 0.4 * h * uy, by - (r + h) * uy - 0.4 * h * ux);
    pen.fill();
  }

  function drawNeurons(focus) {
    const many = now.synapses, base = many > 20000 ? 0.12 : many > 4000 ? 0.2 : many > 800 ? 0.35 : 0.55;
    const dim = focus >= 0 ? 0.3 : 1, thin = Math.min(2, 0.7 * Math.sqrt(view.scale));
    const stride = lines(now.old, ink.edge, base * dim, thin, [], (e) => !part.negative[e]);
    lines(now.old, ink.inhibitory, Math.min(1, 1.5 * base) * dim, thin, [], (e) => part.negative[e]);
    lines(now.ghosts, ink.ghost, 0.6 * dim, 1.0, [2, 4]);
    lines(now.fresh, ink.new, (now.fresh.length > 2000 ? 0.22 : now.fresh.length > 500 ? 0.45 : 0.75) * dim, 1.1, []);
    if (focus >= 0) {
      const own = (e) => part.pre[e] === focus || part.post[e] === focus;
      const old = now.old.filter(own), fresh = now.fresh.filter(own), gone = now.ghosts.filter(own);
      lines(gone, ink.ghost, 1, 1.4, [3, 4]);
      lines(old.filter((e) => part.pre[e] === focus), ink.ink, 0.9, 1.3, []);
      lines(old.filter((e) => part.pre[e] !== focus), ink.arrive, 0.9, 1.3, []);
      lines(fresh, ink.new, 1, 1.6, []);
      for (const e of old) if (part.pre[e] !== part.post[e]) head(part.pre[e], part.post[e], part.pre[e] === focus ? ink.ink : ink.arrive);
      for (const e of fresh) if (part.pre[e] !== part.post[e]) head(part.pre[e], part.post[e], ink.new);
    }
    const r = size();
    for (let i = 0; i < n; i++) {
      const gone = part.died[i] <= step && part.died[i] > step - recent;
      if (!isThere(i, step) && !gone) continue;
      pen.beginPath(); pen.arc(px(i), py(i), r, 0, 2 * Math.PI);
      if (gone) { pen.strokeStyle = ink.ghost; pen.lineWidth = 1.5; pen.stroke(); continue; }
      pen.fillStyle = part.population[i] < 0 ? ink.ghost : ink.group[part.population[i] % 7];
      pen.fill();
      pen.lineWidth = 0.8; pen.strokeStyle = ink.paper; pen.stroke();
      if (part.born[i] > data.first && part.born[i] > step - recent) { pen.lineWidth = 2; pen.strokeStyle = ink.new; pen.stroke(); }
    }
    if (data.labels.length && view.scale * unit * 2 / Math.sqrt(n) > 70) for (let i = 0; i < n; i++) if (isThere(i, step)) label(i, 10);
    return stride;
  }

  function drawGroups() {
    let most = 1;
    for (let k = 0; k < part.count.length; k++) most = Math.max(most, part.count[k]);
    const wide = (count) => count > 0 ? Math.max(1, 16 * Math.sqrt(count / most)) : 0;
    const arc = (p, colour, alpha, w, dash) => {
      const [i, j] = data.pairs[p];
      if (!w) return;
      pen.strokeStyle = colour; pen.globalAlpha = alpha; pen.lineWidth = w; pen.setLineDash(dash); pen.beginPath();
      if (i === j) pen.arc(px(i), py(i), radius(i) + w / 2 + 2, 0, 2 * Math.PI); else curve(i, j);
      pen.stroke(); pen.setLineDash([]); pen.globalAlpha = 1;
    };
    data.pairs.forEach((_, p) => {
      const w = wide(now.count[p]);
      arc(p, data.negative[p] ? ink.inhibitory : ink.edge, 0.5, w, []);
      if (now.births[p]) arc(p, ink.new, 0.9, Math.min(w, wide(now.births[p])), []);
      if (now.deaths[p]) arc(p, ink.paper, 0.9, Math.min(0.5 * w, wide(now.deaths[p])), [3, 5]);
    });
    for (let i = 0; i < n; i++) {
      pen.beginPath(); pen.arc(px(i), py(i), radius(i), 0, 2 * Math.PI);
      pen.fillStyle = ink.group[i % 7]; pen.fill(); pen.lineWidth = 1.5; pen.strokeStyle = ink.paper; pen.stroke();
      label(i, 13);
    }
    return 1;
  }

  function label(i, points) {
    pen.font = `${points}px system-ui, sans-serif`; pen.textAlign = "center"; pen.textBaseline = "bottom";
    pen.lineWidth = 3; pen.strokeStyle = ink.halo; pen.fillStyle = ink.ink; pen.lineJoin = "round";
    const top = py(i) - radius(i) - (single ? 1 : 18);
    pen.strokeText(nameOf(i), px(i), top); pen.fillText(nameOf(i), px(i), top);
  }

  function draw() {
    const focus = hovered >= 0 ? hovered : held;
    pen.setTransform(canvas.width / Math.max(1, width), 0, 0, canvas.height / Math.max(1, height), 0, 0);
    pen.fillStyle = ink.paper; pen.globalAlpha = 1; pen.fillRect(0, 0, width, height);
    const stride = single ? drawNeurons(focus) : drawGroups();
    if (focus >= 0 && isThere(focus, step)) {
      pen.beginPath(); pen.arc(px(focus), py(focus), radius(focus) + 3, 0, 2 * Math.PI);
      pen.lineWidth = 2; pen.strokeStyle = ink.ink; pen.stroke();
    }
    tell(focus, stride);
  }

  function tell(focus, stride) {
    const shown = step * data.dt;
    clock.textContent = time(shown);
    slider.setAttribute("aria-valuetext", time(shown));
    status.textContent = `At ${time(shown)}: ${some(now.alive, "neuron", "neurons")}, ${some(now.synapses, "synapse", "synapses")}; ` +
      `in the last ${time(recent * data.dt)} ${number(now.born)} ${single ? "new ones" : "born"} and ${number(now.died)} pruned.` +
      (stride > 1 ? ` One in ${stride} of the old ones is drawn.` : "");
    Object.assign(status.dataset, { step, alive: now.alive, synapses: now.synapses, born: now.born, died: now.died });
    tip.hidden = focus < 0 || !isThere(focus, step);
    if (tip.hidden) { status.dataset.hover = ""; return; }
    const text = words(focus);
    tip.replaceChildren(...text.map((line, k) => { const one = document.createElement(k ? "div" : "b"); one.textContent = line; return one; }));
    Object.assign(status.dataset, { hover: single ? neurons[focus] : nameOf(focus), received: now.received[focus], sent: now.sent[focus] });
    const left = px(focus) + 14 + tip.offsetWidth > width ? px(focus) - 14 - tip.offsetWidth : px(focus) + 14;
    tip.style.left = `${Math.max(4, Math.min(left, width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${Math.max(4, Math.min(py(focus) + 10, height - tip.offsetHeight - 4))}px`;
  }

  let due = false;
  function drawSoon() {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; draw(); });
  }

  // ---- acting ---------------------------------------------------------------------------------------------------

  function goTo(at, moveSlider) {
    step = Math.min(data.last, Math.max(data.first, Math.round(at)));
    if (moveSlider) slider.value = Math.round((step - data.first) / span * POSITIONS);
    now = single ? neuronsAt(step) : groupsAt(step);
    if (held >= 0 && !isThere(held, step) && !isThere(held, data.last)) held = -1;
  }

  function zoom(factor, cx, cy) {
    const before = view.scale;
    view.scale = Math.min(60, Math.max(0.4, view.scale * factor));
    const gain = (1 / before - 1 / view.scale) / unit;
    view.x += (cx - width / 2) * gain; view.y -= (cy - height / 2) * gain;
    drawSoon();
  }
  function move(dx, dy) { view.x -= dx / (view.scale * unit); view.y += dy / (view.scale * unit); drawSoon(); }
  function whole() { Object.assign(view, { scale: 1, x: 0, y: 0 }); drawSoon(); }

  function nearest(mx, my) {
    let best = -1, least = Infinity;
    for (let i = 0; i < n; i++) {
      if (!isThere(i, step)) continue;
      const far = Math.hypot(px(i) - mx, py(i) - my) - radius(i);
      if (far < least && far < 8) { least = far; best = i; }
    }
    return best;
  }

  function resize() {
    const dense = window.devicePixelRatio || 1;
    width = stage.clientWidth; height = Math.max(300, Math.min(0.66 * width, 680));
    let left = Infinity, right = -Infinity, low = Infinity, high = -Infinity;
    for (let i = 0; i < n; i++) {
      const r = single ? 0 : data.radius[i];
      left = Math.min(left, x[i] - r); right = Math.max(right, x[i] + r); low = Math.min(low, y[i] - r); high = Math.max(high, y[i] + r);
    }
    unit = 0.9 * Math.min(width / Math.max(right - left, 0.1), height / Math.max(high - low, 0.1));
    canvas.width = Math.round(width * dense); canvas.height = Math.round(height * dense);
    canvas.style.height = `${height}px`;
  }

  function play() {
    if (playing) { stop(); return; }
    if (step >= data.last) goTo(data.first, true);
    byId("graph-play").textContent = "Stop";
    let last = null;
    const tick = (t) => {
      if (!playing) return;
      if (last !== null) { goTo(step + span * Math.min(200, t - last) / 12000, true); draw(); }
      last = t;
      if (step >= data.last) { stop(); return; }
      playing = requestAnimationFrame(tick);
    };
    playing = requestAnimationFrame(tick);
  }
  function stop() { cancelAnimationFrame(playing); playing = 0; byId("graph-play").textContent = "Play"; }

  // #t=5000&hover=12&recent=1000: a time (ms), a neuron (uid) and how long changes stay coloured (ms).
  function obey() {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (asked.has("recent")) setRecent(Number(asked.get("recent")) / data.dt);
    if (asked.has("t")) goTo(Number(asked.get("t")) / data.dt || 0, true); else goTo(step, true);
    if (asked.has("hover")) held = find(asked.get("hover"));
    draw();
  }
  function find(text) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return -1;
    for (let i = 0; i < n; i++) if (nameOf(i).toLowerCase() === wanted || (single && String(neurons[i]) === wanted)) return i;
    return -1;
  }
  function setRecent(steps) { if (steps > 0) { recent = Math.max(1, Math.round(steps)); fillRecent(); } }
  function fillRecent() {
    const choice = byId("graph-recent"), values = [100, 20, 4].map((part) => niceSteps(span / part));
    const all = [...new Set([...values, recent])].sort((a, b) => a - b);
    choice.replaceChildren(...all.map((steps) => {
      const one = document.createElement("option");
      one.value = steps; one.textContent = time(steps * data.dt); one.selected = steps === recent;
      return one;
    }));
  }

  slider.max = POSITIONS;
  slider.addEventListener("input", () => { stop(); goTo(data.first + slider.value / POSITIONS * span, false); drawSoon(); });
  byId("graph-recent").addEventListener("change", (event) => { recent = Number(event.target.value); goTo(step, false); drawSoon(); });
  byId("graph-play").addEventListener("click", play);
  byId("graph-in").addEventListener("click", () => zoom(1.5, width / 2, height / 2));
  byId("graph-out").addEventListener("click", () => zoom(1 / 1.5, width / 2, height / 2));
  byId("graph-whole").addEventListener("click", whole);
  byId("graph-find").addEventListener("input", (event) => { held = find(event.target.value); drawSoon(); });

  const touching = new Map();
  let apart = 0, travelled = 0;
  const local = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  const gap = () => { const [a, b] = [...touching.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
  canvas.addEventListener("pointerdown", (event) => {
    touching.set(event.pointerId, local(event)); travelled = 0;
    canvas.setPointerCapture(event.pointerId);
    if (touching.size === 2) apart = gap();
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = local(event), before = touching.get(event.pointerId);
    if (!before) { const found = nearest(...at); if (found !== hovered) { hovered = found; drawSoon(); } return; }
    touching.set(event.pointerId, at);
    if (touching.size === 1) { travelled += Math.hypot(at[0] - before[0], at[1] - before[1]); move(at[0] - before[0], at[1] - before[1]); }
    else if (touching.size === 2) {
      const [a, b] = [...touching.values()], far = gap();
      if (apart > 0) zoom(far / apart, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      apart = far;
    }
  });
  const release = (event) => {
    if (event.type === "pointerup" && touching.size === 1 && travelled < 5) { held = nearest(...local(event)); drawSoon(); }
    touching.delete(event.pointerId);
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => { if (hovered >= 0) { hovered = -1; drawSoon(); } });
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas && !event.ctrlKey) return;  // else the page scrolls
    event.preventDefault();
    zoom(Math.exp(-0.0015 * event.deltaY), ...local(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
    if (steps) move(...steps);
    else if (event.key === "+" || event.key === "=") zoom(1.3, width / 2, height / 2);
    else if (event.key === "-") zoom(1 / 1.3, width / 2, height / 2);
    else if (event.key === "0") whole();
    else if (event.key === "Escape") { held = hovered = -1; drawSoon(); }
    else return;
    event.preventDefault();
  });

  inks();
  fillRecent();
  resize();
  obey();
  window.addEventListener("hashchange", () => { stop(); obey(); });
  new ResizeObserver(() => { if (stage.clientWidth !== width) { resize(); draw(); } }).observe(stage);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { inks(); draw(); });
})();
