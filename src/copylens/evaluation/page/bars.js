// Horizontal bars: a row for each part of the queries, a bar for each system.
const MEASURES = {
  recall_at_1: "best candidate is the copy (R@1)",
  recall_at_10: "copy among the first 10 (R@10)",
  found: "found at 90 % precision",
};
const WIDE = 640;
const VALUE = 38;

const shortened = (text, room) => {
  const letters = Math.max(Math.floor(room / 7.2), 4);
  return text.length > letters ? `${text.slice(0, letters - 1)}…` : text;
};

const oneBar = (node, number, value, x, y, room, height) => {
  const shift = several ? 16 : 0;
  const length = room - shift - VALUE;
  if (several) node.append(textAt(x, y + height - 1, letter(number), "start", `in-hue ${hue(number)}`));
  if (value === null) {
    node.append(textAt(x + shift, y + height - 1, NOTHING));
    return;
  }
  node.append(svg("rect", { class: "track", x: x + shift, y, width: length, height, rx: 2 }));
  const bar = svg("rect", { class: `fill ${hue(number)}`, x: x + shift, y, width: length * value, height, rx: 2 });
  bar.dataset.value = value;
  bar.dataset.system = number;
  node.append(bar, textAt(x + room - VALUE + 6, y + height - 1, value.toFixed(2), "start", "ink"));
};

// panels: names of each, the longest first; rows: [{ name, panels: [{ note, values: one for each system, null for none; or null for an empty panel }] }]
const drawBars = ({ title, panels, rows }, width) => {
  const wide = width >= WIDE;
  const side = wide ? Math.min(170, width * 0.22) : 0;
  const gap = 24;
  const room = (width - side - gap * (panels.length - (wide ? 0 : 1))) / panels.length;
  const start = (panel) => (wide ? side + gap : 0) + panel * (room + gap);
  const height = several ? 10 : 13;
  const step = height + 3;
  const head = wide ? 26 : 30;
  const above = wide ? 6 : 21;
  const each = above + systems.length * step + 19;
  const words = rows.slice(0, 5).map((row) => `${row.name}: ${row.panels.map((panel, at) => (panel
    ? `${panels[at][0]} ${panel.values.map((value) => fixed(value, 2)).join(", ")}` : "")).filter(Boolean).join("; ")}`);
  const node = sheet(width, head + rows.length * each, title, `${words.join(". ")}. All numbers are in the table below.`);
  panels.forEach((panel, at) => {
    const fits = panel.find((name) => name.length * 7.2 <= room) ?? shortened(panel.at(-1), room);
    node.append(tooltip(textAt(start(at), 14, fits), panel[0]));
  });
  rows.forEach((row, place) => {
    const y = head + place * each;
    const group = svg("g", { class: "row" });
    group.dataset.name = row.name;
    group.append(line("row-line", 0, y - 4, width, y - 4));
    group.append(tooltip(textAt(0, y + above + (wide ? height - 1 : -8), shortened(row.name, wide ? side : width * 0.6), "start", "strong"), row.name));
    row.panels.forEach((panel, at) => {
      if (!panel) return;
      panel.values.forEach((value, number) => oneBar(group, number, value, start(at), y + above + number * step, room, height));
      group.append(textAt(start(at) + (several ? 16 : 0), y + above + systems.length * step + 9, panel.note, "start", "small"));
    });
    node.append(group);
  });
  return node;
};

const panelOf = (parts, measure) => {
  const first = parts.find(Boolean);
  if (!first) return null;
  const alarms = measure === "false_alarms";
  const note = alarms ? counted(first.queries, "query", "queries") : counted(first.pairs, "copy", "copies");
  return { note: alarms || first.pairs ? note : "", values: parts.map((part) => part?.[measure] ?? null) };
};

const editRows = (measure, order) => {
  const maps = systems.map((system) => new Map(system.by_edit.map((edit) => [edit.name, edit])));
  // What fails most in the chosen system comes first: alone, or within where it never is alone.
  const failing = (name) => {
    const edit = maps[order === "name" ? 0 : Number(order)].get(name);
    return (edit?.alone ?? edit?.within)?.[measure] ?? 2;
  };
  const names = [...maps[0].keys()];
  if (order === "name") names.sort();
  else names.sort((a, b) => failing(a) - failing(b) || (a < b ? -1 : Number(a > b)));
  const rows = names.map((name) => ({
    name,
    panels: ["alone", "within"].map((way) => panelOf(maps.map((edits) => edits.get(name)?.[way]), measure)),
  }));
  if (systems.some((system) => system.several_edits)) {
    rows.push({ name: "any of them", panels: [null, panelOf(systems.map((system) => system.several_edits), measure)] });
  }
  return rows;
};

const startEdits = () => {
  const host = document.querySelector("[data-chart=edits]");
  if (!host) return;
  const [measure, order] = [byId("edit-measure"), byId("edit-order")];
  measure.append(...Object.entries(MEASURES).map(([value, text]) => option(value, text)));
  order.append(...systems.map((_, number) => option(String(number), several ? `what fails most with ${named(number)}` : "what fails most")));
  order.append(option("name", "by name"));
  const redraw = fitted(host, (width) => drawBars({
    title: `By edit: ${MEASURES[measure.value]}`,
    panels: [["this edit alone", "alone"], ["with other edits", "with others"]],
    rows: editRows(measure.value, order.value),
  }, width));
  for (const choice of [measure, order]) choice.addEventListener("input", redraw);
};

const startDivision = (chart, field, title) => {
  const host = document.querySelector(`[data-chart=${chart}]`);
  if (!host) return;
  const rows = systems[0][field].map(({ name }) => {
    const parts = systems.map((system) => system[field].find((part) => part.name === name));
    return { name, panels: ["recall_at_1", "found", "false_alarms"].map((measure) => panelOf(parts, measure)) };
  });
  const panels = [
    ["best candidate is the copy", "R@1"],
    [MEASURES.found, "found at P90"],
    ["false alarms at that score", "false alarms"],
  ];
  fitted(host, (width) => drawBars({ title, panels, rows }, width));
};

startEdits();
startDivision("strengths", "by_strength", "By strength");
startDivision("kinds", "by_kind", "By kind of query");
