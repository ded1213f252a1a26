/* Four hints for who is here for the first time: one after the other, put off by a button or Escape, and remembered by this
   browser. They stand above the page and cover nothing. What a hint is about is framed. */

const KEY = "streamseg-tour";
const tour = document.querySelector("[data-tour]");
const again = document.querySelector("[data-tour-again]");
const hints = [...tour.querySelectorAll("[data-hint]")];
const [back, next, end] = ["back", "next", "end"].map((name) => tour.querySelector(`[data-tour-${name}]`));
let place = 0;

function seen() {
  try { return localStorage.getItem(KEY) !== null; } catch { return false; } // no storage: told each time
}

function show(number) {
  place = number;
  hints.forEach((one, at) => (one.hidden = at !== place));
  document.querySelectorAll(".told").forEach((one) => one.classList.remove("told"));
  document.querySelector(hints[place].dataset.hint)?.classList.add("told");
  back.disabled = place === 0;
  next.hidden = place === hints.length - 1;
  end.textContent = next.hidden ? end.dataset.last : end.dataset.skip;
}

function begin() {
  tour.hidden = false;
  again.hidden = true;
  show(0);
}

function leave() {
  try { localStorage.setItem(KEY, "seen"); } catch { /* told again next time */ }
  const had = tour.contains(document.activeElement);
  document.querySelectorAll(".told").forEach((one) => one.classList.remove("told"));
  tour.hidden = true;
  again.hidden = false;
  if (had) document.getElementById("main").focus({ preventScroll: true });
}

back.addEventListener("click", () => show(place - 1));
next.addEventListener("click", () => { show(place + 1); if (next.hidden) end.focus(); });
end.addEventListener("click", leave);
tour.addEventListener("keydown", (event) => event.key === "Escape" && leave());
again.addEventListener("click", () => { begin(); tour.scrollIntoView(); next.focus(); });
if (seen()) again.hidden = false;
else begin();
