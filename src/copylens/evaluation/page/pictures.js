// The worst examples as pictures: three side by side, a part of the list at a time, large on a click.
const PART = 12;
const places = data("places");
const thumbnails = data("thumbnails");
const viewer = byId("viewer");
let viewed = { examples: [], at: 0 };

const thumbnail = (place) => (thumbnails[place] ? `data:image/webp;base64,${thumbnails[place]}` : "");
const score = (value) => make("span", "score", `score ${fixed(value)}`);

// What is shown of an example: roles with a place in the gallery, or words where there is no picture.
const SHOWN = {
  misses: (miss) => [
    { role: "query", place: miss.query },
    {
      role: "should have been found",
      place: miss.reference,
      score: miss.score,
      rank: miss.rank === null ? "not a candidate" : `rank ${miss.rank}`,
    },
    { role: "found instead", place: miss.found, score: miss.found_score, absent: "nothing wrong before it" },
  ],
  false_matches: (match) => [
    { role: "query", place: match.query },
    { role: "was matched with", place: match.reference, score: match.score },
    { role: "expected", place: match.expected, score: match.expected_score, absent: "nothing: it has no reference" },
  ],
};

const caption = ({ place, score: value, rank }, whole) => {
  const node = make("figcaption");
  if (value !== undefined && value !== null) node.append(score(value));
  if (rank) node.append(make("span", "rank", ` · ${rank}`));
  const link = make("a", "name", whole ? places[place].path : places[place].key);
  link.href = places[place].url;
  link.target = "_blank";
  link.rel = "noopener";
  link.title = places[place].path;
  node.append(link);
  return node;
};

const small = (part, open) => {
  const node = make("figure");
  node.append(make("div", "role", part.role));
  if (part.place === null) {
    const box = make("div", "shot");
    box.append(make("span", "", part.absent));
    node.append(box);
    return node;
  }
  const shot = button("shot", open);
  shot.setAttribute("aria-label", `${part.role}: ${places[part.place].key}, show large`);
  const source = thumbnail(part.place);
  if (source) {
    const img = make("img");
    img.src = source;
    img.alt = "";
    shot.append(img);
  } else {
    shot.append(make("span", "missing", "picture not found"));
  }
  node.append(shot, caption(part, false));
  return node;
};

const large = (part) => {
  const node = make("figure");
  node.append(make("div", "role", part.role));
  if (part.place === null) {
    node.append(make("div", "absent", part.absent));
    return node;
  }
  const missing = () => make("div", "absent", "picture not found");
  const source = thumbnail(part.place);
  if (!source) {
    node.append(missing(), caption(part, true));
    return node;
  }
  const img = make("img");
  img.alt = places[part.place].key;
  // The original where the browser can show it; else the thumbnail that lies in this file.
  img.addEventListener("error", () => { img.src = source; }, { once: true });
  img.src = places[part.place].url;
  node.append(img, caption(part, true));
  return node;
};

const made = (example) => (example.edits.length ? example.edits.join(" + ") : "");
const openViewer = (examples, at, shown) => {
  viewed = { examples, at, shown };
  const words = [`${at + 1} of ${examples.length}`, made(examples[at]), examples[at].strength].filter(Boolean);
  byId("viewer-title").textContent = words.join(" · ");
  byId("viewer-previous").disabled = at === 0;
  byId("viewer-next").disabled = at === examples.length - 1;
  byId("viewer-pictures").replaceChildren(...shown(examples[at]).map(large));
  if (!viewer.open) viewer.showModal();
};
const step = (by) => {
  const at = viewed.at + by;
  if (at >= 0 && at < viewed.examples.length) openViewer(viewed.examples, at, viewed.shown);
};

// Scores of examples are rounded to 6 decimals, thresholds are not.
const reached = (example, limit) => limit !== null && example.score >= Math.round(limit * 1e6) / 1e6;

const exampleCard = (examples, at, field, limit) => {
  const example = examples[at];
  const node = make("article", "example");
  const head = make("h3");
  head.append(make("span", "", `${at + 1}.`));
  for (const edit of example.edits) head.append(make("span", "chip", edit));
  if (!example.edits.length && example.kind === "none") head.append(make("span", "chip how", "no reference"));
  if (example.strength) head.append(make("span", "chip how", example.strength));
  if (field === "false_matches" && reached(example, limit)) head.append(make("span", "chip passes", "reaches the score at P90"));
  const row = make("div", "triple");
  row.append(...SHOWN[field](example).map((part) => small(part, () => openViewer(examples, at, SHOWN[field]))));
  node.append(head, row);
  return node;
};

const NONE = {
  misses: "No misses: every true pair stands before all wrong candidates of its query.",
  false_matches: "No false matches: no wrong pair is among the candidates.",
};

const startExamples = (id, field) => {
  const section = byId(id);
  const [system, edit] = [section.querySelector(".choose-system"), section.querySelector(".choose-edit")];
  const [host, more, count] = [section.querySelector(".examples"), section.querySelector(".more"), section.querySelector(".count")];
  let [examples, shown] = [[], 0];
  const limit = () => systems[Number(system.value)].plain.thresholds[0].threshold;
  const grow = () => {
    const first = shown;
    shown = Math.min(shown + PART, examples.length);
    for (let at = first; at < shown; at += 1) host.append(exampleCard(examples, at, field, limit()));
    more.hidden = shown === examples.length;
    more.textContent = `Show more of the other ${grouped(examples.length - shown)}`;
    return host.children[first];
  };
  const apply = () => {
    const all = systems[Number(system.value)][field];
    examples = all.filter((example) => !edit.value || example.edits.includes(edit.value));
    shown = 0;
    host.replaceChildren();
    count.textContent = examples.length === all.length ? counted(all.length, "example", "examples") : `${grouped(examples.length)} of ${counted(all.length, "example", "examples")}`;
    if (all.length) grow();
    else host.append(make("p", "none happy", NONE[field]));
    more.hidden = shown === examples.length;
  };
  const choose = () => {
    const names = [...new Set(systems[Number(system.value)][field].flatMap((example) => example.edits))].sort();
    edit.replaceChildren(option("", "any edit"), ...names.map((name) => option(name, name)));
    edit.closest("label").hidden = !names.length;
    apply();
  };
  system.append(...systems.map((_, number) => option(String(number), named(number))));
  system.closest("label").hidden = !several;
  system.addEventListener("input", choose);
  edit.addEventListener("input", apply);
  // What was asked for comes into focus, so that the keyboard goes on there.
  more.addEventListener("click", () => grow()?.querySelector("button")?.focus({ preventScroll: true }));
  choose();
};

startExamples("misses", "misses");
startExamples("false-matches", "false_matches");
byId("viewer-previous").addEventListener("click", () => step(-1));
byId("viewer-next").addEventListener("click", () => step(1));
byId("viewer-close").addEventListener("click", () => viewer.close());
// A click beside a dialog's content lands on the dialog itself.
viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
document.addEventListener("keydown", (event) => {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (viewer.open && by) step(by);
});
