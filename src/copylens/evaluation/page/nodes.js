// What pages with charts share, and no data of their own: nodes, colours, numbers, axes.
const byId = (id) => document.getElementById(id);
const data = (name) => JSON.parse(byId(`data-${name}`).textContent);
const HUES = 6;
const DASHES = ["", "8 4", "2 3", "12 3 2 3", "5 2", "1 4"];
const NOTHING = "–";

// Names and paths are untrusted: they enter the page as text and attributes only.
const make = (tag, className = "", text = "") => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.textContent = text;
  return node;
};
const svg = (tag, attributes = {}, text = "") => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, typeof value === "number" ? Math.round(value * 100) / 100 : value);
  }
  if (text) node.textContent = text;
  return node;
};
const button = (className, onClick, text = "") => {
  const node = make("button", className, text);
  node.type = "button";
  node.addEventListener("click", onClick);
  return node;
};
const option = (value, text) => {
  const node = make("option", "", text);
  node.value = value;
  return node;
};

const hue = (number) => `s${number % HUES}`;
const dash = (number) => DASHES[(number + Math.floor(number / HUES)) % DASHES.length];
const grouped = (count) => count.toLocaleString("en");
const counted = (count, one, many) => `${grouped(count)} ${count === 1 ? one : many}`;
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const fixed = (value, digits = 3) => (value === null || value === undefined ? NOTHING : value.toFixed(digits).replace("-", "−"));

// A drawing that fits its place, and is drawn again when the place gets another width.
const fitted = (host, draw) => {
  let width = 0;
  const redraw = () => {
    width = Math.floor(host.clientWidth);
    if (width) host.replaceChildren(draw(width));
  };
  new ResizeObserver(() => {
    if (Math.floor(host.clientWidth) !== width) redraw();
  }).observe(host);
  redraw();
  return redraw;
};
let sheets = 0;
const sheet = (width, height, title, description) => {
  sheets += 1;
  const node = svg("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": `t${sheets} d${sheets}`,
  });
  node.append(svg("title", { id: `t${sheets}` }, title), svg("desc", { id: `d${sheets}` }, description));
  return node;
};
// What shows beside a pointer that rests.
const tooltip = (node, text) => {
  node.append(svg("title", {}, text));
  return node;
};

const line = (className, x1, y1, x2, y2) => svg("line", { class: className, x1, y1, x2, y2 });
const textAt = (x, y, text, anchor = "start", className = "") =>
  svg("text", { x, y, "text-anchor": anchor, ...(className ? { class: className } : {}) }, text);

// Round steps, about as many as asked.
const steps = (low, high, wanted) => {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough * 0.999);
  const values = [];
  for (let at = Math.ceil(low / step - 1e-9) + 0; at * step <= high + step * 1e-9; at += 1) values.push(at * step);
  return { values, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
};

// The shapes that mark a series, so that colour is never all that tells two apart.
const SHAPES = [
  (x, y, r) => svg("circle", { cx: x, cy: y, r }),
  (x, y, r) => svg("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r }),
  (x, y, r) => svg("path", { d: `M${x},${y - r - 1}L${x + r + 1},${y + r}L${x - r - 1},${y + r}Z` }),
  (x, y, r) => svg("path", { d: `M${x},${y - r - 1}L${x + r + 1},${y}L${x},${y + r + 1}L${x - r - 1},${y}Z` }),
  (x, y, r) => svg("path", { d: `M${x - r - 1},${y - r}L${x + r + 1},${y - r}L${x},${y + r + 1}Z` }),
  (x, y, r) => svg("rect", { x: x - r - 1, y: y - r / 2, width: 2 * r + 2, height: r }),
];
const shape = (number, className, x, y, r) => {
  const node = SHAPES[number % SHAPES.length](x, y, r);
  node.setAttribute("class", `${className} ${hue(number)}`);
  return node;
};
