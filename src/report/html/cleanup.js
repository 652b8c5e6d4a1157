"use strict";
// Everything that others wrote gets into the page as text, by `element` and `words`; nothing is ever parsed as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const DAY = 86400;
/** Images that are laid out at once; a button adds as many again. */
const AT_ONCE = 2500;
/** Tags that a line has room for. */
const TAGS_IN_A_LINE = 6;
const FATES = [["all", "All"], ["goes", "Goes"], ["loses", "Loses tags"], ["stays", "Stays"]];
const DEFAULTS = { package: "0", q: "", show: "all", row: "all", sort: "newest" };

let state = { ...DEFAULTS };
let shown = AT_ONCE;
/** The package that is looked at, and of each of its images the text that is searched. */
let current = data.packages[0];
let haystacks = [];

function element(name, attributes, ...contents) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...contents.flat().filter((content) => content !== null && content !== undefined));
  return made;
}

function drawn(name, attributes, ...contents) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...contents);
  return made;
}

/** Our sentences have code between backticks. */
function words(text) {
  return text.split("`").map((part, at) => (at % 2 ? element("code", {}, part) : part)).filter((part) => part !== "");
}

function link(text, address) {
  if (!address || !address.startsWith("https://")) return text;
  return element("a", { href: address, rel: "noreferrer" }, text);
}

const count = (many, noun) => `${many.toLocaleString("en")} ${noun}${many === 1 ? "" : "s"}`;
const below = (path) => (current.settings ? current.settings.replace(/settings$/, path) : null);

// ---- what the page looks at: in the address, so that a link leads to the same view

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  state = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS)) if (given.has(key)) state[key] = given.get(key);
  if (!data.packages[state.package]) state.package = DEFAULTS.package;
  if (!FATES.some(([fate]) => fate === state.show)) state.show = DEFAULTS.show;
  if (![...byId("sort").options].some((option) => option.value === state.sort)) state.sort = DEFAULTS.sort;
}

function change(changes) {
  Object.assign(state, changes);
  const changed = Object.entries(state).filter(([key, value]) => value !== DEFAULTS[key]);
  history.replaceState(null, "", `#${new URLSearchParams(changed)}`);
  shown = AT_ONCE;
  if ("package" in changes) showPackage();
  else showImages();
}

// ---- the package

function showPackage() {
  current = data.packages[Number(state.package)];
  const images = current.images || [];
  haystacks = images.map((image) =>
    [image.id, image.digest, image.why, image.becomes, image.outcome, ...image.tags.map((tag) => tag.name),
      ...image.parts.flatMap((part) => [part.id, part.digest, part.role, ...part.tags])].join(" ").toLowerCase());
  byId("title").textContent = data.title;
  byId("name").textContent = current.image;
  byId("links").replaceChildren(
    ...[["Package", current.page], ["All versions", below("versions")], ["Settings", current.settings]]
      .filter(([, address]) => address && address.startsWith("https://")).map(([text, address]) => link(text, address)));
  byId("lead").textContent = current.lead || "";
  byId("figures").replaceChildren(...(current.figures || []).map((figure) =>
    element("li", { class: figure.kind }, element("b", {}, figure.value), element("span", {}, figure.unit))));
  const alert = (kind, name, lines) => lines.length === 0 ? null : element("div", { class: `alert ${kind}` },
    lines.length === 1 ? [element("b", {}, `${name}: `), ...words(lines[0])]
      : [element("b", {}, `${name}s`), element("ul", {}, lines.map((line) => element("li", {}, words(line))))]);
  byId("alerts").replaceChildren(...[alert("failure", "Failure", current.failures), alert("warning", "Warning", current.warnings),
    alert("note", "Note", [...data.notes, ...current.notices])].filter((made) => made));
  for (const id of ["timeline", "inventory", "reasons"]) byId(id).hidden = !current.images;
  byId("row").replaceChildren(...[["all", "All rows"], ...lanes().map((lane) => [lane.key, lane.name])]
    .map(([value, text]) => element("option", { value }, text)));
  byId("show").replaceChildren(byId("show").firstElementChild, ...FATES.map(([fate, text]) => {
    const many = images.filter((image) => fate === "all" || image.fate === fate).length;
    return element("label", {}, element("input", { type: "radio", name: "show", value: fate }), text,
      element("small", {}, many.toLocaleString("en")));
  }));
  byId("why").replaceChildren(...(current.reasons || []).map((reason) => {
    const what = reason.decision === "keep" ? "stays" : "goes";
    return element("tr", {}, element("td", { class: "number" }, reason.versions.toLocaleString("en")),
      element("td", {}, element("span", { class: `becomes ${what}` }, what)), element("td", {}, words(reason.why)));
  }));
  byId("beside").replaceChildren(...(current.beside || []).map((point) => element("li", {}, words(point))));
  byId("about").textContent = [current["as-of"] ? `As of ${current["as-of"]}` : null,
    current.repository ? `source repository ${current.repository}` : null, "made by ghcr-lifecycle"].filter((part) => part).join(" · ");
  showLanes();
  showImages();
}

