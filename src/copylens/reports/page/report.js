"use strict";
(() => {
  const PAGE = 50;
  const KIND = { bytes: "same bytes", pixels: "same pixels", near: "edited" };
  const byId = (id) => document.getElementById(id);
  const data = (id) => JSON.parse(byId(id).textContent);
  const block = Number(document.body.dataset.block);
  const against = Boolean(document.body.dataset.against);
  const groups = data("groups");
  let shown = [];
  let page = 0;

  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };

  const bytes = (count) => {
    const units = ["bytes", "kB", "MB", "GB", "TB"];
    let unit = 0;
    while (count >= 1000 && unit < units.length - 1) { count /= 1000; unit += 1; }
    return `${unit && count < 100 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
  };
  const facts = (image) => `${image.w} × ${image.h} · ${bytes(image.bytes)} · ${image.format} · ${image.day}`;
  const split = (path) => {
    const cut = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
    return [path.slice(cut + 1), path.slice(0, Math.max(cut, 0))];
  };
  const lowest = (group) => group.members.reduce((low, m) => Math.min(low, m.score), 1);
  const highest = (group) => group.members.reduce((high, m) => Math.max(high, m.score), -1);

  // A block of thumbnails stays text until one of its groups is shown, and a few blocks are remembered.
  const blocks = new Map();
  const pictures = (number) => {
    const which = Math.floor(number / block);
    if (!blocks.has(which)) {
      if (blocks.size > 100) blocks.delete(blocks.keys().next().value);
      blocks.set(which, data(`pictures-${which}`));
    }
    return blocks.get(which)[number % block];
  };
  const source = (text) => (text ? `data:image/webp;base64,${text}` : "");

  const card = (group, place) => {
    const image = place === 0 ? group.keeper : group.members[place - 1];
    const node = make("div", place === 0 ? "card keeper" : "card");
    const shot = make("button", "shot");
    shot.type = "button";
    shot.setAttribute("aria-label", `Look at ${image.path}`);
    const picture = source(pictures(group.number)[place]);
    if (picture) {
      const img = make("img");
      img.src = picture;
      img.alt = "";
      shot.append(img);
    } else {
      shot.append(make("span", "", "no picture"));
    }
    shot.addEventListener("click", () => openViewer(group, Math.max(place, 1)));
    const tag = make("div", `tag ${place === 0 ? "keep" : image.kind === "near" ? "near" : "exact"}`);
    if (place === 0) {
      tag.append(make("span", "", against ? "KNOWN" : "KEEP"));
    } else {
      tag.append(make("span", "", KIND[image.kind]), make("span", "", image.score.toFixed(3)));
    }
    const [name, folder] = split(image.path);
    const link = make("a", "name", name);
    link.href = image.url;
    link.target = "_blank";
    node.append(shot, tag, link, make("div", "folder", folder), make("div", "facts", facts(image)));
    return node;
  };

  const section = (group) => {
    const node = make("section", "group");
    node.tabIndex = -1;
    node.dataset.number = group.number;
    const count = group.members.length;
    const title = make("h2");
    title.append(
      make("span", "", against ? `${count} new ${count === 1 ? "image" : "images"}` : `${count} ${count === 1 ? "copy" : "copies"}`),
      make("small", "", `${group.kind === "exact" ? "exact" : "with edits"} · ${bytes(group.free)} could be freed`),
    );
    const row = make("div", "row");
    const pictured = pictures(group.number).length;
    for (let place = 0; place < pictured; place += 1) row.append(card(group, place));
    node.append(title, row);
    const rest = group.members.slice(pictured - 1);
    if (rest.length) {
      const more = make("details", "more");
      more.append(make("summary", "", `and ${rest.length} more`));
      const list = make("ul");
      for (const image of rest) list.append(make("li", "", `${image.score.toFixed(3)} ${image.path}`));
      more.append(list);
      node.append(more);
    }
    return node;
  };

  const render = () => {
    const pages = Math.max(1, Math.ceil(shown.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    byId("groups").replaceChildren(...shown.slice(page * PAGE, (page + 1) * PAGE).map(section));
    if (!shown.length) byId("groups").append(make("p", "", "No group fits the filter."));
    byId("place").textContent = `${shown.length.toLocaleString()} groups · page ${page + 1} of ${pages}`;
    for (const id of ["previous", "previous-end"]) byId(id).disabled = page === 0;
    for (const id of ["next", "next-end"]) byId(id).disabled = page === pages - 1;
  };

  const ORDER = {
    free: (a, b) => b.free - a.free,
    "score-down": (a, b) => highest(b) - highest(a),
    "score-up": (a, b) => lowest(a) - lowest(b),
    size: (a, b) => b.members.length - a.members.length,
    path: (a, b) => (a.keeper.path < b.keeper.path ? -1 : 1),
  };

  const apply = () => {
    const text = byId("text").value.toLowerCase();
    const kind = byId("kind").value;
    const score = Number(byId("score").value);
    const has = (image) => image.path.toLowerCase().includes(text);
    byId("score-shown").textContent = score.toFixed(2);
    shown = groups.filter((group) =>
      (!kind || group.kind === kind)
      && highest(group) >= score
      && (!text || has(group.keeper) || group.members.some(has)));
    shown.sort((a, b) => ORDER[byId("sort").value](a, b) || a.number - b.number);
    page = 0;
    render();
  };

  const turn = (step) => { page += step; render(); window.scrollTo(0, 0); };

  const walk = (step) => {
    const all = [...document.querySelectorAll(".group")];
    const at = all.indexOf(document.activeElement?.closest(".group"));
    const target = all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
    target?.focus();
    target?.scrollIntoView({ block: "nearest" });
  };

  const viewer = byId("viewer");
  let viewed = null;
  const figure = (group, place) => {
    const image = place === 0 ? group.keeper : group.members[place - 1];
    const node = make("figure");
    const img = make("img");
    img.alt = image.path;
    // The original where the browser can show it; else the thumbnail that lies in this file.
    img.addEventListener("error", () => { img.src = source(pictures(group.number)[place]); }, { once: true });
    img.src = image.url;
    const caption = make("figcaption");
    caption.append(make("strong", "", image.path), make("div", "facts", facts(image)));
    node.append(img, caption);
    return node;
  };
  const openViewer = (group, place) => {
    viewed = { group, place };
    const image = group.members[place - 1];
    const bar = make("div", "viewer-bar");
    const close = make("button", "close", "Close");
    close.type = "button";
    close.addEventListener("click", () => viewer.close());
    bar.append(make("span", "", `${KIND[image.kind]}, score ${image.score.toFixed(4)} · copy ${place} of ${group.members.length}`), close);
    const pair = make("div", "pair");
    pair.append(figure(group, 0), figure(group, place));
    viewer.replaceChildren(bar, pair);
    if (!viewer.open) viewer.showModal();
  };
  const step = (by) => {
    const last = viewed.group.members.length;
    openViewer(viewed.group, Math.min(Math.max(viewed.place + by, 1), last));
  };

  const listSkipped = () => {
    const list = byId("skipped-list");
    if (!list) return;
    list.addEventListener("toggle", () => {
      if (list.dataset.filled) return;
      list.dataset.filled = "yes";
      for (const { meaning, files } of data("skipped")) {
        const items = make("ul");
        for (const file of files) {
          const item = make("li", "", file.path);
          item.append(make("span", "", ` (${file.reason})`));
          items.append(item);
        }
        list.append(make("h3", "", `${files.length} × ${meaning}`), items);
      }
    });
  };

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (viewer.open) {
      if (event.key === "ArrowRight") step(1);
      if (event.key === "ArrowLeft") step(-1);
      return;
    }
    if (/^(INPUT|SELECT)$/.test(event.target.tagName)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const keys = {
      j: () => walk(1),
      k: () => walk(-1),
      n: () => { if (!byId("next").disabled) turn(1); },
      p: () => { if (!byId("previous").disabled) turn(-1); },
      "/": () => byId("text").focus(),
      "?": () => byId("help").showModal(),
      Enter: () => {
        const group = document.activeElement?.matches(".group") && groups[Number(document.activeElement.dataset.number)];
        if (group) openViewer(group, 1);
      },
    };
    if (keys[event.key]) {
      const wasButton = event.key === "Enter" && !document.activeElement?.matches(".group");
      if (!wasButton) { event.preventDefault(); keys[event.key](); }
    }
  };

  for (const node of document.querySelectorAll("[data-bytes]")) node.textContent = bytes(Number(node.dataset.bytes));
  listSkipped();
  groups.forEach((group, number) => { group.number = number; });
  if (!groups.length) return;
  const low = Math.floor(groups.reduce((least, group) => Math.min(least, highest(group)), 1) * 100) / 100;
  byId("score").min = low;
  byId("score").value = low;
  for (const id of ["text", "kind", "score", "sort"]) byId(id).addEventListener("input", apply);
  byId("bar").addEventListener("submit", (event) => event.preventDefault());
  for (const [id, by] of [["previous", -1], ["next", 1], ["previous-end", -1], ["next-end", 1]]) {
    byId(id).addEventListener("click", () => turn(by));
  }
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("help-close").addEventListener("click", () => byId("help").close());
  document.addEventListener("keydown", onKey);
  apply();
})();
