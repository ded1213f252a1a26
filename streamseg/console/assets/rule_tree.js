/* A rule as a tree of groups (all, any) and conditions, each of which may be turned round (not): the same tree as in
   files. Drawn as nested sets of fields, so that it is used by keyboard alone. */

import { KINDS, element, fieldsOf, kindOf, select, withLabel } from "./conditions.js";

const MOST_LEVELS = 7;

/* Return a node: a group with `parts`, or a condition with `leaf`; `not` turns it round. */
function nodeOf(rule) {
  let not = false;
  let inside = rule ?? {};
  while (inside && typeof inside === "object" && "not" in inside) { not = !not; inside = inside.not; }
  for (const group of ["all", "any"]) {
    if (Array.isArray(inside?.[group])) return { not, group, parts: inside[group].map(nodeOf) };
  }
  return { not, leaf: inside && typeof inside === "object" && !Array.isArray(inside) ? { ...inside } : {} };
}

function ruleOf(node) {
  const inside = node.group ? { [node.group]: node.parts.map(ruleOf) } : { ...node.leaf };
  return node.not ? { not: inside } : inside;
}

export class RuleTree {
  /* `changed` is called after each change. */
  constructor(box, choices, words, changed) {
    Object.assign(this, { box, choices, words, changed });
  }

  load(rule) {
    this.root = nodeOf(rule);
    this.alone = !this.root.group; // one condition without a group stays one
    if (this.alone) this.root = { not: false, group: "all", parts: kindOf(this.root.leaf) ? [this.root] : [] };
    this.draw();
  }

  get rule() {
    const { group, parts, not } = this.root;
    return this.alone && parts.length === 1 && group === "all" && !not ? ruleOf(parts[0]) : ruleOf(this.root);
  }

  get isEmpty() { return this.root.parts.length === 0; }

  draw() { this.box.replaceChildren(this.group(this.root, null, 1)); }

  turned(node) {
    const { words } = this;
    return select([{ value: "", text: words.is_so }, { value: "not", text: words.is_not_so }], node.not ? "not" : "", (value) => {
      node.not = value === "not";
      this.changed();
    }, { "aria-label": words.turned });
  }

  group(node, parent, level) {
    const { words } = this;
    const list = element("ul", { class: "parts" }, ...node.parts.map((one) => element("li", {}, this.part(one, node, level))));
    const add = element("button", { type: "button", class: "second", "data-add": "condition", onclick: () => {
      const [kind] = Object.keys(KINDS).filter((one) => KINDS[one].offered(this.choices));
      this.add(node, { not: false, leaf: KINDS[kind].fresh(this.choices) }, level);
    } }, words.add_condition);
    const nest = level < MOST_LEVELS ? element("button", { type: "button", class: "second", "data-add": "group", onclick: () =>
      this.add(node, { not: false, group: node.group === "all" ? "any" : "all", parts: [] }, level) }, words.add_group) : null;
    const which = select(["all", "any"].map((value) => ({ value, text: words[`of_${value}`] })), node.group, (value) => {
      node.group = value;
      this.changed();
    }, { "data-key": "group" });
    node.box = element("fieldset", { class: "group" },
      element("legend", {}, parent ? words.group : words.who),
      element("div", { class: "row" }, parent ? this.turned(node) : null, withLabel(words.holds, which), parent ? this.remove(node, parent, words.remove_group) : null),
      list, node.parts.length ? null : element("p", { class: "empty" }, words.empty_group), element("div", { class: "row" }, add, nest));
    node.list = list;
    return node.box;
  }

  part(node, parent, level) { return node.group ? this.group(node, parent, level + 1) : this.condition(node, parent); }

  condition(node, parent) {
    const { words, choices } = this;
    const row = element("div", { class: "row" });
    node.box = element("div", { class: "condition", role: "group", "aria-label": words.condition }, row);
    const draw = (key) => {
      const kind = kindOf(node.leaf);
      const kinds = Object.keys(KINDS).filter((one) => one === kind || KINDS[one].offered(choices)).map((value) => ({ value, text: words[`kind_${value}`] }));
      const pick = select(kinds, kind, (value) => {
        node.leaf = KINDS[value].fresh(choices);
        draw("kind");
        this.changed();
      }, { "data-key": "kind" });
      row.replaceChildren(this.turned(node), withLabel(words.asks, pick), ...(kind ? fieldsOf(node.leaf, choices, words, this.changed, draw) : []), this.remove(node, parent, words.remove));
      if (key) row.querySelector(`[data-key="${key}"]`)?.focus();
    };
    draw();
    return node.box;
  }

  add(node, part, level) {
    node.parts.push(part);
    const drawn = this.part(part, node, level);
    node.list.append(element("li", {}, drawn));
    node.box.querySelector(":scope > .empty")?.remove();
    drawn.querySelector("[data-key]")?.focus();
    this.changed();
  }

  remove(node, parent, label) {
    return element("button", { type: "button", class: "quiet", onclick: () => {
      parent.parts.splice(parent.parts.indexOf(node), 1);
      node.box.parentElement.remove();
      parent.box.querySelector(":scope > .row > [data-add]").focus();
      this.changed();
    } }, label);
  }

  /* Show what is wrong at its field, by the path that leads to it; return what leads nowhere. */
  mark(wrong) {
    for (const one of this.box.querySelectorAll(".wrong")) one.remove();
    for (const one of this.box.querySelectorAll("[aria-invalid]")) { one.removeAttribute("aria-invalid"); one.removeAttribute("aria-describedby"); }
    return wrong.filter(({ path, text }, place) => {
      if (path[0] !== "rule") return true;
      const { node, key } = this.at(path.slice(1));
      const said = element("p", { class: "wrong", lang: "en", id: `wrong-${place}` }, text);
      const row = node.box.querySelector(":scope > .row");
      row.after(said);
      const field = row.querySelector(`[data-key="${key}"]`) ?? row.querySelector("[data-key]");
      field?.setAttribute("aria-invalid", "true");
      field?.setAttribute("aria-describedby", said.id);
      return false;
    });
  }

  at(path) {
    let node = this.root;
    let rest = path;
    if (this.alone && this.root.parts.length === 1) [node] = this.root.parts;
    while (rest.length) {
      const [name, place] = rest;
      if (name === "not") rest = rest.slice(1);
      else if (node.group === name && node.parts[place]) { node = node.parts[place]; rest = rest.slice(2); }
      else break;
    }
    return { node, key: rest[0] };
  }
}