// ---- the timeline

/** The rows of the policy, and two more for what no row explains and what has no tag. */
function lanes() {
  const rows = (current.rows || []).map((row) => ({
    key: String(row.row), name: `${row.row} ${row.on}`, keep: `keep ${row.keep}`, limit: row["keep-seconds"],
    tags: (image) => image.tags.filter((tag) => tag.rows.includes(row.row)),
  }));
  const untagged = current["untagged-seconds"];
  return [...rows,
    { key: "none", name: "No row", keep: "stays", tags: (image) => image.tags.filter((tag) => !tag.rows.length && tag.fate !== "none") },
    { key: "untagged", name: "Untagged", keep: untagged ? "by untagged" : "stays", limit: untagged,
      tags: (image) => (image.tags.some((tag) => tag.fate !== "none") ? [] : [{ fate: image.fate, since: image.since }]) },
  ].filter((lane) => rows.some((row) => row.key === lane.key) || (current.images || []).some((image) => lane.tags(image).length));
}

const TICKS = [[1, "1 day"], [7, "1 week"], [30, "1 month"], [90, "3 months"], [365, "1 year"], [730, "2 years"], [1825, "5 years"]];

function showLanes() {
  const images = current.images;
  if (!images) return;
  const now = Date.parse(current["taken-at"]) / 1000;
  const all = lanes().map((lane) => {
    const marks = images.flatMap((image, at) => {
      const tags = lane.tags(image);
      if (!tags.length) return [];
      const lost = tags.some((tag) => tag.fate === "goes");
      return [{ at, age: Math.max(0, now - Math.max(...tags.map((tag) => tag.since))),
        fate: image.fate === "goes" ? "goes" : lost ? "loses" : "stays" }];
    });
    return { ...lane, marks };
  });
  const oldest = Math.max(DAY, ...all.flatMap((lane) => lane.marks.map((mark) => mark.age)));
  const measure = byId("lanes");
  measure.replaceChildren(element("div", { class: "lane" }, element("span", {}), element("div", { class: "plot" })));
  const style = getComputedStyle(measure.querySelector(".plot"));
  const width = measure.querySelector(".plot").clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  // The last days matter more than the last years.
  const place = (age) => 5 + (width - 10) * (1 - Math.log1p(age / DAY) / Math.log1p((1.05 * oldest) / DAY));
  const ticks = TICKS.filter(([days]) => days * DAY <= 1.05 * oldest).map(([days, name]) => [place(days * DAY), name]);
  const axis = drawn("svg", { viewBox: `0 0 ${width} 26`, "aria-hidden": "true" }, drawn("text", { x: width, y: 17, "text-anchor": "end" }, "now"));
  let free = width - 40;
  for (const [x, name] of ticks) {
    if (x > free - 8 || x < 24) continue;
    axis.append(drawn("text", { x, y: 17, "text-anchor": "middle" }, name));
    free = x - 52;
  }
  const total = (lane, fate) => lane.marks.filter((mark) => mark.fate === fate).length;
  measure.replaceChildren(
    element("div", { class: "lane" }, element("span", {}, "Row"), element("div", { class: "plot" }, axis)),
    ...all.map((lane) => {
      const numbers = [["stays", "stay"], ["goes", "go"], ["loses", "lose tags"]]
        .map(([fate, verb]) => [total(lane, fate), verb]).filter(([many]) => many).map(([many, verb]) => `${many.toLocaleString("en")} ${verb}`);
      const told = numbers.join(", ") || "none";
      const button = element("button", { type: "button", "data-row": lane.key, "aria-pressed": "false" },
        element("code", {}, lane.name), " ", element("small", {}, `${lane.keep} · ${told}`));
      return element("div", { class: "lane" }, button, element("div", { class: "plot" }, picture(lane, place, ticks, width, told)));
    }));
  press();
}

