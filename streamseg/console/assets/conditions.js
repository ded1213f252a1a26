/* The conditions of a rule: of each kind what it is called, what a new one asks, and the fields that change it. A
   condition is the table that a file would have, such as {event: "visit", within: "30 days"}. */

let made = 0;

/* Return an element with attributes, handlers (`onclick`) and children. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") node.toggleAttribute(name, value);
    else if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter((one) => one !== null));
  return node;
}

export const withLabel = (text, input, ...more) => {
  input.id ||= `made-${++made}`;
  return element("span", { class: "field" }, element("label", { for: input.id }, text), input, ...more);
};

/* Return a select of {value, text}; a value that is not offered is kept, so that nothing is lost unseen. */
export function select(options, value, changed, attributes = {}) {
  const offered = options.some((one) => one.value === value) || value === undefined ? options : [{ value, text: value }, ...options];
  const node = element("select", { ...attributes, onchange: (event) => changed(event.target.value) },
    ...offered.map((one) => element("option", { value: one.value, selected: one.value === value }, one.text)));
  return node;
}

const exact = (number) => Number(number.toPrecision(12));

/* The fields of one condition. `redraw` draws the condition anew when other fields are needed. */
class Fields {
  constructor(leaf, choices, words, changed, redraw) {
    Object.assign(this, { leaf, choices, words, changed, redraw });
  }

  set(key, value) {
    if (value === undefined || value === "" || Number.isNaN(value)) delete this.leaf[key];
    else this.leaf[key] = value;
    this.changed();
  }

  pick(key, label, options, { optional, redraws } = {}) {
    const all = optional ? [{ value: "", text: optional }, ...options] : options;
    const node = select(all, this.leaf[key] ?? (optional ? "" : undefined), (value) => {
      this.set(key, value);
      if (redraws) this.redraw(key);
    }, { "data-key": key });
    return withLabel(label, node);
  }

  number(key, label, { scale = 1, unit = "", min, step = "any" } = {}) {
    const value = typeof this.leaf[key] === "number" ? exact(this.leaf[key] * scale) : "";
    const input = element("input", { type: "number", inputmode: "decimal", class: "short", value, min, step, "data-key": key,
      oninput: (event) => this.set(key, event.target.value === "" ? undefined : exact(Number(event.target.value) / scale)) });
    return withLabel(label, input, unit ? element("span", { class: "unit" }, unit) : null);
  }

  duration(key, label, units = ["minutes", "hours", "days", "weeks"]) {
    const given = /^(\d+) ?(min|h|d|w)/.exec(this.leaf[key] ?? "");
    const unit = given ? units.find((one) => one.startsWith(given[2])) ?? "days" : "days";
    const count = element("input", { type: "number", min: 1, step: 1, class: "short", value: given ? given[1] : "", "data-key": key });
    const which = select(units.map((value) => ({ value, text: this.words[value] })), unit, () => write(), { "aria-label": this.words.unit });
    const write = () => this.set(key, count.value === "" ? undefined : `${count.value} ${which.value}`);
    count.addEventListener("input", write);
    return withLabel(label, count, which);
  }

  /* Boxes to tick; `write` takes what is ticked. */
  many(key, label, options, write = (values) => this.set(key, values.length > 1 ? values : values[0])) {
    const given = [this.leaf[key] ?? []].flat();
    const unknown = given.filter((one) => !options.some(({ value }) => value === one)).map((value) => ({ value, text: String(value) }));
    const all = [...options, ...unknown];
    const chosen = new Set(given);
    return element("fieldset", { class: "many", "data-key": key, tabindex: -1 }, element("legend", {}, label),
      element("div", { class: "boxes" }, ...all.map(({ value, text }) => element("label", {}, element("input", {
        type: "checkbox", checked: chosen.has(value),
        onchange: (event) => {
          chosen[event.target.checked ? "add" : "delete"](value);
          write(all.map((one) => one.value).filter((one) => chosen.has(one)));
        },
      }), " ", text))));
  }

