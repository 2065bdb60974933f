// Numbers of the log over the steps, one card each; one slider reads all of them at a step.
const [log] = data("log");

// As in the tables: about four digits.
const brief = (value) => {
  if (value === null || value === undefined) return NOTHING;
  const size = Math.abs(value);
  if (size && (size < 1e-3 || size >= 1e9)) return value.toExponential(2).replace("-", "−");
  if (size >= 1000) return Math.round(value).toLocaleString("en").replace("-", "−");
  return fixed(value, size >= 10 ? 2 : 4);
};
const tick = (value, digits) => (digits > 4 ? value.toExponential(1).replace(/-/g, "−") : fixed(value, digits));

// The place of the last line at a step or before it; of the first line where all come later.
const placeAt = (chart, step) => {
  let [low, high] = [0, chart.steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (chart.steps[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return Math.max(low - 1, 0);
};

// What is finite, in unbroken stretches.
const stretches = (chart, values) => {
  const parts = [];
  let open = null;
  values.forEach((value, at) => {
    if (value === null) {
      open = null;
      return;
    }
    if (!open) parts.push(open = []);
    open.push([chart.steps[at], value]);
  });
  return parts;
};

const rangeOf = (chart) => {
  const values = chart.series.flatMap((one) => one.values).filter((value) => value !== null);
  let [low, high] = chart.limits ?? [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low > high) return [0, 1];
  if (low < high) return [low, high];
  const room = Math.abs(low) / 2 || 1;
  return [low - room, high + room];
};

const FEW = 40;
const drawSeries = (node, chart, x, y) => {
  chart.series.forEach(({ name, values }, number) => {
    const few = values.length <= FEW;
    for (const part of stretches(chart, values)) {
      const points = part.map(([step, value]) => [x(step).toFixed(2), y(value).toFixed(2)]);
      const path = svg("polyline", { class: `curve ${hue(number)}`, points: points.map((at) => at.join(",")).join(" ") });
      path.setAttribute("stroke-dasharray", dash(number));
      path.dataset.series = name;
      node.append(path);
      // A line of one point is invisible; few are marked.
      if (few || part.length === 1) node.append(...points.map(([cx, cy]) => svg("circle", { class: `point ${hue(number)}`, cx, cy, r: 2.5 })));
    }
  });
};

const describe = (chart) => chart.series.map(({ name, values }) => {
  const known = values.filter((value) => value !== null);
  return known.length ? `${name}: from ${brief(known[0])} to ${brief(known.at(-1))}` : `${name}: no numbers`;
}).join("; ");

// Drawn once for a width; `read` then moves the cursor alone.
const drawChart = (chart, width) => {
  const height = 230;
  const [left, right, top, bottom] = [58, width - 12, 10, height - 26];
  const [low, high] = rangeOf(chart);
  const x = (value) => left + (value / (log.last || 1)) * (right - left);
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const warned = log.warnings.length ? ` Warnings at ${counted(log.warnings.length, "step", "steps")}.` : "";
  const node = sheet(width, height, `${chart.title} over the steps`,
    `Steps 0 to ${grouped(log.last)}. ${describe(chart)}.${warned} The numbers are in the table below.`);
  const levels = steps(low, high, 5);
  for (const value of levels.values) {
    node.append(line("grid-line", left, y(value), right, y(value)), textAt(left - 7, y(value) + 4, tick(value, levels.digits), "end"));
  }
  for (const value of steps(0, log.last || 1, width < 420 ? 4 : 6).values.filter(Number.isInteger)) {
    node.append(textAt(x(value), bottom + 18, grouped(value), "middle"));
  }
  node.append(line("axis", left, bottom, right, bottom));
  for (const at of log.warnings) node.append(tooltip(line("warned", x(at), top, x(at), bottom), `a warning at step ${grouped(at)}`));
  drawSeries(node, chart, x, y);
  const cursor = svg("g");
  node.append(cursor);
  node.read = (step) => {
    const place = placeAt(chart, step);
    const at = x(chart.steps[place]);
    cursor.replaceChildren(line("cursor", at, top, at, bottom));
    chart.series.forEach(({ values }, number) => {
      if (values[place] !== null) cursor.append(shape(number, "dot", at, y(values[place]), 4));
    });
  };
  Object.assign(node.dataset, { left, right, top, bottom, low, high });
  return node;
};

const seriesMark = (number) => {
  const node = svg("svg", { width: 26, height: 12, viewBox: "0 0 26 12", "aria-hidden": "true" });
  const stroke = svg("line", { class: `curve ${hue(number)}`, x1: 0, y1: 6, x2: 26, y2: 6 });
  stroke.setAttribute("stroke-dasharray", dash(number));
  node.append(stroke, shape(number, "dot", 13, 6, 3.5));
  return node;
};

const startCurves = () => {
  const slider = byId("step-slider");
  if (!slider) return;
  let step = log.last;
  const cards = log.charts.filter((chart) => chart.steps.length).map((chart) => {
    const host = document.querySelector(`[data-chart="${chart.name}"]`);
    const readout = document.querySelector(`[data-readout="${chart.name}"]`);
    fitted(host, (width) => {
      const node = drawChart(chart, width);
      node.read(step);
      return node;
    });
    host.addEventListener("pointermove", (event) => {
      const { left, right } = host.firstChild.dataset;
      const across = event.clientX - host.getBoundingClientRect().left;
      read(Math.round(((across - Number(left)) / (Number(right) - Number(left))) * log.last));
    });
    return { chart, host, readout };
  });
  const tell = ({ chart, readout }) => {
    const place = placeAt(chart, step);
    readout.replaceChildren(...chart.series.map(({ name, values }, number) => {
      const item = make("li");
      const label = make("span", `key ${hue(number)}`);
      label.append(seriesMark(number), make("span", "", name), make("b", "", brief(values[place])));
      item.append(label);
      return item;
    }));
  };
  const read = (value) => {
    step = Math.min(Math.max(value, 0), log.last);
    slider.value = step;
    byId("step-shown").textContent = grouped(step);
    slider.setAttribute("aria-valuetext", `step ${grouped(step)}`);
    for (const card of cards) {
      card.host.firstChild?.read(step);
      tell(card);
    }
  };
  slider.addEventListener("input", () => read(Number(slider.value)));
  read(step);
};

startCurves();
