"use strict";
// The replay page. It reads the JSON of replay.py: at each event what changed. Texts are put into the page as text,
// never as markup. Nothing is loaded and nothing is sent; the page of a run that goes on (live.py) listens to it.
const begin = (given, stream) => {
  const runs = [given, ...given.others || []];
  let data, texts, N;  // the run that is shown, its texts, and the number of its events
  const n = given.nodes;
  const FLIGHT = 0.9, LOST = 0.7, STEP = 0.8, ROWS = 400, SCALE = 62;
  const SVG = "http://www.w3.org/2000/svg";
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  // ---- small helpers

  const $ = (id) => document.getElementById(id);
  const clamp = (x, low, high) => Math.max(low, Math.min(high, x));
  const put = (element, attributes) => {
    for (const name in attributes) if (attributes[name] !== undefined) element.setAttribute(name, attributes[name]);
    return element;
  };
  const make = (space, tag, attributes, children) => {
    const element = put(space ? document.createElementNS(SVG, tag) : document.createElement(tag), attributes || {});
    for (const child of children) if (child !== null) element.append(child);
    return element;
  };
  const svg = (tag, attributes, ...children) => make(true, tag, attributes, children);
  const el = (tag, attributes, ...children) => make(false, tag, attributes, children);
  const say = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const hue = (term) => `--hue:var(--t${term % 7})`;
  const secs = (micros) => (micros / 1e6).toFixed(3);
  const many = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;
  const cut = (text, most) => text.length <= most ? text : most > 1 ? text.slice(0, most - 1) + "…" : "";
  const folded = (text, wide, most) => {  // at most so many lines of about so many letters
    const lines = [""];
    for (const word of text.split(" ")) {
      const last = lines[lines.length - 1];
      if (last && last.length + word.length >= wide && lines.length < most) lines.push(word); else lines[lines.length - 1] = last ? `${last} ${word}` : word;
    }
    return lines.map((line) => cut(line, wide));
  };
  const at = (list, event) => {  // the place of the last row whose first number is at most `event`, or -1
    let low = 0, high = list.length;
    while (low < high) { const middle = (low + high) >> 1; if (list[middle][0] <= event) low = middle + 1; else high = middle; }
    return low - 1;
  };

  // ---- the run: clock, states, messages, and the pace: when each event is shown, in seconds of play (pace.py)

  let clock, states, messages, longest, told, wall, isTold, total;
  const load = (run) => {
    data = run; texts = run.texts; N = run.times.length; told = run.told;
    clock = new Float64Array(N + 1);  // cluster time after each event, in microseconds
    clock[0] = run.begin;
    run.times.forEach((passed, i) => { clock[i + 1] = clock[i] + passed; });
    states = statesOf(run);
    messages = run.messages.map(([src, dst, term, sent, end, fate, weight, word, detail, reason]) => (
      { src, dst, term, sent, end, fate, weight, word: texts[word], detail: texts[detail], reason: reason === undefined ? "" : texts[reason] }));
    longest = new Int32Array(messages.length);  // when the last of the messages up to each one ends
    messages.reduce((most, m, i) => longest[i] = Math.max(most, m.end || N + 1), 0);
    wall = new Float64Array(N + 1); isTold = new Uint8Array(N + 2);
    told.forEach(([event]) => { isTold[event] = 1; });
    run.pace.forEach((passed, i) => { wall[i + 1] = wall[i] + passed / 1000; });
    total = wall[N];
  };
  const statesOf = (run) => {
    const states = Array.from({ length: n }, () => []);
    for (const [event, node, changed] of run.states) {
      const list = states[node], before = list.length ? list[list.length - 1][1] : { log: { all: [], length: 0 } };
      const state = Object.assign({}, before, changed);
      if (changed.log) {  // logs share one list as far as they agree
        const [keep, ...added] = changed.log, old = before.log;
        const all = keep === old.length && old.all.length === keep ? old.all : old.all.slice(0, keep);
        all.push(...added);
        state.log = { all, length: keep + added.length };
      }
      if (changed.timer !== undefined) state.since = clock[event];
      if (list.length && list[list.length - 1][0] === event) list[list.length - 1][1] = state; else list.push([event, state]);
    }
    return states;
  };
  const stateOf = (node, event) => states[node][Math.max(0, at(states[node], event))][1];
  const eventAt = (seconds) => {  // the last event that is shown after so many seconds of play
    let low = 0, high = N + 1;
    while (low < high) { const middle = (low + high) >> 1; if (wall[middle] <= seconds + 1e-9) low = middle + 1; else high = middle; }
    return low - 1;
  };

  // ---- the moment that is shown

  let now = 0, place = 0, playing = false, goal = 0, pace = 1, speed = 1, chosen = -1, tab = "time", before = 0, everything = false;
  const dirty = { stage: true, all: true };

  const show = (event, keepsPlace) => {
    now = clamp(event, 0, N);
    if (!keepsPlace) place = wall[now];
    dirty.all = true;
    paint();
  };
  const stepTold = (by) => {
    let e = now + by;
    while (e > 0 && e < N && !isTold[e]) e += by;
    return clamp(e, 0, N);
  };
  const timeOf = (event) => secs(clock[event]);
  const atTime = (seconds) => {  // the last event at that time, to the millisecond that is shown
    let e = 0;
    while (e < N && clock[e + 1] < seconds * 1e6 + 500) e++;
    return e;
  };
  const address = () => {
    const branch = runs.length > 1 ? `&b=${encodeURIComponent(data.branch)}` : "";
    return `#t=${timeOf(now)}${atTime(+timeOf(now)) === now ? "" : `&e=${now}`}${branch}`;
  };
  const remember = () => { try { history.replaceState(null, "", address()); } catch (error) { /* a page inside of another */ } };
  const fromAddress = () => {
    const wanted = new URLSearchParams(location.hash.slice(1));
    if (/^\d{1,9}$/.test(wanted.get("e") || "")) return clamp(+wanted.get("e"), 0, N);
    if (/^\d{1,9}(\.\d{1,9})?$/.test(wanted.get("t") || "")) return atTime(+wanted.get("t"));
    return null;
  };

  const play = (on, until = N) => {
    if (on && now >= N) show(0);
    playing = on;
    goal = until;
    pace = until < N || !on ? Math.max(speed, (wall[until] - place) / STEP) : speed;
    const shown = on && until === N;
    $("playsign").setAttribute("d", shown ? "M4 3h3v10H4zM9 3h3v10H9z" : "M4 2.5v11L13.5 8z");
    $("play").setAttribute("aria-label", shown ? "Pause (space)" : "Play (space)");
    if (on) { before = 0; requestAnimationFrame(tick); } else { dirty.stage = true; paint(); remember(); }
  };
  const tick = (wallclock) => {
    if (!playing) return;
    const passed = before ? Math.min(0.1, (wallclock - before) / 1000) : 0;
    before = wallclock;
    place = Math.min(wall[goal], place + passed * (goal < N ? pace : speed));
    const reached = Math.min(goal, eventAt(place));
    if (reached !== now) show(reached, true); else { dirty.stage = true; paint(); }
    if (reached >= goal) play(false); else requestAnimationFrame(tick);
  };
  const go = (event) => { playing && play(false); show(event); remember(); };
  const forth = () => {  // to the next event that is told; one sees what leads to it
    if (playing && goal < N) { const reached = goal; go(reached); }
    const next = stepTold(1);
    if (still || document.hidden || next >= N || wall[next] <= place) go(next); else play(true, next);
  };

  // ---- the stage

  const stage = $("stage");
  const picture = svg("svg", { role: "img" });
  const layers = { sides: svg("g"), wires: svg("g"), messages: svg("g"), nodes: svg("g"), words: svg("g") };
  picture.append(...Object.values(layers));
  stage.append(picture);
  let width = 600, height = 400, radius = 40, spots = [];

  const nodes = Array.from({ length: n }, (_, id) => {
    const parts = {
      rail: svg("circle", { class: "rail" }), timer: svg("circle", { class: "timer" }), disc: svg("circle", { class: "disc" }),
      name: svg("text", { class: "name" }), role: svg("text", { class: "role" }), under: svg("text", { class: "under halo" }),
      fault: svg("text", { class: "fault halo" }), log: svg("g"),
    };
    const group = svg("g", { class: "node", tabindex: "0", role: "button" }, ...Object.values(parts));
    group.addEventListener("click", () => choose(id));
    group.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); choose(id); } });
    layers.nodes.append(group);
    return { group, ...parts };
  });

  const network = (event) => data.network[Math.max(0, at(data.network, event))];
  const marksOf = (state) => texts[state.marks].replace(/^down,? ?/, "").split(", ").filter(Boolean).slice(0, 2);
  const edges = (ids) => {  // the room above and below the middle of a node, for its texts
    const lines = radius < 25 ? 0 : Math.max(0, ...ids.map((id) => marksOf(stateOf(id, now)).length));
    return [radius + 12 + 14 * Math.max(lines, radius < 25 ? 0 : 1), radius + (radius > 24 ? 46 : 20)];
  };
  const ring = (ids, box, spotsOut) => {
    const [up, down] = edges(ids), wide = radius > 24 ? 66 : radius + 10, room = Math.max(0, box.h - up - down);
    const cx = box.x + box.w / 2;
    let rx = Math.max(0, box.w / 2 - wide), ry = room / 2;
    if (ids.length > 1 && ids.length < 5 && ry < radius * 1.3 && box.w / ids.length > 2 * radius + 24) { inRow(ids, box, up, room, spotsOut); return; }
    if (ids.length === 1) { spotsOut[ids[0]] = [cx, box.y + up + room / 2]; return; }
    const turn = ids.length === 2 && box.w > box.h ? -Math.PI : -Math.PI / 2;
    const [most, least] = extent(angles(rx, ry, turn, ids.length));  // a triangle is not as high as its circle
    ry = most - least > 0.1 ? room / (most - least) : 0;
    rx = Math.min(rx, Math.max(ry, 60) * 1.75);
    const around = angles(rx, ry, turn, ids.length), cy = box.y + up + (ry ? -least * ry : room / 2);
    ids.forEach((id, i) => { spotsOut[id] = [cx + rx * Math.cos(around[i]), cy + ry * Math.sin(around[i])]; });
  };
  const extent = (around) => [Math.max(...around.map(Math.sin)), Math.min(...around.map(Math.sin))];
  const angles = (rx, ry, turn, count) => {  // many are as far apart as they can be along an ellipse
    if (count <= 7) return Array.from({ length: count }, (_, i) => turn + 2 * Math.PI * i / count);
    const steps = 360, along = [0];
    for (let i = 1; i <= steps; i++) {
      const one = turn + 2 * Math.PI * (i - 1) / steps, two = turn + 2 * Math.PI * i / steps;
      along.push(along[i - 1] + Math.hypot(rx * (Math.cos(two) - Math.cos(one)), ry * (Math.sin(two) - Math.sin(one))));
    }
    return Array.from({ length: count }, (_, i) => turn + 2 * Math.PI * along.findIndex((length) => length >= along[steps] * i / count - 1e-6) / steps);
  };
  const nearest = () => {  // the least distance between two nodes
    let least = Infinity;
    for (let a = 0; a < n; a++) for (let b = 0; b < a; b++) least = Math.min(least, Math.hypot(spots[a][0] - spots[b][0], spots[a][1] - spots[b][1]));
    return least;
  };
  const inRow = (ids, box, up, room, spotsOut) => {
    const step = box.w / ids.length;
    ids.forEach((id, i) => { spotsOut[id] = [box.x + step * (i + 0.5), box.y + up + room / 2]; });
  };
  const lay = () => {
    width = Math.max(280, stage.clientWidth); height = Math.max(220, stage.clientHeight);
    const sides = network(now)[1];
    const room = Math.min(width, height * 1.25);
    radius = clamp(room * (n <= 5 ? 0.088 : n <= 7 ? 0.075 : 1.1 / (n + 6)), 13, 44);
    for (;;) {  // smaller nodes where there is too little room
      const boxes = boxesOf(sides);
      if (nearest() >= 2 * radius + 14 && boxes.every(isEnough) || radius <= 11) return boxes;
      radius = Math.max(11, radius * 0.88);
    }
  };
  const isEnough = (box) => box.h - box.head >= edges(box.ids)[0] + edges(box.ids)[1];
  const rowsOf = (sides) => {  // on a narrow stage: a side below the other; small ones share a row where there are many
    const rows = [];
    for (const side of sides) {
      const row = rows[rows.length - 1];
      if (row && sides.length > 2 && row.flat().length + side.length <= 3) row.push(side); else rows.push([side]);
    }
    return rows;
  };
  const boxesOf = (sides) => {
    const across = width > height * 0.9 && width > 520, boxes = [], gap = 10;
    const rows = across ? [sides] : rowsOf(sides), weights = rows.map((row) => Math.max(...row.map((side) => side.length)) > 4 ? 1.5 : 1);
    const high = height - gap - gap * rows.length, all = weights.reduce((sum, weight) => sum + weight, 0);
    spots = [];
    let y = gap;
    rows.forEach((row, i) => {
      const h = high * weights[i] / all, wide = width - gap - gap * row.length, parts = row.reduce((sum, side) => sum + side.length + 1, 0);
      let x = gap;
      for (const ids of row) {
        const w = wide * (ids.length + 1) / parts, head = sides.length < 2 ? 0 : w < 190 ? 36 : 22;
        boxes.push({ ids, x, y, w, h, head });
        ring(ids, sides.length > 1 ? { x, y: y + head, w, h: h - head } : { x: 0, y: 0, w: width, h: height }, spots);
        x += w + gap;
      }
      y += h + gap;
    });
    for (let id = 0; id < n; id++) spots[id] = spots[id] || [width / 2, height / 2];
    return boxes;
  };

  const paintNetwork = (boxes) => {
    const [, sides, names, faults, held] = network(now);
    layers.sides.replaceChildren();
    if (sides.length > 1) sides.forEach((side, i) => {
      const box = boxes[i], name = texts[names[i]];
      const minor = !name.startsWith("majority");
      const label = box.head > 22 ? name.split(": ") : [name];
      const text = svg("text", { class: "sidename", x: box.x + box.w / 2, y: box.y + 18 });
      label.forEach((line, j) => text.append(svg("tspan", { x: box.x + box.w / 2, dy: j ? 15 : 0 }, line)));
      layers.sides.append(svg("rect", { class: minor ? "part minor" : "part", x: box.x, y: box.y, width: box.w, height: box.h, rx: 14 }), text);
    });
    layers.wires.replaceChildren();
    linkNames = [];
    sideNames = sides.length < 2 ? [] : boxes.map((box, i) => boxOf(box.head > 22 ? "" : texts[names[i]], box.x + box.w / 2, box.y + 18, "middle"));
    const broken = new Map();
    for (const [src, dst, words] of faults) broken.set(`${src} ${dst}`, texts[words]);
    for (const [src, dst] of held) broken.set(`${src} ${dst}`, "held");
    const whole = n > 7 ? 0 : 1, many = broken.size > n;
    const sideOf = new Map();
    sides.forEach((side, i) => side.forEach((id) => sideOf.set(id, i)));
    for (let a = 0; a < n; a++) for (let b = a + 1; b < n; b++) {
      const [x1, y1] = spots[a], [x2, y2] = spots[b], one = broken.get(`${a} ${b}`), other = broken.get(`${b} ${a}`);
      const fault = one || other;
      if (!fault && (!whole || sideOf.get(a) !== sideOf.get(b))) continue;
      layers.wires.append(svg("line", { class: fault ? `wire fault${/cut/.test(fault) ? " cut" : ""}` : "wire", x1, y1, x2, y2 }));
      if (fault && !many) {
        const way = one && other ? "" : one ? ` ${a}→${b}` : ` ${b}→${a}`;
        linkNames.push([cut(fault, 26) + way, [0.5, 0.4, 0.6, 0.3, 0.7].map((part) => [x1 + (x2 - x1) * part, y1 + (y2 - y1) * part - 5, "middle"])]);
      }
    }
    if (many && faults.length) {
      const words = new Set(faults.map((fault) => texts[fault[2]]));
      const [text, low, high, far] = [words.size === 1 ? `links: ${cut([...words][0], 60)}` : `${faults.length} links with faults`, height - 12, sides.length > 1 ? 32 : 16, width - 14];
      linkNames.push([text, [[14, low, "start"], [far, low, "end"], [14, high, "start"], [far, high, "end"], [width / 2, low, "middle"]]]);
    }
  };
  const nameLinks = () => {
    for (const [text, places] of linkNames) {
      write(layers.wires, "wirename", text, placed(text, places, {}, fixed));
    }
  };

  const inside = (id, text) => {  // how far a text moves from the middle of its node, to stay on the stage
    const half = text.length * 3.6 + 4, x = spots[id][0];
    return half > width / 2 ? 0 : clamp(x, half, width - half) - x;
  };
  let fixed = [], linkNames = [], sideNames = [];  // the boxes that words should not cover: nodes, and texts; the names of links, with their places
  const boxOf = (text, x, y, anchor) => {
    const wide = text.length * 7.6, left = anchor === "middle" ? x - wide / 2 : anchor === "end" ? x - wide : x;
    return { left, right: left + wide, top: y - 11, bottom: y + 3 };
  };
  const common = (one, other) => Math.max(0, Math.min(one.right, other.right) - Math.max(one.left, other.left)) * Math.max(0, Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top));
  const textsOf = (id) => {
    const [x, y] = spots[id], state = stateOf(id, now), marks = marksOf(state).map((mark) => cut(mark, 34));
    const under = nodes[id].under.textContent, disc = { left: x - radius, right: x + radius, top: y - radius, bottom: y + radius };
    const entries = { left: x - 36, right: x + 36, top: y + radius + 27, bottom: y + radius + (state.log.length ? 40 : 27) };
    return [disc, entries, boxOf(under, x + inside(id, under), y + radius + 22, "middle"), ...marks.map((mark, i) => boxOf(mark, x + inside(id, mark), y - radius - 12 - 14 * (marks.length - 1 - i), "middle"))];
  };
  const placed = (word, places, message, taken) => {  // the place where a word covers least, or null; it stays where it is while nothing is in its way
    const boxes = places.map(([x, y, anchor]) => {
      const half = word.length * 4, low = anchor === "middle" ? half + 4 : anchor === "end" ? 2 * half + 4 : 4;
      const high = width - (anchor === "middle" ? half + 4 : anchor === "start" ? 2 * half + 4 : 4), inX = clamp(x, low, Math.max(low, high)), inY = clamp(y, 14, height - 6);
      return { x: inX, y: inY, anchor, box: boxOf(word, inX, inY, anchor) };
    });
    const cost = boxes.map(({ box }, i) => i + taken.reduce((sum, other) => sum + common(box, other), 0));
    const best = cost.indexOf(Math.min(...cost));
    if (cost[best] > 12 * word.length) return null;  // there is no room for it
    const kept = playing && message.place !== undefined && cost[message.place] < 60 ? message.place : best;
    message.place = kept;
    taken.push(boxes[kept].box);
    return boxes[kept];
  };

  const write = (layer, kind, text, place, style = "") => {
    if (place) layer.append(svg("text", { class: `${kind} halo`, style: `${style};text-anchor:${place.anchor}`, x: place.x, y: place.y }, text));
  };

  const paintNodes = () => {
    const small = radius < 25, tight = radius < 34;
    const beside = (id) => Math.min(...spots.map(([x, y], other) => other !== id && Math.abs(y - spots[id][1]) < 20 ? Math.abs(x - spots[id][0]) - 6 : Infinity));  // the room for what stands below a node
    nodes.forEach((node, id) => {
      const state = stateOf(id, now), role = texts[state.role], marks = texts[state.marks];
      const leads = state.acts && role === "leader", asks = /candidate/.test(role);
      const kind = !state.up ? "down" : leads ? "leader" : state.weak ? "weak" : asks ? "asks" : "follower";
      put(node.group, {
        class: `node ${kind}${state.frozen ? " frozen" : ""}${id === chosen ? " chosen" : ""}`, style: `${hue(state.term)};transform:translate(${spots[id][0].toFixed(1)}px,${spots[id][1].toFixed(1)}px)`,
        "aria-label": `n${id}: ${role}, term ${state.term}, ${many(state.log.length, "entry").replace("entrys", "entries")}${marks ? ", " + marks : ""}`,
      });
      put(node.disc, { r: radius });
      put(node.rail, { r: radius + 6 });
      put(node.name, { y: small ? 5 : tight ? -3 : 0, style: `font-size:${small ? 12 : 17}px` });
      say(node.name, `n${id}${small && leads ? "★" : ""}`);
      const bare = kind === "follower" && role === "follower" || tight && asks;  // without a sign
      const roleText = state.up ? bare ? role : `${state.sign} ${role}` : "✖ down", low = tight ? 11 : 15;
      const room = 2 * Math.sqrt(radius * radius - low * low) - 6;  // the width of the circle there
      put(node.role, { y: low, display: small ? "none" : "inline", style: `font-size:${Math.min(11, room / (0.58 * roleText.length)).toFixed(1)}px` });
      say(node.role, roleText);
      const vote = state.vote >= 0 ? `, vote n${state.vote}` : "";
      const told = small ? `t${state.term}` : asks && state.votes.length ? `term ${state.term}, ${state.votes.length} of ${data.majority} votes` : `term ${state.term}${state.weak ? ", cannot commit" : leads ? "" : vote}`;
      const term = told.length * 6.6 > beside(id) ? `${small ? "t" : "term "}${state.term}` : told;
      put(node.under, { x: small ? 0 : inside(id, term), y: radius + 22, display: radius < 18 ? "none" : "inline", style: small ? "font-size:10px" : "" });
      say(node.under, term);
      const shown = marksOf(state);
      put(node.fault, { display: shown.length && !small ? "inline" : "none" });
      node.fault.replaceChildren(...shown.map((mark, i) => svg("tspan", { x: inside(id, cut(mark, 34)), y: -radius - 12 - 14 * (shown.length - 1 - i) }, cut(mark, 34))));
      paintEntries(node.log, state, small);
      paintTimer(node, state);
    });
    fixed = radius < 25 ? [] : [...nodes.flatMap((node, id) => textsOf(id)), ...sideNames];
    nameLinks();
    put(picture, { "aria-label": nodes.map((node) => node.group.getAttribute("aria-label")).join("; ") });
  };
  const paintEntries = (group, state, small) => {
    const most = small ? 0 : radius < 32 ? 5 : 7, first = Math.max(state.base + 1, state.log.length - most), count = Math.max(0, state.log.length - first);
    const key = `${first} ${state.log.length} ${state.commit} ${small} ${radius}`;
    if (group.dataset.key === key && group.log === state.log) return;
    group.dataset.key = key; group.log = state.log;
    group.replaceChildren();
    if (small) return;
    const left = -(count * 12) / 2 + 1, hidden = first;
    for (let i = 0; i < count; i++) {
      const index = first + i;
      group.append(svg("rect", { class: index <= state.commit ? "entry full" : "entry", style: hue(state.log.all[index][0]), x: left + i * 12, y: radius + 29, width: 9, height: 9, rx: 2 }));
    }
    if (hidden && count) group.append(svg("text", { class: "under", x: left - 14, y: radius + 38, style: "font-size:10px" }, `+${hidden}`));
  };
  const moment = () => {  // cluster time between two events, in microseconds
    const end = now < N ? wall[now + 1] : wall[now], part = end > wall[now] ? clamp((place - wall[now]) / (end - wall[now]), 0, 1) : 0;
    return now < N ? clock[now] + (clock[now + 1] - clock[now]) * part : clock[now];
  };
  const paintTimer = (node, state) => {
    const runs = state.up && state.timer >= 0 && texts[state.role] !== "leader";
    put(node.rail, { display: runs ? "inline" : "none" });
    put(node.timer, { display: runs ? "inline" : "none" });
    if (!runs) return;
    const whole = Math.max(1, state.timer - state.since), left = clamp((state.timer - moment()) / whole, 0, 1), around = 2 * Math.PI * (radius + 6);
    put(node.timer, { r: radius + 6, "stroke-dasharray": `${(left * around).toFixed(1)} ${around.toFixed(1)}`, transform: "rotate(-90)" });
  };

  const besides = (hx, hy, sx, sy, ux, ox, oy) => {  // where the word of a message may stand: beside its head, or its trail
    const mx = (sx + hx) / 2, my = (sy + hy) / 2, [one, two] = oy >= 0 ? [20, -11] : [-11, 20];
    if (Math.abs(ux) > 0.8) return [[hx, hy + one, "middle"], [hx, hy + two, "middle"], [mx, my + one, "middle"], [mx, my + two, "middle"], [sx, sy + one, "middle"], [sx, sy + two, "middle"]];
    const [by, near, far] = ox >= 0 ? [12, "start", "end"] : [-12, "end", "start"];
    return [[hx + by, hy + 4, near], [hx - by, hy + 4, far], [mx + by, my + 4, near], [mx - by, my + 4, far], [hx + by, hy - 14, near], [hx + by, hy + 20, near]];
  };
  const paintMessages = () => {
    layers.messages.replaceChildren();
    layers.words.replaceChildren();
    const busy = radius < 25 || n > 7, taken = [...fixed], worded = new Map();
    for (const message of underWay()) {
      if (!message.weight && message.end && wall[message.end] - wall[message.sent] < 0.1 && message.fate !== 2) continue;
      const lostFor = message.fate === 2 && message.end && message.end <= now ? place - wall[message.end] : -1;
      if (message.end && message.end <= now && (message.fate !== 2 || lostFor > LOST)) continue;
      const [x1, y1] = spots[message.src], [x2, y2] = spots[message.dst];
      const length = Math.hypot(x2 - x1, y2 - y1) || 1, ux = (x2 - x1) / length, uy = (y2 - y1) / length, gap = radius + 9;
      const from = wall[message.sent], to = message.end ? wall[message.end] : from + 2 * FLIGHT;
      let way = message.end ? clamp((place - from) / Math.max(0.001, to - from), 0, 1) : clamp((place - from) / (2 * FLIGHT), 0, 0.5);
      if (still || !playing && way < 0.02) way = Math.max(way, lostFor >= 0 ? way : 0.5);
      if (message.fate === 2) way *= 0.62;
      const shift = 6, ox = -uy * shift, oy = ux * shift;
      const sx = x1 + ux * gap + ox, sy = y1 + uy * gap + oy, ex = x2 - ux * gap + ox, ey = y2 - uy * gap + oy;
      const hx = sx + (ex - sx) * way, hy = sy + (ey - sy) * way;
      const group = svg("g", { style: hue(message.term), class: `${message.weight ? "" : "beat"}${message.fate === 3 ? " held" : ""}` });
      if (message.weight) group.append(svg("line", { class: "way", x1: sx, y1: sy, x2: ex, y2: ey }));
      if (lostFor >= 0) {
        const r = message.weight ? 6 : 3.5;
        group.append(svg("path", { class: message.weight ? "lost" : "lost idle", d: `M${hx - r} ${hy - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}` }));
        if (!busy && message.weight) {
          const text = `${message.word} lost`, places = [[hx, hy - 12, "middle"], [hx, hy + 20, "middle"], [hx + 12, hy + 4, "start"], [hx - 12, hy + 4, "end"]];
          write(layers.words, "reason", text, placed(text, places, message, taken));
        }
      } else {
        if (message.weight) group.append(svg("line", { class: "trail", x1: sx, y1: sy, x2: hx, y2: hy }));
        const angle = Math.atan2(ey - sy, ex - sx) * 180 / Math.PI;
        group.append(message.weight ? svg("path", { class: "head", d: "M8 0L-5 -6L-2 0L-5 6Z", transform: `translate(${hx.toFixed(1)} ${hy.toFixed(1)}) rotate(${angle.toFixed(1)})` }) : svg("circle", { class: "head", cx: hx, cy: hy, r: 3.5 }));
        if (message.weight && (!busy || message.weight > 2 && n < 12)) {
          const key = [message.src, message.dst, message.word].join(), same = worded.get(key);
          if (same) same.count++; else worded.set(key, { message, count: 1, places: besides(hx, hy, sx, sy, ux, ox, oy) });
        }
      }
      group.append(svg("title", {}, `n${message.src} → n${message.dst}: ${message.detail}`));
      layers.messages.append(group);
    }
    for (const { message, count, places } of worded.values()) {  // one word for all that say the same
      const text = count > 1 ? `${message.word} ×${count}` : message.word;
      write(layers.words, "word", text, placed(text, places, message, taken), hue(message.term));
    }
  };
  const underWay = () => {  // those on their way now, and those lost lately
    let low = 0, high = messages.length;
    while (low < high) { const middle = (low + high) >> 1; if (messages[middle].sent <= now) low = middle + 1; else high = middle; }
    const found = [], since = eventAt(Math.max(0, place - LOST));
    for (let i = low - 1; i >= 0 && longest[i] > since && found.length < 200; i--) {
      const message = messages[i];
      if (!message.end || message.end > now || message.fate === 2 && message.end > since) found.push(message);
    }
    return found.reverse();
  };

  // ---- texts

  const paintTexts = () => {
    const said = told[at(told, now)], following = data.next[at(data.next, now)];
    say($("saynow"), said ? texts[said[1]] : "The run begins.");
    say($("saywhy"), said ? texts[said[2]] : "");
    say($("saynext"), following ? texts[following[1]] : "");
    const isBroken = data.breach !== null && now >= data.breach;
    document.querySelector(".sentence").classList.toggle("broken", isBroken);
    const caption = lastBeside(data.captions), command = lastBeside(data.commands);
    say($("captiontext"), caption ? texts[caption[1]] : "");
    say($("chapter"), caption ? texts[caption[2]] : "");
    say($("command"), command ? texts[command[1]] : "");
    $("caption").hidden = !caption && !command;
    say($("clock"), `${secs(moment())} s`);
  };
  const lastBeside = (list) => {  // what stands beside the first event after it
    let found = null;
    for (const row of list) if (row[0] < Math.max(1, now)) found = row; else break;
    return found;
  };

  // ---- logs

  const log = $("log");
  let logKey = "";
  const paintLogs = () => {
    const seen = Array.from({ length: n }, (_, id) => stateOf(id, now));
    const key = width + seen.map((state) => `${state.log.length}.${state.commit}.${state.role}.${state.term}.${state.base}`).join() + chosen;
    if (key === logKey && paintLogs.logs && paintLogs.logs.every((old, id) => old === seen[id].log)) return;
    logKey = key; paintLogs.logs = seen.map((state) => state.log);
    const most = Math.max(...seen.map((state) => state.log.length));
    const first = Math.max(0, most - 60);
    const leader = seen.reduce((best, state) => state.up && texts[state.role] === "leader" && (!best || state.term > best.term) ? state : best, null);
    const rows = seen.map((state, id) => {
      const row = el("tr", {}, el("th", { class: "row", scope: "row", style: hue(state.term) }, `n${id}`, el("i", { "aria-hidden": "true" }, state.up ? state.sign === "●" ? "" : state.sign : "✖")));
      row.firstChild.addEventListener("click", () => choose(id));
      for (let index = first; index < Math.max(most, 1); index++) {
        if (index >= state.log.length) { row.append(el("td", { class: index < most || !most ? "none" : "" })); continue; }
        const [term, word] = state.log.all[index], text = texts[word], full = index <= state.commit;
        const other = leader && leader !== state && index < leader.log.length && leader.log.all[index][0] !== term && index > leader.base;
        const packed = index <= state.base;
        row.append(el("td", { class: packed ? "packed" : `has${full ? " full" : ""}${other ? " other" : ""}`, style: hue(term), "aria-label": packed ? "in the snapshot" : undefined, title: packed ? `${index}: in the snapshot` : `${index}: ${text}, term ${term}${full ? ", committed" : ""}${other ? ", not as the leader's" : ""}` }, packed ? "" : text));
      }
      return row;
    });
    const heads = [el("th", {}, first ? "…" : "")];
    for (let index = first; index < Math.max(most, 1); index++) heads.push(el("th", { scope: "col" }, String(index)));
    const left = log.scrollLeft, wasAtEnd = left + log.clientWidth >= log.scrollWidth - 60;
    const wide = clamp((log.clientWidth - 64) / Math.max(1, most - first) - 4, 76, 168);  // cells are wide where there are few
    log.replaceChildren(el("table", { style: `--most:${wide.toFixed(0)}px` }, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows)));
    log.scrollLeft = wasAtEnd ? log.scrollWidth : left;
  };

  // ---- space-time

  const PAD = 14;
  const time = $("time"), lanes = $("lanes");
  const sheet = svg("svg", {});
  const spacer = el("div", {});
  time.append(spacer, sheet);
  let follows = true, painting = false;
  const lane = (wide) => {
    const left = 58, narrow = wide < 380;
    const pitch = clamp((wide - left - (narrow ? 110 : 190)) / n, n > 9 ? 13 : 26, narrow ? 40 : 42);
    return { wide, left, pitch, least: -Infinity, x: (id) => left + pitch * (id + 0.5), words: left + pitch * n + 10 };
  };
  const lettersOf = (shape) => Math.floor((shape.wide - shape.words - 4) / 6.3);
  const headOf = (shape, event) => {  // the names of the nodes, above their lines
    const head = svg("svg", { width: shape.wide, height: 26 });
    for (let id = 0; id < n; id++) {
      const state = stateOf(id, event);
      if (shape.pitch < 20 && id % 2) continue;
      head.append(svg("text", { x: shape.x(id), y: 18, "text-anchor": "middle", style: hue(state.term) + (state.acts ? ";font-weight:700;fill:var(--hue)" : "") }, `n${id}${state.up ? state.sign === "●" || shape.pitch < 30 ? "" : state.sign : "✖"}`));
    }
    return head;
  };
  const paintTime = () => {
    if (tab !== "time" || !time.clientHeight) return;
    const shape = lane(time.clientWidth || 400), high = time.clientHeight, bottom = place * SCALE + PAD;
    lanes.replaceChildren(headOf(shape, now));
    const newest = told[at(told, now)], below = 16 + 14 * (newest ? folded(texts[newest[1]], lettersOf(shape) - 4, 3).length : 1);
    spacer.style.height = `${Math.max(high, bottom + below)}px`;
    if (follows) { painting = true; time.scrollTop = bottom + below - high; painting = false; }
    const top = time.scrollTop - 40, until = Math.min(bottom, time.scrollTop + high + 40);
    put(sheet, { width: shape.wide, height: Math.max(1, until - top + below), style: `top:${top}px` });
    drawTime(sheet, shape, top, until, now, place);
    sheet.append(svg("line", { class: "nowline", x1: shape.left - 4, x2: shape.words - 8, y1: bottom - top, y2: bottom - top }));
    const since = newest ? bottom - PAD - wall[newest[0]] * SCALE : bottom;
    if (since > 15) sheet.append(svg("text", { class: "clock", x: 50, y: bottom - top + 4 }, secs(moment())));
  };
  const drawTime = (sheet, shape, top, until, now, place) => {  // the part of the diagram between two heights
    const firstEvent = eventAt(Math.max(0, (top - PAD) / SCALE)), lastEvent = Math.min(now, eventAt((until - PAD) / SCALE));
    const y = (event) => wall[event] * SCALE + PAD - top, end = until - top;
    sheet.replaceChildren();
    for (let id = 0; id < n; id++) {
      const list = states[id];
      let from = Math.max(0, at(list, firstEvent));
      for (let i = from; i < list.length && list[i][0] <= lastEvent; i++) {
        const state = list[i][1], role = texts[state.role];
        let last = i;  // states that look alike are one line
        while (last + 1 < list.length && list[last + 1][0] <= lastEvent && list[last + 1][1].role === state.role && list[last + 1][1].term === state.term) last++;
        const y1 = Math.max(-10, y(list[i][0])), y2 = last + 1 < list.length && list[last + 1][0] <= lastEvent ? y(list[last + 1][0]) : end;
        const kind = !state.up ? "gone" : state.acts && role === "leader" ? "lead" : /candidate/.test(role) ? "ask" : "";
        if (y2 > y1) sheet.append(svg("line", { class: `lane ${kind}`, style: hue(state.term), x1: shape.x(id), y1, x2: shape.x(id), y2 }));
        i = last;
      }
    }
    const arrows = messages.filter((m) => m.sent <= lastEvent && (m.end || N) >= firstEvent);
    for (const m of arrows.slice(-500)) {
      const idle = m.weight ? "" : " idle";
      const ended = m.end && m.end <= now, lost = m.fate === 2 && ended;
      const way = lost ? 0.62 : ended ? 1 : m.end ? clamp((place - wall[m.sent]) / Math.max(0.01, wall[m.end] - wall[m.sent]), 0, 1) : 0.5;
      const x1 = shape.x(m.src), full = shape.x(m.dst), x2 = x1 + (full - x1) * way;
      const y1 = y(m.sent), y2 = ended ? Math.max(y(m.end), y1 + 2) : end;
      if (m.sent === m.end || !m.weight && ended && wall[m.end] - wall[m.sent] < 0.1) continue;
      sheet.append(svg("line", { class: `arrow${idle}`, style: hue(m.term), x1, y1, x2, y2 }));
      if (lost) sheet.append(svg("path", { class: `cross${idle}`, d: `M${x2 - 4} ${y2 - 4}l8 8m0 -8l-8 8` }));
      else if (ended) {
        const angle = Math.atan2(y2 - y1, x2 - x1) * 180 / Math.PI;
        sheet.append(svg("path", { class: `tip${idle}`, style: hue(m.term), d: "M0 0L-7 -3.6L-7 3.6Z", transform: `translate(${x2.toFixed(1)} ${y2.toFixed(1)}) rotate(${angle.toFixed(1)})` }));
      }
    }
    const room = lettersOf(shape), newest = told[at(told, now)];
    let free = -99;
    const range = told.slice(Math.max(0, at(told, firstEvent)), at(told, lastEvent) + 1);
    for (const row of range.reverse()) {  // the newest first: it is read first
      const where = y(row[0]) + 4;
      if (where < shape.least || free !== -99 && free - where < 15) continue;
      const isLast = row === newest;
      const lines = folded(texts[row[1]], isLast ? room - 4 : room, free === -99 ? 3 : Math.min(3, Math.floor((free - where) / 14)));
      free = where;
      sheet.append(svg("text", { class: "clock", x: 50, y: where }, timeOf(row[0])));
      if (room > 8) lines.forEach((line, i) => sheet.append(svg("text", { class: isLast ? "told last" : "told", x: shape.words, y: where + 14 * i }, line, svg("title", {}, texts[row[1]]))));
    }
    for (const [event, kind, node] of data.marks) {
      if (event < firstEvent || event > lastEvent || node < 0) continue;
      const sign = { leader: "★", down: "✖", breach: "!" }[kind];
      if (sign) sheet.append(svg("text", { class: "halo", x: shape.x(node), y: y(event) + 4, "text-anchor": "middle", style: `${hue(stateOf(node, event).term)};fill:${kind === "leader" ? "var(--hue)" : "var(--bad)"};font-size:13px` }, sign));
    }
  };
  time.addEventListener("scroll", () => {
    if (painting) return;
    const isBottom = time.scrollTop + time.clientHeight >= place * SCALE + 14;
    if (isBottom === follows && follows) return;
    follows = isBottom;
    requestAnimationFrame(paintTime);
  });

  // ---- events

  const list = $("events");
  let listKey = "";
  const wordsOf = (event) => {
    const kind = data.kinds[event - 1], node = data.who[event - 1], words = data.words[event - 1];
    if (kind === "s" || kind === "a" || kind === "x") {
      const m = messages[words], verb = { s: "sent", a: "arrives", x: `is lost (${m.reason})` }[kind];
      return `n${m.src} → n${m.dst} ${verb}: ${m.detail}`;
    }
    return `${node >= 0 ? `n${node} ` : ""}${texts[words]}`;
  };
  const eventRow = (event, words) => {
    const button = el("button", { type: "button" }, el("time", {}, timeOf(event)), el("span", {}, words));
    button.addEventListener("click", () => go(event));
    const row = el("li", {}, button);
    row.dataset.event = event;
    return row;
  };
  const paintEvents = () => {
    if (tab !== "events") return;
    const rows = everything ? N : told.length, current = everything ? now - 1 : at(told, now);
    const from = rows <= ROWS ? 0 : clamp(Math.floor((current - ROWS / 2) / 100) * 100, 0, rows - ROWS), to = Math.min(rows, from + ROWS);
    const key = `${everything} ${from} ${to}`;
    if (key !== listKey) {
      listKey = key;
      const items = [];
      if (from) items.push(el("li", { class: "more" }, `${from} earlier ones: step back to see them`));
      let chapter = "";
      for (let i = from; i < to; i++) {
        const event = everything ? i + 1 : told[i][0];
        if (!everything) for (const caption of data.captions) if (caption[0] < event && (i ? told[i - 1][0] <= caption[0] : true) && texts[caption[2]] && texts[caption[2]] !== chapter) {
          chapter = texts[caption[2]];
          items.push(el("li", { class: "chapter" }, chapter));
        }
        items.push(eventRow(event, everything ? wordsOf(event) : texts[told[i][1]]));
      }
      if (to < rows) items.push(el("li", { class: "more" }, `${rows - to} later ones: step on to see them`));
      list.replaceChildren(...items);
    }
    const mark = everything ? now : current >= 0 ? told[current][0] : 0;
    let shown = null;
    for (const row of list.children) {
      const event = +row.dataset.event;
      if (!event) continue;
      row.className = event === mark ? "at" : event > now ? "later" : "";
      if (event === mark) { row.firstChild.setAttribute("aria-current", "true"); shown = row; } else row.firstChild.removeAttribute("aria-current");
    }
    const pane = $("pane-events");
    if (shown) { const y = shown.offsetTop; if (y < pane.scrollTop + 40 || y + shown.offsetHeight > pane.scrollTop + pane.clientHeight - 40) pane.scrollTop = y - pane.clientHeight / 2; } else pane.scrollTop = 0;
  };

  // ---- why, and one node

  const answerFor = (node) => {
    let found = null;
    for (const answer of data.answers) { if (answer[0] > now) break; if (answer[1] === node) found = answer; }
    return found;
  };
  const answered = (answer, question) => answer === null ? [] : [
    el("h3", {}, question, " ", el("small", {}, `asked at ${timeOf(answer[0])} s`)),
    el("p", {}, texts[answer[2]]),
    el("ul", {}, ...answer[3].map((line) => el("li", {}, texts[line]))),
  ];
  let whyKey = "";
  const paintWhy = () => {
    if (tab !== "why") return;
    const said = told[at(told, now)], cluster = answerFor(-1), one = chosen >= 0 ? answerFor(chosen) : null;
    const key = [said && said[0], cluster && cluster[0], one && one[0], chosen].join();
    if (key === whyKey) return;
    whyKey = key;
    $("pane-why").replaceChildren(
      ...(said ? [el("h3", {}, texts[said[1]]), el("p", {}, texts[said[2]])] : []),
      ...answered(cluster, "Why is it so?"),
      ...(chosen >= 0 ? one && cluster && one[2] === cluster[2] && one[3].join() === cluster[3].join() ? [] : answered(one, `Why n${chosen}?`) : [el("p", {}, el("small", {}, "Choose a node on the stage to ask about it."))]),
    );
  };
  const paintNode = () => {
    if (tab !== "node") return;
    const pane = $("pane-node");
    if (chosen < 0) { pane.replaceChildren(el("p", {}, "Choose a node on the stage, or press its number.")); return; }
    const state = stateOf(chosen, now), rows = [];
    const line = (name, value) => rows.push(el("dt", {}, name), el("dd", {}, String(value)));
    const dash = (number) => number < 0 ? "–" : number;
    line("role", texts[state.role]);
    line("currentTerm", state.term);
    line("votedFor", state.vote < 0 ? "–" : `n${state.vote}`);
    line("commitIndex", dash(state.commit));
    line("lastApplied", dash(state.applied));
    line("log", state.log.length ? `${state.log.length === 1 ? "1 entry" : `${state.log.length} entries`}, the last of term ${state.log.all[state.log.length - 1][0]}` : "empty");
    if (state.base >= 0) line("snapshot", `up to entry ${state.base}`);
    line("follows", state.leader < 0 ? "–" : `n${state.leader}`);
    if (state.votes.length) line("votes", state.votes.map((id) => `n${id}`).join(" "));
    if (state.timer >= 0) line("timer", `fires at ${secs(state.timer)} s`);
    if (texts[state.marks]) line("faults", texts[state.marks]);
    const peers = state.peers.length ? [el("table", {}, el("thead", {}, el("tr", {}, ...["peer", "nextIndex", "matchIndex"].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, ...state.peers.map(([peer, next, match]) => el("tr", {}, el("td", {}, `n${peer}`), el("td", {}, String(next)), el("td", {}, String(dash(match)))))))] : [];
    pane.replaceChildren(el("h3", {}, `n${chosen}`), el("dl", {}, ...rows), ...peers);
  };
  const choose = (id) => {
    if (id >= n) return;
    chosen = chosen === id && tab === "node" ? -1 : id;
    if (chosen >= 0 && tab !== "why") openTab("node");
    dirty.all = true;
    paint();
  };

  // ---- the tape

  const scrub = $("scrub");
  scrub.step = "0.001";
  const paintTape = () => {
    const marks = $("marks"), wide = marks.clientWidth || 300, inner = wide - 16;
    marks.replaceChildren();
    let free = -99, freeTick = -99;
    const order = { breach: 5, leader: 4, down: 3, cut: 3, candidate: 2, heal: 1, up: 1 };
    const placed = data.marks.map(([event, kind, node, text]) => ({ event, kind, node, text: texts[text], x: 8 + inner * (total ? wall[event] / total : 0) }));
    for (const mark of placed) {
      if (mark.kind === "commit" && mark.x - freeTick < 3) continue;
      freeTick = mark.x;
      const state = mark.node >= 0 ? stateOf(mark.node, mark.event) : null;
      marks.append(svg("line", { class: `mark ${mark.kind}`, style: state ? hue(state.term) : "", x1: mark.x, x2: mark.x, y1: mark.kind === "commit" ? 21 : 16, y2: 26 }));
    }
    const words = [];
    for (const mark of placed.filter((m) => order[m.kind] && m.text).sort((a, b) => order[b.kind] - order[a.kind] || a.x - b.x)) {
      const half = mark.text.length * (mark.kind === "breach" ? 3.8 : 3.2), x = clamp(mark.x, half, wide - half);
      if (words.some((word) => Math.abs(word.x - x) < word.half + half + 8)) continue;
      words.push({ x, half });
      marks.append(svg("text", { class: mark.kind, x, y: 11, "text-anchor": "middle" }, mark.text));
    }
  };

  // ---- all of it

  const paint = () => {
    const boxes = dirty.all || dirty.size ? lay() : null;
    if (boxes) { paintNetwork(boxes); paintNodes(); paintLogs(); paintTexts(); paintEvents(); paintWhy(); paintNode(); }
    else nodes.forEach((node, id) => paintTimer(node, stateOf(id, now)));
    if (dirty.size) paintTape();
    paintMessages();
    paintTime();
    say($("clock"), `${secs(moment())} s`);
    scrub.value = place.toFixed(3);
    scrub.style.setProperty("--done", `${total ? (place / total * 100).toFixed(2) : 0}%`);
    if (dirty.all) { const said = told[at(told, now)]; scrub.setAttribute("aria-valuetext", `${timeOf(now)} seconds${said ? ": " + texts[said[1]] : ""}`); }
    dirty.all = dirty.stage = dirty.size = false;
    document.documentElement.dataset.event = now;
  };

  const TABS = ["time", "events", "why", "node"];
  const openTab = (name) => {
    tab = name;
    for (const known of TABS) {
      $(`tab-${known}`).setAttribute("aria-selected", String(known === name));
      $(`tab-${known}`).tabIndex = known === name ? 0 : -1;
      $(`pane-${known}`).hidden = known !== name;
    }
    follows = true;
    paintTime(); paintEvents(); paintWhy(); paintNode();
  };
  TABS.forEach((name, i) => {
    $(`tab-${name}`).addEventListener("click", () => openTab(name));
    $(`tab-${name}`).addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault(); event.stopPropagation();
      const next = TABS[(i + by + TABS.length) % TABS.length];
      openTab(next); $(`tab-${next}`).focus();
    });
  });

  // ---- light and dark

  const root = document.documentElement, prefersDark = matchMedia("(prefers-color-scheme: dark)");
  let themed = false;
  const theme = (dark) => { root.dataset.theme = dark ? "dark" : "light"; };
  theme(prefersDark.matches);
  prefersDark.addEventListener("change", (event) => { if (!themed) theme(event.matches); });
  const switchTheme = () => { themed = true; theme(root.dataset.theme !== "dark"); };

  // ---- keys and buttons

  const changeSpeed = (by) => {
    const select = $("speed");
    select.selectedIndex = clamp(select.selectedIndex + by, 0, select.options.length - 1);
    speed = +select.value;
  };
  const copyLink = () => {
    remember();
    const done = (text) => { say($("link"), text); setTimeout(() => say($("link"), "Link"), 1500); };
    const shown = () => done(address());
    if (navigator.clipboard) navigator.clipboard.writeText(location.href.replace(/#.*$/, "") + address()).then(() => done("Copied"), shown); else shown();
  };
  const help = () => { const dialog = $("help"); if (dialog.open) dialog.close(); else dialog.showModal(); };
  const toggle = () => play(!playing || goal < N);
  $("play").addEventListener("click", toggle);
  $("first").addEventListener("click", () => go(0));
  $("last").addEventListener("click", () => go(N));
  $("back").addEventListener("click", () => go(stepTold(-1)));
  $("forth").addEventListener("click", forth);
  $("theme").addEventListener("click", switchTheme);
  $("keys").addEventListener("click", help);
  $("link").addEventListener("click", copyLink);
  $("speed").addEventListener("change", () => { speed = +$("speed").value; });
  $("all").addEventListener("change", () => { everything = $("all").checked; listKey = ""; paintEvents(); });
  scrub.addEventListener("input", () => { playing && play(false); place = +scrub.value; now = eventAt(place); follows = true; dirty.all = true; paint(); });
  scrub.addEventListener("change", remember);
  const KEYS = {
    " ": toggle, ArrowRight: (shift) => shift ? go(now + 1) : forth(), ArrowLeft: (shift) => go(shift ? now - 1 : stepTold(-1)),
    Home: () => go(0), End: () => go(N), "[": () => changeSpeed(-1), "]": () => changeSpeed(1), t: switchTheme, "?": help,
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
    const target = event.target, tag = target.tagName;
    if (tag === "SELECT" || tag === "INPUT" && target.type === "checkbox" && event.key === " ") return;
    if (tag === "BUTTON" && (event.key === " " || event.key === "Enter")) return;
    const act = KEYS[event.key] || (/^\d$/.test(event.key) && +event.key < n ? () => choose(+event.key) : null);
    if (!act) return;
    event.preventDefault();
    follows = true;
    act(event.shiftKey);
  });
  addEventListener("hashchange", () => { if (branchOfAddress() !== data) turnTo(branchOfAddress()); const wanted = fromAddress(); if (wanted !== null && wanted !== now) { playing && play(false); show(wanted); } });

  // ---- for paper: the moment that is shown, the space-time diagram, and all that was told, in order

  const SHEET = 860, WIDE = 660, SHEETS = 24;  // the height of a part of the diagram, its width, and the most parts
  const diagram = () => {
    const shape = { ...lane(WIDE), least: 14 }, whole = total * SCALE + 2 * PAD, parts = [];  // rows above belong to the part before
    for (let top = 0; top < whole && parts.length < SHEETS; top += SHEET) {
      const until = Math.min(whole, top + SHEET), part = svg("svg", { width: WIDE, height: until - top + 14 });
      drawTime(part, shape, top - 10, until, N, total);
      parts.push(el("figure", {}, headOf(shape, eventAt(Math.max(0, (top - PAD) / SCALE))), part));
    }
    if (whole > SHEETS * SHEET) parts.push(el("p", {}, `The diagram ends here, at ${timeOf(eventAt(SHEETS * SHEET / SCALE))} s; the list below has the rest.`));
    return parts;
  };
  const retold = () => {
    const items = [];
    let shown = -1;
    for (const [event, said, why] of told) {
      while (shown + 1 < data.captions.length && data.captions[shown + 1][0] < event) {
        shown++;
        const [, text, chapter] = data.captions[shown];
        items.push(el("li", { class: "chapter" }, [texts[chapter], texts[text]].filter(Boolean).join(": ")));
      }
      items.push(el("li", {}, el("time", {}, timeOf(event)), texts[said], " ", el("span", { class: "rule" }, texts[why])));
    }
    return items;
  };
  addEventListener("beforeprint", () => {
    playing && play(false);
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);  // as large as the paper has room for
    $("printed").replaceChildren(el("h2", {}, "Space-time diagram"), ...diagram(), el("h2", {}, "What happened"), el("ol", {}, ...retold()));
  });
  addEventListener("afterprint", () => {
    picture.removeAttribute("viewBox");
    $("printed").replaceChildren();
    dirty.all = dirty.size = true;
    paint();
  });

  // ---- branches

  const branches = $("branch"), branchChip = $("branches");
  const branchOfAddress = () => {
    const wanted = new URLSearchParams(location.hash.slice(1)).get("b");
    return runs.find((run) => run.branch === wanted) || data || given;
  };
  for (const run of runs) {
    const from = run.parent ? ` (from ${run.parent} at ${secs(run.since)} s)` : "";
    branches.append(el("option", { value: run.branch }, run.branch + from));
  }
  branches.addEventListener("change", () => {  // the same time in another branch
    const seconds = clock[now] / 1e6;
    playing && play(false);
    turnTo(runs[branches.selectedIndex]);
    go(atTime(seconds));
  });

  // ---- begin

  const chip = (text, kind) => $("chips").append(el("li", kind ? { class: kind } : {}, text));
  const chips = () => {
    $("chips").replaceChildren();
    if (runs.length > 1) $("chips").append(branchChip);
    chip(many(n, "node"));
    chip(data.backend === "sim" ? `seed ${data.seed}` : `${data.backend}, seed ${data.seed}`);
    if (data.class) chip(data.class);
    for (const bug of data.bugs) chip(`bug: ${bug}`, "bad");
    if (data.breach !== null) {
      const button = el("button", { type: "button" }, "go to the violation");
      button.addEventListener("click", () => go(data.breach));
      $("chips").append(el("li", { class: "bad" }, button));
    } else if (data.failure) chip(cut(data.failure, 80), "bad long");
    if (data.forgotten) chip(`${data.forgotten} earlier events are not kept`);
    chip(many(N, "event"));
  };
  const turnTo = (run) => {  // show a run, which paints nothing yet
    load(run);
    goal = N;
    logKey = listKey = whyKey = "";
    scrub.max = Math.max(0.001, total).toFixed(3);
    branches.selectedIndex = runs.indexOf(run);
    branchChip.hidden = runs.length < 2;
    say($("name"), run.name || "A cluster of Raft nodes");
    chips();
    dirty.size = dirty.all = follows = true;
  };
  turnTo(branchOfAddress());
  new ResizeObserver(() => { dirty.all = dirty.size = true; paint(); }).observe(stage);
  new ResizeObserver(() => { dirty.size = true; paint(); }).observe(document.querySelector(".tape"));
  new ResizeObserver(() => paintTime()).observe(time);
  openTab("time");
  dirty.size = true;
  const wanted = fromAddress();
  show(wanted === null ? Math.min(N, told.length ? told[0][0] : 0) : wanted);
  setTimeout(() => document.documentElement.classList.add("moves"), 300); // the first picture stands at once

  // ---- a run that goes on: more is added, and who does nothing else follows it

  const LIVE = ["times", "pace", "who", "words", "states", "network", "told", "next", "answers", "messages", "texts"];
  const BEHIND = 4;  // the most seconds of play that one who follows is behind
  let live = false, teacher = N, waiting = 0;
  const follow = () => {
    if (!live) return;
    if (teacher < N) { playing && play(false); if (now !== teacher) show(teacher); return; }
    if (total - place > BEHIND) show(eventAt(total - BEHIND));
    goal = N;
    if (now >= N) return;
    if (playing) pace = speed; else if (still || document.hidden) show(N); else play(true);
  };
  const setLive = (on) => { live = on; $("live").setAttribute("aria-pressed", String(on)); follow(); };
  const grow = (more) => {
    for (const name of LIVE) if (more[name]) data[name].push(...more[name]);
    if (more.times) {
      data.kinds += more.kinds;
      for (const [number, row] of more.changed) data.messages[number] = row;
      data.marks.splice(more.marks[0], data.marks.length, ...more.marks[1]);
      data.breach = more.breach;
    }
    teacher = more.at;
    waiting = waiting || setTimeout(grown, 100);  // many parts may come at once
  };
  const grown = () => {
    waiting = 0;
    const kept = [now, place, playing, goal];
    turnTo(data);
    [now, place, playing, goal] = kept;
    if (live) follow();
    dirty.all = dirty.size = true;
    paint();
    document.documentElement.dataset.events = N;
  };
  if (stream) {
    for (const hidden of document.querySelectorAll(".live")) hidden.hidden = false;
    stream.addEventListener("more", (event) => grow(JSON.parse(event.data)));
    $("live").addEventListener("click", () => setLive(true));
    const leave = (event) => { if (!event.target.closest || !event.target.closest("#live")) setLive(false); };
    for (const control of document.querySelectorAll(".controls button, #scrub")) for (const kind of ["click", "input"]) control.addEventListener(kind, leave, true);
    addEventListener("keydown", (event) => { if (event.key in KEYS && !["t", "?", "[", "]"].includes(event.key)) setLive(event.key === "End"); }, true);
    setLive(true);
    show(N);
  }
};
(() => {
  const given = JSON.parse(document.getElementById("data").textContent);
  if (!given.live) { begin(given); return; }
  const state = document.getElementById("state"), source = new EventSource("events");
  let begun = false;
  const say = (text) => { state.textContent = text; };
  source.addEventListener("run", (event) => { if (begun) location.reload(); else { begun = true; begin(JSON.parse(event.data), source); } });
  source.addEventListener("again", () => { source.close(); location.reload(); });
  source.addEventListener("end", () => { source.close(); say("the session has ended"); });
  source.onopen = () => say("");
  source.onerror = () => say("the connection is lost; it is tried again");
})();
