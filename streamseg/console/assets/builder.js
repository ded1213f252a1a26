/* The builder of audiences: keeps the form, the tree of the rule, the text beside it and the preview together. */

import { RuleTree } from "./rule_tree.js";
import { element } from "./conditions.js";

const form = document.getElementById("builder");
const words = JSON.parse(form.dataset.words);
const choices = JSON.parse(form.dataset.choices);
const text = form.elements.document;
const found = document.getElementById("preview");
const state = document.getElementById("preview-state");
const wrongs = document.getElementById("wrong");
const simple = [...form.querySelectorAll("[data-of]")]; // fields of the audience itself
const PAUSE_MS = 350;
const page = crypto.getRandomValues(new Uint32Array(3)).join("-");

let values = JSON.parse(form.dataset.values) ?? { id: "", name: "", purpose: "ads", rule: { all: [] } };
let idIsOurs = !form.elements.changes.value && !values.id; // an id that nobody wrote follows the name
const tree = new RuleTree(document.getElementById("tree"), choices, words, changed);

function load(given) {
  values = given;
  for (const field of simple) field.value = values[field.dataset.of] ?? (field.dataset.of === "purpose" ? "ads" : "");
  tree.load(values.rule);
}

/* Return the audience as a file would have it. */
function audience() {
  const made = { ...values };
  for (const field of simple) {
    const name = field.dataset.of;
    const given = field.type === "number" ? (field.value === "" ? "" : Number(field.value)) : field.value.trim();
    if (given === "" && !["id", "name"].includes(name)) delete made[name];
    else made[name] = given;
  }
  return { ...made, rule: tree.rule };
}

const asDocument = () => JSON.stringify({ audience: [audience()] });

/* Before it has a name, whom it reaches can be seen, too. */
function toPreview() {
  const made = audience();
  return JSON.stringify({ audience: [{ ...made, id: made.id || "new-audience", name: made.name || words.new }] });
}

let waiting;
let asking = new AbortController();

function changed() {
  clearTimeout(waiting);
  asking.abort();
  if (tree.isEmpty) { say(words.nothing_yet); return; }
  say(words.counting);
  waiting = setTimeout(() => ask(toPreview()), PAUSE_MS);
}

function say(said) { state.textContent = said; found.classList.toggle("old", said !== ""); }

/* Ask the server what is wrong with a document, or whom it reaches. Only the newest question is answered. */
async function ask(given) {
  asking = new AbortController();
  const { signal } = asking;
  const body = new URLSearchParams({ token: form.elements.token.value, changes: form.elements.changes.value, version: form.elements.version.value, document: given, page, do: "preview", as: "json" });
  try {
    const answer = await fetch(form.action, { method: "POST", body, signal, redirect: "manual" });
    if (answer.type === "opaqueredirect") { location.reload(); return null; }
    if (answer.status === 409) return null; // a newer question of ours is being answered
    if (answer.status === 429) { say(words.busy); waiting = setTimeout(() => ask(given), 3000); return null; }
    if (!answer.ok) { say(words.failed); return null; }
    const told = await answer.json();
    if (signal.aborted) return null;
    show(told);
    return told;
  } catch (error) {
    if (error.name !== "AbortError") say(words.failed);
    return null;
  }
}

function show(told) {
  if (document.activeElement !== text) text.value = told.text;
  mark(told.wrong);
  say(told.wrong.length ? words.not_yet : "");
  if (told.html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = told.html;
    found.replaceChildren(fresh.content);
    document.dispatchEvent(new CustomEvent("streamseg:times"));
  }
}

function mark(wrong) {
  for (const field of simple) {
    const mine = wrong.find(({ path }) => path[0] === field.dataset.of);
    const said = document.getElementById(`said-${field.dataset.of}`);
    said.textContent = mine?.text ?? "";
    field.toggleAttribute("aria-invalid", Boolean(mine));
    if (mine) field.setAttribute("aria-invalid", "true");
  }
  const names = simple.map((field) => field.dataset.of);
  const rest = tree.mark(wrong.filter(({ path }) => !names.includes(path[0])));
  wrongs.replaceChildren(...rest.map((one) => element("li", { lang: "en" }, one.line ? `${words.line} ${one.line}: ${one.text}` : one.text)));
}

function idOf(name) {
  return name.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^[-0-9]+|-+$/g, "").slice(0, 64).replace(/-+$/, "");
}

for (const field of simple) {
  field.addEventListener("input", () => {
    const id = form.querySelector("[data-of=id]");
    if (field === id) idIsOurs = false;
    else if (field.dataset.of === "name" && idIsOurs) id.value = idOf(field.value);
    changed();
  });
}
form.addEventListener("keydown", (event) => { // Enter in a field must not activate
  if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
});
form.addEventListener("formdata", ({ formData }) => formData.set("document", asDocument()));
document.getElementById("use-text").addEventListener("click", async () => {
  const told = await ask(text.value);
  if (!told?.values) { text.focus(); return; }
  idIsOurs = false;
  load(told.values);
  mark(told.wrong);
});
document.getElementById("copy-text").addEventListener("click", async ({ target }) => {
  text.select();
  try { await navigator.clipboard.writeText(text.value); target.textContent = words.copied; } catch { /* it is selected: copy by keys */ }
});

document.body.classList.add("scripted");
const wrong = JSON.parse(form.dataset.wrong);
load(values);
if (wrong.length) mark(wrong);
else changed();
