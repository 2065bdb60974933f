"use strict";
(() => {
  const PAGE = 50;
  const LISTED = 500;
  const REMEMBERED_BLOCKS = 100;
  const byId = (id) => document.getElementById(id);
  const data = (name) => JSON.parse(byId(`data-${name}`).textContent);
  const block = Number(document.body.dataset.block);
  const against = Boolean(document.body.dataset.against);
  const groups = data("groups");

  // Names of files are untrusted: they enter the page as text and attributes only.
  const make = (tag, className = "", text = "") => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.textContent = text;
    return node;
  };
  const button = (className, onClick, text = "") => {
    const node = make("button", className, text);
    node.type = "button";
    node.addEventListener("click", onClick);
    return node;
  };
  const count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

  const cut = (path) => Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  const folderOf = (path) => path.slice(0, cut(path));
  const nameOf = (path) => path.slice(cut(path));
  const common = (a, b) => {
    let end = 0;
    while (end < a.length && a[end] === b[end]) end += 1;
    return folderOf(a.slice(0, end));
  };
  const images = (group) => [group.keeper, ...group.members];
  // The folder above everything is said once, not on each card.
  const commonFolder = () => {
    let base = folderOf(groups[0].keeper.path);
    for (const group of groups) for (const image of images(group)) base = common(base, image.path);
    return base;
  };

  // A block of thumbnails stays text until one of its groups is shown, and a few blocks are remembered.
  const blocks = new Map();
  const pictures = (number) => {
    const which = Math.floor(number / block);
    if (!blocks.has(which)) {
      if (blocks.size >= REMEMBERED_BLOCKS) blocks.delete(blocks.keys().next().value);
      blocks.set(which, data(`pictures-${which}`));
    }
    return blocks.get(which)[number % block];
  };
  const thumbnail = (group, place) => {
    const text = pictures(group.number)[place];
    return text ? `data:image/webp;base64,${text}` : "";
  };

  // A long list grows by a part at a time.
  const listInto = (parent, items, toNode) => {
    const list = make("ul");
    let shown = 0;
    const more = button("more-button", () => grow());
    const grow = () => {
      list.append(...items.slice(shown, shown + LISTED).map(toNode));
      shown = Math.min(shown + LISTED, items.length);
      more.hidden = shown === items.length;
      more.textContent = `Show more of the other ${(items.length - shown).toLocaleString("en")}`;
    };
    grow();
    parent.append(list, more);
  };
  const fillWhenOpened = (details, fill) => {
    details.addEventListener("toggle", () => fill(), { once: true });
    return details;
  };

  let base = "";
  const label = (group, place) => {
    const image = images(group)[place];
    const node = make("div", "tags");
    if (place === 0) {
      node.append(make("span", "tag keep", against ? "known" : "keep"));
    } else {
      const kind = image.box ? "also" : image.kind === "near" ? "near" : "exact";
      node.append(make("span", `tag ${kind}`, image.said), make("span", "score", image.score.toFixed(3)));
    }
    return node;
  };
  const reason = (group, place) => {
    if (place === 0) return group.because ? [make("div", "why", `kept because ${group.because}`)] : [];
    return images(group)[place].box ? [make("div", "why", "not a copy: keep both")] : [];
  };

  // The boxes of views over a picture, in fractions of it: they fit whatever its size on the page.
  const MOST_BOXES = 4;
  const percent = (share) => `${Number((share * 100).toFixed(2))}%`;
  const boxesOn = (group, place) => {
    const { members } = group;
    const found = place ? members.slice(place - 1, place).filter((image) => image.kind === "holds")
      : members.filter((image) => image.kind === "part");
    return found.map((image) => image.box);
  };
  const whereWords = ([left, top, right, bottom]) => {
    const span = (from, to) => `${Math.round(from * 100)} to ${Math.round(to * 100)} %`;
    return `between ${span(left, right)} of its width and ${span(top, bottom)} of its height`;
  };
  const framed = (img, image, boxes) => {
    const node = make("span", "frame");
    node.style.setProperty("--ratio", image.w / image.h);
    node.append(img);
    const fresh = [...new Map(boxes.map((box) => [box.join(), box])).values()].slice(0, MOST_BOXES);
    for (const [left, top, right, bottom] of fresh) {
      const box = make("span", "box");
      Object.assign(box.style, {
        left: percent(left), top: percent(top), width: percent(right - left), height: percent(bottom - top),
      });
      node.append(box);
    }
    return node;
  };
  const facts = (image) => [
    make("div", "facts", `${image.w} × ${image.h} · ${image.size}`),
    make("div", "facts", [image.format, image.day].filter(Boolean).join(" · ")),
  ];
  const link = (image, text) => {
    const node = make("a", "name", text);
    node.href = image.url;
    node.target = "_blank";
    node.rel = "noopener";
    node.title = image.path;
    return node;
  };

  const card = (group, place) => {
    const image = images(group)[place];
    const node = make("div", place === 0 ? "card keeper" : "card");
    const shot = button("shot", () => openViewer(group, Math.max(place, 1)));
    shot.setAttribute("aria-label", `Compare ${nameOf(image.path)}${image.box ? `, ${image.said}` : ""}`);
    const picture = thumbnail(group, place);
    if (picture) {
      const img = make("img");
      img.src = picture;
      img.alt = "";
      shot.append(framed(img, image, boxesOn(group, place)));
    } else {
      shot.append(make("span", "", "no picture"));
    }
    const folder = make("div", "folder", folderOf(image.path).slice(base.length));
    node.append(shot, label(group, place), link(image, nameOf(image.path)), folder, ...facts(image));
    node.append(...reason(group, place));
    return node;
  };

  const heading = (group) => {
    const { copies } = group;
    const related = group.members.length - copies;
    const words = [];
    if (copies) words.push(against ? count(copies, "new copy", "new copies") : count(copies, "copy", "copies"));
    if (related) words.push(count(related, "picture shares a part", "pictures share a part"));
    const kinds = { exact: "exact", near: "with edits", parts: "no copies" };
    const node = make("h2");
    node.append(
      make("span", "", words.join(", ")),
      make("small", "", `${kinds[group.kind]} · frees ${copies ? group.freed : "nothing"}`),
    );
    return node;
  };

  const section = (group) => {
    const node = make("section", "group");
    node.tabIndex = -1;
    node.dataset.number = group.number;
    const pictured = pictures(group.number).length;
    node.style.setProperty("--cards", Math.min(pictured, 6));
    const row = make("div", "row");
    for (let place = 0; place < pictured; place += 1) row.append(card(group, place));
    const title = heading(group);
    node.setAttribute("aria-label", `${title.firstChild.textContent} of ${nameOf(group.keeper.path)}`);
    node.append(title, row);
    const rest = group.members.slice(pictured - 1);
    if (rest.length) {
      const more = make("details", "more");
      more.append(make("summary", "", `and ${rest.length.toLocaleString("en")} more`));
      node.append(fillWhenOpened(more, () => listInto(more, rest, (image) => {
        const item = make("li", "", `${image.score.toFixed(3)} `);
        item.append(link(image, image.path));
        if (image.box) item.append(make("span", "", ` (${image.said})`));
        return item;
      })));
    }
    return node;
  };

  let shown = [];
  let page = 0;
  const each = (selector, act) => document.querySelectorAll(selector).forEach(act);
  const lastPage = () => Math.max(Math.ceil(shown.length / PAGE), 1) - 1;
  const render = () => {
    byId("groups").replaceChildren(...shown.slice(page * PAGE, (page + 1) * PAGE).map(section));
    if (!shown.length) byId("groups").append(make("p", "none", "No group fits the filter."));
    const pages = (lastPage() + 1).toLocaleString("en");
    byId("place").textContent = `${count(shown.length, "group", "groups")} · page ${(page + 1).toLocaleString("en")} of ${pages}`;
    each(".previous", (node) => { node.disabled = page === 0; });
    each(".next", (node) => { node.disabled = page === lastPage(); });
  };
  const turn = (step) => {
    const target = Math.min(Math.max(page + step, 0), lastPage());
    if (target === page) return;
    page = target;
    render();
    const top = byId("bar").offsetTop;
    if (window.scrollY > top) window.scrollTo(0, top);
  };

  const ORDER = {
    free: (a, b) => b.free - a.free,
    "score-down": (a, b) => b.best - a.best,
    "score-up": (a, b) => a.least - b.least,
    size: (a, b) => b.copies - a.copies,
    path: (a, b) => (a.keeper.path < b.keeper.path ? -1 : Number(a.keeper.path > b.keeper.path)),
  };
  const apply = () => {
    const text = byId("text").value.toLowerCase();
    const kind = byId("kind").value;
    const score = Number(byId("score").value);
    byId("score-shown").textContent = score.toFixed(2);
    const fits = (group) => (kind === "parts" ? group.copies < group.members.length : group.kind === kind);
    shown = groups.filter((group) => (!kind || fits(group))
      && group.best >= score
      && (!text || images(group).some((image) => image.path.toLowerCase().includes(text))));
    shown.sort(ORDER[byId("sort").value]);
    page = 0;
    render();
  };

  const viewer = byId("viewer");
  let viewed = null;
  const figure = (group, place, beside) => {
    const image = images(group)[place];
    const seen = group.members[(place || beside) - 1];
    const holder = seen.box && (place ? seen.kind === "holds" : seen.kind === "part");
    const node = make("figure");
    const stage = make("div", "stage");
    const img = make("img");
    img.alt = nameOf(image.path) + (holder ? `; ${whereWords(seen.box)} it holds the other picture` : "");
    // The original where the browser can show it; else the thumbnail that lies in this file.
    img.addEventListener("error", () => {
      const small = thumbnail(group, place);
      if (small) img.src = small;
      else stage.replaceWith(make("div", "absent", "no picture"));
    }, { once: true });
    img.src = image.url;
    stage.append(framed(img, image, holder ? [seen.box] : []));
    const caption = make("figcaption");
    if (holder) caption.append(make("div", "part", seen.boxed));
    caption.append(label(group, place), link(image, image.path), ...facts(image), ...reason(group, place));
    node.append(stage, caption);
    return node;
  };
  const openViewer = (group, place) => {
    viewed = { group, place };
    const last = group.members.length;
    byId("viewer-title").textContent = `${group.copies === last ? "copy" : "picture"} ${place} of ${last}`;
    byId("viewer-previous").disabled = place === 1;
    byId("viewer-next").disabled = place === last;
    byId("pair").replaceChildren(figure(group, 0, place), figure(group, place, place));
    if (!viewer.open) viewer.showModal();
  };
  const step = (by) => {
    const place = viewed.place + by;
    if (place >= 1 && place <= viewed.group.members.length) openViewer(viewed.group, place);
  };

  const walk = (by) => {
    const all = [...document.querySelectorAll(".group")];
    const at = all.indexOf(document.activeElement?.closest(".group"));
    const target = all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)];
    target?.focus({ preventScroll: true });
    target?.scrollIntoView({ block: "nearest" });
  };
  const KEYS = {
    j: () => walk(1),
    k: () => walk(-1),
    n: () => turn(1),
    p: () => turn(-1),
    "/": () => byId("text").focus(),
    "?": () => byId("help").showModal(),
  };
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const focus = document.activeElement;
    if (viewer.open) {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by) step(by);
    } else if (focus.matches("input, select")) {
      if (event.key === "Escape") focus.blur();
    } else if (event.key === "Enter" && focus.matches(".group")) {
      event.preventDefault();
      openViewer(groups[Number(focus.dataset.number)], 1);
    } else if (Object.hasOwn(KEYS, event.key)) {
      event.preventDefault();
      KEYS[event.key]();
    }
  };

  const listSkipped = () => {
    const all = byId("skipped-list");
    if (!all) return;
    fillWhenOpened(all, () => {
      for (const { meaning, files } of data("skipped")) {
        all.append(make("h3", "", `${files.length.toLocaleString("en")} × ${meaning}`));
        listInto(all, files, (file) => {
          const item = make("li", "", file.path);
          if (file.reason !== meaning) item.append(make("span", "", ` (${file.reason})`));
          return item;
        });
      }
    });
  };

  const start = () => {
    groups.forEach((group, number) => {
      const scores = group.members.map((member) => member.score);
      group.number = number;
      group.best = scores.reduce((a, b) => Math.max(a, b));
      group.least = scores.reduce((a, b) => Math.min(a, b));
    });
    base = commonFolder();
    byId("base").textContent = base.length > 1 ? `in ${base}` : "";
    const low = Math.floor(groups.reduce((least, group) => Math.min(least, group.best), 1) * 100) / 100;
    byId("score").min = low;
    byId("score").value = low;
    for (const id of ["text", "kind", "score", "sort"]) byId(id).addEventListener("input", apply);
    byId("bar").addEventListener("submit", (event) => event.preventDefault());
    each(".previous", (node) => node.addEventListener("click", () => turn(-1)));
    each(".next", (node) => node.addEventListener("click", () => turn(1)));
    byId("viewer-previous").addEventListener("click", () => step(-1));
    byId("viewer-next").addEventListener("click", () => step(1));
    byId("viewer-close").addEventListener("click", () => viewer.close());
    byId("help-open").addEventListener("click", () => byId("help").showModal());
    byId("help-close").addEventListener("click", () => byId("help").close());
    // A click beside a dialog's content lands on the dialog itself.
    each("dialog", (node) => node.addEventListener("click", (event) => { if (event.target === node) node.close(); }));
    document.addEventListener("keydown", onKey);
    apply();
  };

  listSkipped();
  if (groups.length) start();
})();