function picture(lane, place, ticks, width, told) {
  const STEP = 9;
  const columns = new Map();
  for (const mark of lane.marks) {
    const column = Math.round(place(mark.age) / STEP);
    if (!columns.has(column)) columns.set(column, []);
    columns.get(column).push(mark);
  }
  const tallest = Math.max(1, ...[...columns.values()].map((marks) => marks.length));
  const height = Math.min(64, Math.max(44, tallest * STEP + 14));
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${lane.name}: ${told}` });
  for (const [x] of ticks) svg.append(drawn("line", { x1: x, x2: x, y1: -99, y2: height }));
  if (lane.limit) {
    const x = place(lane.limit);
    if (x > 0) svg.append(drawn("line", { class: "limit", x1: x, x2: x, y1: -99, y2: height }));
  }
  for (const [column, marks] of columns) {
    marks.sort((a, b) => a.fate.localeCompare(b.fate) || a.age - b.age);
    const step = Math.min(STEP, (height - 14) / Math.max(1, marks.length - 1));
    marks.forEach((mark, at) => {
      const [x, y] = [Math.min(width - 5, Math.max(5, column * STEP)), height - 7 - at * step];
      const shape = mark.fate === "loses" ? drawn("rect", { x: x - 3, y: y - 3, width: 6, height: 6 })
        : drawn("circle", { cx: x, cy: y, r: mark.fate === "goes" ? 3 : 3.75 });
      shape.setAttribute("class", mark.fate);
      shape.setAttribute("data-at", mark.at);
      svg.append(shape);
    });
  }
  return svg;
}

/** Shows which row is looked at alone. */
function press() {
  for (const button of document.querySelectorAll("[data-row]")) button.setAttribute("aria-pressed", String(button.dataset.row === state.row));
}

function tip(event) {
  const at = event.target.dataset && event.target.dataset.at;
  byId("tip").hidden = at === undefined;
  if (at === undefined) return;
  const image = current.images[at];
  const names = image.tags.slice(0, TAGS_IN_A_LINE).map((tag) => tag.name).join(", ") || image.digest.slice(0, 19);
  byId("tip").replaceChildren(element("b", {}, names), element("br"), `${image.becomes} · ${image.age} old${image.size ? ` · ${image.size}` : ""}`);
  const { clientWidth } = document.documentElement;
  const left = Math.min(event.pageX + 12, clientWidth - byId("tip").offsetWidth - 12);
  byId("tip").style.left = `${Math.max(8, left)}px`;
  byId("tip").style.top = `${event.pageY + 16}px`;
}

// ---- the images

function chosen() {
  const lane = lanes().find((one) => one.key === state.row);
  const wanted = state.q.toLowerCase().split(/\s+/).filter((word) => word);
  const orders = {
    newest: (a, b) => b.since - a.since || b.id - a.id,
    oldest: (a, b) => a.since - b.since || a.id - b.id,
    largest: (a, b) => (b.bytes || 0) - (a.bytes || 0) || b.id - a.id,
  };
  return (current.images || [])
    .filter((image, at) => (state.show === "all" || image.fate === state.show)
      && (!lane || lane.tags(image).length) && wanted.every((word) => haystacks[at].includes(word)))
    .sort(orders[state.sort]);
}

function showImages() {
  byId("q").value = state.q;
  byId("row").value = state.row;
  byId("sort").value = state.sort;
  for (const input of document.querySelectorAll("#show input")) input.checked = input.value === state.show;
  press();
  const all = current.images || [];
  const fitting = chosen();
  const largest = Math.max(1, ...all.map((image) => image.bytes || 0));
  const list = document.createDocumentFragment();
  for (const image of fitting.slice(0, shown)) list.append(line(image, largest));
  byId("images").replaceChildren(list);
  const left = current["images-left-out"] ? ` (${count(current["images-left-out"], "more image")} in the plan file)` : "";
  byId("count").textContent = fitting.length === all.length ? count(all.length, "image") + left
    : `${fitting.length.toLocaleString("en")} of ${count(all.length, "image")}${left}`;
  byId("rest").hidden = fitting.length <= shown;
  byId("more").textContent = `Show more (${(fitting.length - shown).toLocaleString("en")} left)`;
}

function line(image, largest) {
  const names = image.tags.slice(0, TAGS_IN_A_LINE).map((tag) => element("code", { class: tag.fate === "goes" && image.fate === "loses" ? "lost" : null }, short(tag.name)));
  if (!names.length) names.push(element("span", { class: "untagged" }, "untagged ", element("code", {}, image.digest.slice(0, 19))));
  const more = image.tags.length + image["tags-left-out"] - TAGS_IN_A_LINE;
  if (more > 0) names.push(element("span", { class: "untagged" }, `and ${more} more`));
  const bar = element("i", { "aria-hidden": "true" });
  bar.style.setProperty("--share", `${Math.ceil((100 * (image.bytes || 0)) / largest)}%`);
  const details = element("details", {},
    element("summary", {},
      element("span", { class: `becomes ${image.fate}` }, image.becomes),
      element("span", { class: "names" }, names),
      element("span", { class: "age" }, image.age),
      element("span", { class: "size" }, image.size || "", bar),
      element("span", { class: "reason" }, words(image.why))));
  details.addEventListener("toggle", () => {
    if (details.open && !details.querySelector(".body")) details.append(body(image));
  });
  return element("li", { class: "image", id: `v${image.id}` }, details);
}

/** Of a digest in a tag the beginning is enough. */
const short = (tag) => tag.replace(/^(sha256-[0-9a-f]{12})[0-9a-f]{52}/, "$1…");

function body(image) {
  const facts = [
    ["Version", link(String(image.id), image.fate === "goes" && image.becomes === "deleted" ? null : below(image.id))],
    ["Digest", element("code", {}, image.digest)],
    ["Pushed", image.created],
    ["Kind", image.kind],
    ["Outcome", image.outcome],
    ...image["own-reasons"].map((why) => ["Why", words(why)]),
  ].filter(([, value]) => value !== null && value !== undefined);
  const made = element("div", { class: "body" },
    element("dl", {}, facts.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]).flat()));
  const table = (caption, header, rows, left) => rows.length === 0 ? null : element("table", { class: caption.toLowerCase() }, element("caption", {}, caption),
    element("thead", {}, element("tr", {}, header.map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, rows.map((cells) => element("tr", {}, cells.map((cell) => element("td", {}, cell)))),
      left ? element("tr", {}, element("td", { colspan: header.length }, `and ${left.toLocaleString("en")} more`)) : null));
  const fates = { goes: "goes", stays: "stays", none: "" };
  const tags = table("Tags", ["Tag", "", "Why"], image.tags.map((tag) => [element("code", {}, tag.name),
    fates[tag.fate] ? element("span", { class: `becomes ${tag.fate}` }, fates[tag.fate]) : "",
    [...words(tag.why), tag.outcome ? `; ${tag.outcome}` : ""]]), image["tags-left-out"]);
  const parts = table("Parts", ["Version", "What", "Size", "Digest", "Tags"], image.parts.map((part) => [
    link(String(part.id), below(part.id)), [part.role, part.outcome ? `; ${part.outcome}` : ""], part.size || "",
    element("code", {}, part.digest.slice(0, 19)), part.tags.map(short).join(", ")]), image["parts-left-out"]);
  made.append(...[tags, parts].filter((one) => one));
  return made;
}

/** Opens an image in the list, whatever is looked at. */
function open(image) {
  if (!byId(`v${image.id}`)) change({ q: "", show: "all", row: "all" });
  const found = byId(`v${image.id}`);
  if (!found) return;
  found.querySelector("details").open = true;
  found.scrollIntoView({ block: "center" });
  found.querySelector("summary").focus({ preventScroll: true });
}

// ---- what people do

byId("packages").hidden = data.packages.length < 2;
byId("package").append(...data.packages.map((one, at) => element("option", { value: at }, one.image)));
byId("package").addEventListener("change", (event) => change({ ...DEFAULTS, package: event.target.value }));
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("q").addEventListener("input", (event) => change({ q: event.target.value }));
byId("show").addEventListener("change", (event) => change({ show: event.target.value }));
byId("row").addEventListener("change", (event) => change({ row: event.target.value }));
byId("sort").addEventListener("change", (event) => change({ sort: event.target.value }));
byId("more").addEventListener("click", () => {
  shown += AT_ONCE;
  showImages();
});
byId("lanes").addEventListener("mousemove", tip);
byId("lanes").addEventListener("mouseleave", () => { byId("tip").hidden = true; });
byId("lanes").addEventListener("click", (event) => {
  const button = event.target.closest("[data-row]");
  if (button) change({ row: button.dataset.row === state.row ? "all" : button.dataset.row });
  else if (event.target.dataset.at !== undefined) open(current.images[event.target.dataset.at]);
});
addEventListener("hashchange", () => {
  readAddress();
  showPackage();
});
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  showLanes();
});

readAddress();
byId("package").value = state.package;
showPackage();
document.documentElement.dataset.ready = Math.round(performance.now());
