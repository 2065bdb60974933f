// Precision-recall curves and the histograms of scores, each with a slider that reads numbers from it.
const NORMALISED = "with score normalisation";
const lists = systems.flatMap((system, number) => [
  { number, scored: system.plain, note: "", normalised: false },
  ...(system.normalised ? [{ number, scored: system.normalised, note: NORMALISED, normalised: true }] : []),
]);

// The first point of a curve that reaches a recall.
const reaching = (curve, recall) => {
  let [low, high] = [0, curve.recall.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (curve.recall[middle] >= recall - 1e-9) high = middle;
    else low = middle + 1;
  }
  return low < curve.recall.length ? low : null;
};

const drawCurves = (shown, recall, width) => {
  const height = Math.round(Math.min(Math.max(width * 0.55, 280), 480));
  const [left, right, top, bottom] = [46, width - 14, 12, height - 42];
  const x = (value) => left + value * (right - left);
  const y = (value) => bottom - value * (bottom - top);
  const best = shown.map(({ number, note, scored }) => `${named(number)} ${note}`.trim()
    + scored.thresholds.map((at) => `, recall ${percent(at.recall)} at ${Math.round(at.wanted * 100)} % precision`).join(""));
  const node = sheet(width, height, "Precision against recall", `${best.join("; ")}. Each curve's numbers are in the table below.`);
  for (const value of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
    const text = value.toFixed(1);
    const [across, up] = [textAt(x(value), bottom + 18, text, "middle"), textAt(left - 8, y(value) + 4, text, "end")];
    const [upright, level] = [line("grid-line", x(value), top, x(value), bottom), line("grid-line", left, y(value), right, y(value))];
    upright.dataset.recall = text;
    level.dataset.precision = text;
    node.append(upright, level, across, up);
  }
  node.append(textAt((left + right) / 2, height - 6, "recall", "middle"));
  node.append(svg("text", { x: -(top + bottom) / 2, y: 12, "text-anchor": "middle", transform: "rotate(-90)" }, "precision"));
  for (const { wanted } of systems[0].plain.thresholds) {
    node.append(line("wanted", left, y(wanted), right, y(wanted)));
    node.append(textAt(right - 2, y(wanted) + (wanted > 0.95 ? -2 : 12), `${Math.round(wanted * 100)} %`, "end"));
  }
  for (const { number, scored, normalised } of shown) {
    const { curve } = scored;
    const points = curve.recall.map((value, at) => `${x(value).toFixed(2)},${y(curve.precision[at]).toFixed(2)}`);
    const path = svg("polyline", { class: `curve ${hue(number)}${normalised ? " normalised" : ""}`, points: points.join(" ") });
    path.setAttribute("stroke-dasharray", normalised ? "1 3" : dash(number));
    path.dataset.system = number;
    node.append(path);
  }
  if (recall !== null) node.append(line("cursor", x(recall), top, x(recall), bottom));
  for (const { number, scored, note } of shown) {
    for (const at of scored.thresholds.filter((one) => one.threshold !== null)) {
      const text = `${named(number)} ${note}: recall ${percent(at.recall)} at ${percent(at.precision)} precision, score ${fixed(at.threshold)}`;
      const mark = tooltip(shape(number, "mark", x(at.recall), y(at.precision), 4.5), text);
      mark.dataset.wanted = at.wanted;
      node.append(mark);
    }
    const place = recall === null ? null : reaching(scored.curve, recall);
    if (place !== null) node.append(shape(number, "dot", x(scored.curve.recall[place]), y(scored.curve.precision[place]), 4.5));
  }
  node.dataset.left = left;
  node.dataset.right = right;
  return node;
};

const legendMark = (number, normalised) => {
  const node = svg("svg", { width: 34, height: 14, viewBox: "0 0 34 14", "aria-hidden": "true" });
  const stroke = svg("line", { class: `curve ${hue(number)}${normalised ? " normalised" : ""}`, x1: 0, y1: 7, x2: 34, y2: 7 });
  stroke.setAttribute("stroke-dasharray", normalised ? "1 3" : dash(number));
  node.append(stroke, shape(number, "mark", 17, 7, 4));
  return node;
};

const startCurves = () => {
  const host = document.querySelector("[data-chart=curves]");
  const slider = byId("curve-slider");
  let [shown, recall] = [lists, 0.5];
  const tell = () => {
    byId("curve-recall").textContent = recall.toFixed(3);
    slider.setAttribute("aria-valuetext", `recall ${recall.toFixed(3)}`);
    byId("curve-readout").replaceChildren(...shown.map(({ number, scored, note, normalised }) => {
      const item = make("li");
      const place = reaching(scored.curve, recall);
      const text = place === null
        ? "not reached"
        : `precision ${fixed(scored.curve.precision[place])} at score ${fixed(scored.curve.thresholds[place])}`;
      const name = key(number, note);
      name.prepend(legendMark(number, normalised));
      item.append(name, make("div", "reads", text));
      return item;
    }));
  };
  const redraw = fitted(host, (width) => drawCurves(shown, recall, width));
  const read = (value) => {
    recall = Math.min(Math.max(value, 0), 1);
    slider.value = recall;
    redraw();
    tell();
  };
  slider.addEventListener("input", () => read(Number(slider.value)));
  host.addEventListener("pointermove", (event) => {
    const { left, right } = host.firstChild.dataset;
    const across = event.clientX - host.getBoundingClientRect().left;
    read((across - Number(left)) / (Number(right) - Number(left)));
  });
  if (lists.length > systems.length) {
    const label = make("label");
    const choice = make("select");
    choice.id = "curve-lists";
    choice.append(option("both", "plain and normalised"), option("plain", "plain"), option("normalised", NORMALISED));
    choice.addEventListener("input", () => {
      shown = lists.filter((one) => choice.value === "both" || one.normalised === (choice.value === "normalised"));
      read(recall);
    });
    label.append(make("span", "", "Scores"), choice);
    byId("curve-controls").append(label);
  }
  read(recall);
};

