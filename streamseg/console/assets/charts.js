/* Draws the charts of a page from the specs of the server, in the colours of the page. `ast` makes Vega interpret its
   expressions instead of compiling them, so that the page needs no unsafe-eval. */

const dark = matchMedia("(prefers-color-scheme: dark)");
const locale = new Intl.NumberFormat(document.documentElement.lang).formatToParts(1234567.8);
const part = (type, otherwise) => locale.find((one) => one.type === type)?.value ?? otherwise;
const formatLocale = { decimal: part("decimal", "."), thousands: part("group", ","), grouping: [3], currency: ["", ""] };
const names = (count, options, first) => Array.from({ length: count }, (_, place) =>
  new Intl.DateTimeFormat(document.documentElement.lang, { ...options, timeZone: "UTC" }).format(first(place)));
const month = (place) => new Date(Date.UTC(2026, place, 1));
const weekday = (place) => new Date(Date.UTC(2026, 1, 1 + place)); // a Sunday
const timeFormatLocale = {
  dateTime: "%x, %X", date: "%Y-%m-%d", time: "%H:%M:%S", periods: ["AM", "PM"],
  days: names(7, { weekday: "long" }, weekday), shortDays: names(7, { weekday: "short" }, weekday),
  months: names(12, { month: "long" }, month), shortMonths: names(12, { month: "short" }, month),
};

function colours(width) {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  const text = { labelColor: of("--soft"), titleColor: of("--soft"), labelFontSize: 13, titleFontSize: 13, titleFontWeight: 500 };
  return {
    background: of("--card"),
    view: { stroke: null },
    axis: { ...text, labelLimit: Math.min(260, 0.4 * width), gridColor: of("--line"), domainColor: of("--line"), tickColor: of("--line") },
    legend: text,
    style: {
      text: { fill: of("--ink"), fontSize: 13 },
      halo: { stroke: of("--card"), fill: of("--card"), strokeWidth: 4, fontSize: 13 },
    },
    text: { fill: of("--ink"), color: of("--ink") },
  };
}

async function draw(box) {
  if (box.dataset.drawing) return;
  box.dataset.drawing = "yes";
  try {
    do {
      const version = box.dataset.version;
      const address = new URL(location.href);
      address.searchParams.set("as", "json");
      address.searchParams.set("name", box.dataset.chart);
      const answer = await fetch(address, { cache: "no-store" });
      if (answer.status !== 200) return; // 204: the chart is gone since
      const spec = await answer.json();
      delete spec.title; // the page has it as text, and the colours of text and grid
      delete spec.config;
      const fresh = document.createElement("div");
      const width = Math.max(box.clientWidth, 240);
      const { view } = await window.vegaEmbed(fresh, { ...spec, width: width - 8, autosize: { type: "fit-x", contains: "padding", resize: false } }, {
        ast: true, actions: false, defaultStyle: false, renderer: "canvas", config: colours(width), formatLocale, timeFormatLocale,
        tooltip: { disableDefaultStyle: true },
      });
      fresh.querySelectorAll("canvas, svg, [role]").forEach((one) => one.setAttribute("aria-hidden", "true"));
      box.view?.finalize();
      box.view = view;
      box.dataset.drawn = version;
      box.replaceChildren(fresh);
    } while (box.dataset.drawn !== box.dataset.version);
  } finally {
    delete box.dataset.drawing;
  }
}

function drawAll(anew = false) {
  for (const box of document.querySelectorAll("[data-chart]")) {
    if (anew || box.dataset.drawn !== box.dataset.version) draw(box);
  }
}

let width = innerWidth;
document.addEventListener("streamseg:put", () => drawAll());
dark.addEventListener("change", () => drawAll(true));
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawAll(true); } });
drawAll();