  /* A choice of what is compared; `sets` are the names that belong together, the first is for a new condition. */
  way(sets, field) {
    const names = sets.flat();
    const there = names.filter((one) => this.leaf[one] !== undefined);
    const chosen = sets.find((one) => one.length === there.length && one.every((name) => there.includes(name)))
      ?? sets.find((one) => one.join("+") === this.leaf[WAY]) ?? sets[0];
    const label = (one) => this.words[`way_${one.join("_") || "ever"}`];
    const node = select(sets.map((one) => ({ value: one.join("+"), text: label(one) })), chosen.join("+"), (value) => {
      const before = Object.fromEntries(there.map((name) => [name, this.leaf[name]]));
      for (const name of names) delete this.leaf[name];
      const wanted = value ? value.split("+") : [];
      const values = Object.values(before);
      wanted.forEach((name, place) => { if (values[place] !== undefined && typeof values[place] === "number") this.leaf[name] = values[place]; });
      this.leaf[WAY] = value;
      this.changed();
      this.redraw("way");
    }, { "data-key": "way" });
    return [withLabel(this.words.way, node), ...chosen.map((name) => field(name))];
  }
}

const WAY = Symbol("way"); // remembered beside the table, and never sent
const LIMITS = [["at_least"], ["above"], ["at_most"], ["below"], ["is"], ["at_least", "at_most"], ["at_least", "below"], ["above", "at_most"], ["above", "below"]];

function compared(fields, key, sets) {
  const { words } = fields;
  const known = fields.choices.features.find((one) => one.value === fields.leaf[key]);
  const share = known?.as === "share";
  const hint = known?.usual ? words.usual.replace("{low}", exact(known.usual[0] * (share ? 100 : 1)).toPrecision(3) / 1).replace("{high}", exact(known.usual[1] * (share ? 100 : 1)).toPrecision(3) / 1) : "";
  const parts = fields.way(sets, (name) => fields.number(name, words[`limit_${name}`], { scale: share ? 100 : 1, unit: share ? "%" : known?.unit ?? "" }));
  return hint ? [...parts, element("span", { class: "hint" }, hint)] : parts;
}

const first = (options) => options[0]?.value;

function event(fields, key) {
  const { choices, words, leaf } = fields;
  const known = choices.events.find((one) => one.value === leaf[key]);
  const parts = [fields.pick(key, words.event, choices.events, { redraws: true })];
  if (known?.categories.length || leaf.category) parts.push(fields.pick("category", words.category, known?.categories ?? [], { optional: words.any_category }));
  return parts;
}

