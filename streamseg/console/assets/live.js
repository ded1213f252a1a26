/* Keeps the page up to date: puts in the parts that the server sends, says whether it is connected and of when the data
   is, and writes times as the reader's locale does. Needs no inline script and no eval. */

/* The reader's own region of the page's language, as the browser says it: en-GB writes times otherwise than en-US. */
const page = document.documentElement.lang;
const language = navigator.languages?.find((one) => one.split("-")[0] === page) ?? page;
const state = document.querySelector("[data-live-state]");
const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" });
const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const SILENCE_MS = 6000; // the server says something every second
const LEAVING_MS = 10000; // as long may the answer take when the reader has clicked on a way to another page
let heard = Date.now();
let leftAt = 0;

function writeTimes(root) {
  for (const one of root.querySelectorAll("time[datetime]")) {
    const at = new Date(one.dateTime);
    one.title = moment.format(at);
    if (one.dataset.how === "ago") {
      const seconds = Math.round((at - Date.now()) / 1000);
      one.textContent = Math.abs(seconds) < 90 ? ago.format(Math.min(seconds, 0), "second") : moment.format(at);
    } else {
      one.textContent = one.dataset.how === "day" ? day.format(at) : moment.format(at);
    }
  }
}

function show(name) {
  if (!state || state.dataset.state === name) return;
  state.dataset.state = name;
  const said = state.dataset[name];
  state.textContent = name === "live" ? said : `${said} ${clock.format(new Date(heard))}`;
}

/* A chart stays where it is until its new version is drawn, so that it does not flicker. */
function put(part, text) {
  const fresh = document.createElement("template");
  fresh.innerHTML = text;
  for (const chart of fresh.content.querySelectorAll("[data-chart]")) {
    const old = part.querySelector(`[data-chart="${CSS.escape(chart.dataset.chart)}"]`);
    if (!old) continue;
    old.dataset.version = chart.dataset.version;
    old.setAttribute("aria-label", chart.getAttribute("aria-label"));
    chart.replaceWith(old);
  }
  const open = [...part.querySelectorAll("details")].map((one) => one.open);
  const focused = part.contains(document.activeElement) ? pathTo(part, document.activeElement) : null;
  const scrolled = [...part.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  part.replaceChildren(fresh.content);
  part.querySelectorAll("details").forEach((one, place) => place in open && (one.open = open[place]));
  part.querySelectorAll(".scroll").forEach((one, place) => (one.scrollLeft = scrolled[place] ?? 0));
  focused?.reduce((node, place) => node?.children[place], part)?.focus({ preventScroll: true });
  writeTimes(part);
  part.dispatchEvent(new CustomEvent("streamseg:put", { bubbles: true }));
}

function pathTo(root, node) {
  const path = [];
  for (; node !== root; node = node.parentElement) path.unshift([...node.parentElement.children].indexOf(node));
  return path;
}

function listen() {
  const address = new URL(location.href);
  address.searchParams.set("as", "live");
  address.searchParams.delete("lang");
  const stream = new EventSource(address);
  stream.addEventListener("part", ({ data }) => {
    const { name, text } = JSON.parse(data);
    const part = document.getElementById(name);
    if (part && part.dataset.text !== text) {
      const first = part.dataset.text === undefined;
      part.dataset.text = text;
      if (!first) part.classList.remove("changed");
      put(part, text);
      if (!first) requestAnimationFrame(() => part.classList.add("changed"));
    }
  });
  stream.addEventListener("now", () => {
    heard = Date.now();
    show("live");
    const leaving = Date.now() - leftAt < LEAVING_MS; // a reload would cut off the way to the other page
    if (!leaving && document.querySelector("[data-reading]")) location.reload(); // what it waited for is there
  });
  stream.addEventListener("reading", () => { heard = Date.now(); show("live"); });
  stream.addEventListener("away", () => show("away"));
  stream.onerror = () => {
    show("lost");
    if (stream.readyState === EventSource.CLOSED) setTimeout(again, 3000);
  };
  return stream;
}

/* A stream that was refused does not come back by itself: the session is over, or the server is being replaced. */
async function again() {
  try {
    const answer = await fetch(location.href, { method: "HEAD", redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") { location.reload(); return; }
  } catch { /* still away */ }
  stream = listen();
}

let stream;
for (const begins of ["submit", "beforeunload"]) addEventListener(begins, () => { leftAt = Date.now(); });
writeTimes(document);
document.addEventListener("streamseg:times", () => writeTimes(document));
if (document.querySelector("[id^=live_]")) {
  stream = listen();
  setInterval(() => Date.now() - heard > SILENCE_MS && show("lost"), 1000);
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (event) => { if (event.persisted) stream = listen(); });
} else if (state) {
  state.hidden = true;
}
