// Scores of the two views of a picture upwards, of nearest negatives downwards.
const [scores] = data("scores");

const drawScores = (width) => {
  const { edges, positives, negatives, threshold } = scores;
  const height = 310;
  const [left, right, top, bottom] = [12, width - 12, 42, height - 42];
  const [low, high] = [edges[0], edges.at(-1)];
  const x = (value) => left + ((value - low) / (high - low)) * (right - left);
  const middle = (top + bottom) / 2;
  const most = { positives: Math.max(...positives, 1), negatives: Math.max(...negatives, 1) };
  const unit = { positives: (middle - top) / most.positives, negatives: (bottom - middle) / most.negatives };
  const node = sheet(width, height, "Scores of positives and of nearest negatives",
    `Positives upwards, nearest negatives downwards, from ${fixed(low)} to ${fixed(high)}; the model's threshold is ${fixed(threshold)}. The counts are in the table below.`);
  const { values, digits } = steps(low, high, width < 420 ? 5 : 8);
  for (const value of values) {
    node.append(line("grid-line", x(value), top, x(value), bottom), textAt(x(value), bottom + 17, fixed(value, digits), "middle"));
  }
  positives.forEach((count, at) => {
    const [from, to] = [x(edges[at]), x(edges[at + 1])];
    for (const [name, many, y] of [["positives", count, middle - count * unit.positives], ["negatives", negatives[at], middle]]) {
      if (!many) continue;
      const bar = svg("rect", { class: name, x: from + 0.25, y, width: Math.max(to - from - 0.5, 0.5), height: many * unit[name] });
      bar.dataset.count = many;
      const noun = name === "positives" ? counted(many, "positive", "positives") : counted(many, "nearest negative", "nearest negatives");
      node.append(tooltip(bar, `${fixed(edges[at])} to ${fixed(edges[at + 1])}: ${noun}`));
    }
  });
  node.append(line("axis", left, middle, right, middle));
  const mark = line("threshold", x(threshold), top - 4, x(threshold), bottom);
  const after = x(threshold) < width / 2;
  node.append(tooltip(mark, `threshold of the model: ${fixed(threshold)}`),
    textAt(x(threshold) + (after ? 5 : -5), top - 10, `threshold ${fixed(threshold)}`, after ? "start" : "end", "ink"));
  // Outside of the hills, which may reach anywhere.
  node.append(textAt(left, 12, `positives, up to ${grouped(most.positives)} of a score`, "start", "strong"),
    textAt(left, height - 5, `nearest negatives, up to ${grouped(most.negatives)} of a score`, "start", "strong"));
  return node;
};

if (scores) fitted(document.querySelector("[data-chart=histogram]"), drawScores);