/* By kind: whether there is anything to pick, a new condition, and its fields. */
export const KINDS = {
  event: {
    offered: ({ events }) => events.length,
    fresh: ({ events }) => ({ event: first(events), at_least: 1, within: "30 days" }),
    draw: (fields) => [...event(fields, "event"), ...fields.way([["at_least", "within"], ["at_least"], ["at_most", "within"], ["at_most"], ["at_least", "at_most", "within"], ["within"], ["none_within"], []],
      (name) => name.endsWith("within") ? fields.duration(name, fields.words[`limit_${name}`]) : fields.number(name, fields.words[`limit_${name}`], { min: 0, step: 1, unit: fields.words.times }))],
  },
  never: {
    offered: ({ events }) => events.length,
    fresh: ({ events }) => ({ never: first(events) }),
    draw: (fields) => event(fields, "never"),
  },
  spent: {
    offered: ({ spent_days }) => spent_days > 0,
    fresh: ({ spent_days }) => ({ spent: 100, within: `${Math.min(30, spent_days)} days` }),
    draw: (fields) => [fields.number("spent", fields.words.limit_at_least, { unit: fields.choices.currency }), fields.duration("within", fields.words.limit_within, ["days", "weeks"])],
  },
  feature: {
    offered: ({ features }) => features.length,
    fresh: ({ features }) => ({ feature: features.find((one) => one.value === "spend")?.value ?? first(features), at_least: 0 }),
    draw: (fields) => [fields.pick("feature", fields.words.feature, fields.choices.features, { redraws: true }), ...compared(fields, "feature", [...LIMITS, ["enter", "leave"]])],
  },
  trait: {
    offered: ({ traits }) => traits.length,
    fresh: ({ traits }) => traits[0].values.length ? { trait: first(traits), is: first(traits[0].values) } : { trait: first(traits), at_least: 0 },
    draw: (fields) => {
      const known = fields.choices.traits.find((one) => one.value === fields.leaf.trait);
      const pick = fields.pick("trait", fields.words.trait, fields.choices.traits, { redraws: true });
      if (known?.number ?? ["at_least", "above", "at_most", "below"].some((name) => name in fields.leaf)) return [pick, ...compared(fields, "trait", LIMITS)];
      const { leaf } = fields;
      return [pick, fields.many("is_one_of" in leaf ? "is_one_of" : "is", fields.words.values, known?.values ?? [], (values) => {
        delete leaf.is;
        fields.set("is_one_of", undefined);
        if (values.length) fields.set(values.length > 1 ? "is_one_of" : "is", values.length > 1 ? values : values[0]);
      })];
    },
    changed: (leaf, { traits }) => { // other values belong to another trait
      const known = traits.find((one) => one.value === leaf.trait);
      for (const name of ["is", "is_one_of", "at_least", "above", "at_most", "below"]) delete leaf[name];
      if (known?.values.length) leaf.is = first(known.values);
    },
  },
  known: {
    offered: ({ known }) => known.length,
    fresh: ({ known }) => ({ known: first(known) }),
    draw: (fields) => [fields.pick("known", fields.words.figure, fields.choices.known)],
  },
  birthday: {
    offered: ({ birthdays }) => birthdays.length,
    fresh: ({ birthdays }) => ({ birthday: first(birthdays), this: "week" }),
    draw: (fields) => [fields.pick("birthday", fields.words.trait, fields.choices.birthdays),
      fields.pick("this", fields.words.period, ["day", "week", "month"].map((value) => ({ value, text: fields.words[`this_${value}`] })))],
  },
  segment: {
    offered: ({ segments }) => segments.length,
    fresh: ({ segments }) => ({ segment: first(segments) }),
    draw: (fields) => [fields.many("segment", fields.words.segments, fields.choices.segments)],
  },
  segmentation: {
    offered: ({ segmentations }) => segmentations.some((one) => one.groups.length),
    fresh: ({ segmentations }) => { const one = segmentations.find(({ groups }) => groups.length); return { segmentation: one.value, group: first(one.groups) }; },
    draw: (fields) => [fields.pick("segmentation", fields.words.segmentation, fields.choices.segmentations, { redraws: true }),
      fields.many("group", fields.words.groups, fields.choices.segmentations.find((one) => one.value === fields.leaf.segmentation)?.groups ?? [])],
    changed: (leaf) => { delete leaf.group; },
  },
  lookalike: {
    offered: ({ seeds, compared_by }) => seeds.length && compared_by.length,
    fresh: ({ seeds }) => ({ lookalike: first(seeds), at_least: 0.7 }),
    draw: (fields) => [fields.pick("lookalike", fields.words.seed, fields.choices.seeds),
      ...fields.way([["at_least"], ["size"], ["enter", "leave"]], (name) => name === "size"
        ? fields.number(name, fields.words.limit_size, { min: 1, step: 1 })
        : fields.number(name, fields.words[`limit_${name}`], { scale: 100, unit: "%", min: 0 })),
      fields.pick("by", fields.words.by, fields.choices.compared_by, { optional: fields.words.by_first }),
      fields.pick("seed", fields.words.seed_members, [{ value: "in", text: fields.words.seed_in }], { optional: fields.words.seed_out })],
  },
  audience: {
    offered: ({ audiences }) => audiences.length,
    fresh: ({ audiences }) => ({ audience: first(audiences) }),
    draw: (fields) => [fields.pick("audience", fields.words.audience, fields.choices.audiences)],
  },
  list: {
    offered: ({ lists }) => lists.length,
    fresh: ({ lists }) => ({ list: first(lists) }),
    draw: (fields) => [fields.pick("list", fields.words.list, fields.choices.lists)],
  },
};

export const kindOf = (leaf) => Object.keys(KINDS).find((kind) => kind in leaf);

/* Return the fields of a condition. */
export function fieldsOf(leaf, choices, words, changed, redraw) {
  const kind = KINDS[kindOf(leaf)];
  return kind.draw(new Fields(leaf, choices, words, changed, (key) => {
    if (key !== "way") { kind.changed?.(leaf, choices); changed(); }
    redraw(key);
  }));
}