const drawHistogram = ({ number, scored, note }, most, bin, width) => {
  const { edges, copies, non_copies: others } = scored.histogram;
  const height = 250;
  const [left, right, top, bottom] = [12, width - 12, 22, height - 24];
  const [low, high] = [edges[0], edges[edges.length - 1]];
  const x = (value) => left + ((value - low) / (high - low || 1)) * (right - left);
  const middle = (top + bottom) / 2;
  // Two scales, since there may be a hundred times as many queries as copies.
  const unit = { copies: (middle - top) / (most.copies || 1), others: (bottom - middle) / (most.others || 1) };
  const marks = scored.thresholds.filter((at) => at.threshold !== null);
  const words = marks.map((at) => `${Math.round(at.wanted * 100)} % precision from score ${fixed(at.threshold)}`);
  const node = sheet(width, height, `Scores of ${named(number)} ${note}`.trim(),
    `Copies upwards, others downwards, from ${fixed(low)} to ${fixed(high)}. ${words.join("; ")}. The counts are in the table below.`);
  const { values, digits } = steps(low, high, width < 420 ? 5 : 8);
  for (const value of values) {
    node.append(line("grid-line", x(value), top, x(value), bottom), textAt(x(value), bottom + 17, fixed(value, digits), "middle"));
  }
  copies.forEach((count, at) => {
    const [from, to] = [x(edges[at]), x(edges[at + 1])];
    const below = at < bin ? " below" : "";
    for (const [name, many, y] of [["copies", count, middle - count * unit.copies], ["others", others[at], middle]]) {
      if (!many) continue;
      const bar = svg("rect", { class: `${name} ${hue(number)}${below}`, x: from + 0.25, y, width: Math.max(to - from - 0.5, 0.5), height: many * unit[name] });
      bar.dataset.count = many;
      const noun = name === "copies" ? counted(many, "copy", "copies") : counted(many, "other", "others");
      node.append(tooltip(bar, `${fixed(edges[at])} to ${fixed(edges[at + 1])}: ${noun}`));
    }
  });
  node.append(line("axis", left, middle, right, middle));
  const [up, down] = [counted(most.copies, "copy", "copies"), counted(most.others, "other", "others")];
  node.append(textAt(left, top + 10, `top: ${up}`), textAt(right, bottom - 5, `bottom: ${down}`, "end"));
  for (const at of marks) {
    const place = x(at.threshold);
    const upright = line(`threshold ${at === marks[0] ? "p90" : "p99"}`, place, top - 4, place, bottom);
    upright.dataset.wanted = at.wanted;
    node.append(tooltip(upright, words[marks.indexOf(at)]));
  }
  // The lines may be close to each other: their names stand on either side, or together beside both at an end.
  const names = marks.map((at) => `P${Math.round(at.wanted * 100)} ${fixed(at.threshold)}`);
  const [first, last] = [x(marks[0]?.threshold), x(marks.at(-1)?.threshold)];
  if (first < left + 75 || marks.length === 1) node.append(textAt(left, top - 10, names.join(" · "), "start", "ink"));
  else if (last > right - 75) node.append(textAt(right, top - 10, names.join(" · "), "end", "ink"));
  else if (marks.length) {
    node.append(textAt(first - 4, top - 10, names[0], "end", "ink"), textAt(last + 4, top - 10, names[1], "start", "ink"));
  }
  return node;
};

const histogram = (list, most) => {
  const card = make("div", "card histogram");
  const { edges, copies, non_copies: others } = list.scored.histogram;
  const host = make("div", "chart");
  const label = make("label", "slider");
  const shown = make("b");
  const slider = make("input");
  const readout = make("p", "readout");
  const first = list.scored.thresholds[0].threshold;
  const sum = (counts, from) => counts.slice(from).reduce((a, b) => a + b, 0);
  let bin = first === null ? 0 : Math.max(edges.filter((edge) => edge <= first).length - 1, 0);
  Object.assign(slider, { type: "range", min: 0, max: copies.length, step: 1 });
  readout.setAttribute("aria-live", "polite");
  label.append(make("span", "", "From score"), shown, slider);
  const redraw = fitted(host, (width) => drawHistogram(list, most, bin, width));
  const read = (value) => {
    bin = value;
    slider.value = bin;
    shown.textContent = fixed(edges[bin]);
    slider.setAttribute("aria-valuetext", `score ${fixed(edges[bin])}`);
    const share = (counts, all) => `${grouped(sum(counts, bin))} of ${grouped(all)}`;
    const rate = (counts, all) => `(${percent(sum(counts, bin) / (all || 1))})`;
    const { queries } = systems[list.number].origin;
    const pairs = sum(copies, 0);
    readout.textContent = `${share(copies, pairs)} copies ${rate(copies, pairs)} reach it, and wrong candidates of `
      + `${share(others, queries)} queries ${rate(others, queries)}`;
    redraw();
  };
  slider.addEventListener("input", () => read(Number(slider.value)));
  const head = make("h3");
  head.append(key(list.number, list.note));
  card.append(head, host, label, readout);
  byId("histograms").append(card);
  read(bin);
  redraw();
};

const startHistograms = () => {
  // The same scales for all systems, so that hills can be compared.
  const top = (name) => lists.reduce((most, { scored }) => scored.histogram[name].reduce((a, b) => Math.max(a, b), most), 0);
  const most = { copies: top("copies"), others: top("non_copies") };
  for (const list of lists) histogram(list, most);
};

startCurves();
startHistograms();
