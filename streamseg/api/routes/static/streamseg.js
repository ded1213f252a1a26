/* Gives a page the segments of its visitor, and keeps them current.
 *
 *   <script src="https://segments.shop.example/streamseg.js" data-key="pk_..." data-customer="c-81" data-hash="..."
 *           async></script>
 *   <streamseg-slot segment="behaviour-k7q2"><b slot="match" hidden>Welcome back!</b>Hello.</streamseg-slot>
 *   <streamseg-slot audience="win-back"><b slot="match" hidden>We missed you!</b>Hello.</streamseg-slot>
 *
 * `hidden` keeps the match out of sight until this script has run; the script removes it when the visitor is in the
 * segment. data-customer and data-hash come from the shop's server (HMAC-SHA256 of the id). Without a customer,
 * data-anonymous makes the script keep a random id in localStorage; otherwise it stores nothing.
 *
 * Flags are read with OFREP. A server-sent event tells the script to read them again; it carries no data. The tabs of a
 * browser share one event stream: the one that holds a Web Lock reads it, and passes new flags on by BroadcastChannel.
 * A tab that was hidden for a while (inactivityDelaySec) leaves the stream to others. The stream is read with fetch,
 * because EventSource neither backs off nor sees Retry-After.
 */
(() => {
  "use strict";
  if (customElements.get("streamseg-slot")) return; // the page has loaded this script already
  const FLAGS = "/ofrep/v1/evaluate/flags", STREAMS = "/v1/streams/";
  const FIRST_RETRY_MS = 1000, LAST_RETRY_MS = 60000;
  const STEADY_MS = 30000; // a stream that was open for so long is retried soon
  const script = document.currentScript;
  const { key, hash, anonymous, api } = script.dataset;
  const base = new URL(api || ".", api ? location.href : script.src).href.replace(/[?#].*$/, "").replace(/\/+$/, "");
  const slots = new Set();
  /* What the last answer said, when it was asked for, and the id of the last event since. Tabs pass it on. */
  let state = { at: 0, flags: {}, etag: null, url: null, idleSeconds: 120 };
  let lastId = null, channel = null, timer = null, idleTimer = null, failures = 0;
  let asking = null, askAgain = false, leading = null;

  function ownId() {
    const name = "streamseg-id";
    let id = localStorage.getItem(name);
    if (!id) {
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      id = "anon-" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      localStorage.setItem(name, id);
    }
    return id;
  }
  const customer = script.dataset.customer || (anonymous !== undefined ? ownId() : null);
  const name = ["streamseg", base, key, customer].join(" ");

  function ask(path, body, headers, more) {
    const proof = hash ? { "X-Streamseg-Hash": hash } : {};
    return fetch(base + path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-API-Key": key, ...proof, ...headers },
      body: JSON.stringify(body),
      credentials: "omit",
      ...more,
    });
  }

  /* Milliseconds until the next attempt: growing, random so that pages do not come back together, and no less than the
   * server has asked for. */
  function waitMs(failed, least = 0) {
    const most = Math.min(FIRST_RETRY_MS * 2 ** failed, LAST_RETRY_MS);
    return Math.max(most * (0.5 + Math.random() / 2), least * (1 + Math.random() / 4));
  }

  function refusal(answer) {
    const after = answer.headers.get("Retry-After") || "";
    const least = /^\d+$/.test(after) ? 1000 * after : Date.parse(after) - Date.now();
    return Object.assign(new Error("streamseg: " + answer.status), { status: answer.status, least: least || 0 });
  }

  function take(news) {
    if (news.at < state.at) return; // another tab has asked later
    state = news;
    lastId = null;
    slots.forEach((slot) => slot.show());
    document.dispatchEvent(new CustomEvent("streamseg-change", { detail: state.flags.segments }));
  }

  async function refresh() {
    const at = Date.now();
    const headers = state.etag && state.url ? { "If-None-Match": state.etag } : {};
    const answer = await ask(FLAGS, { context: { targetingKey: customer } }, headers);
    if (answer.status === 304) return; // flags and stream address are still good
    if (!answer.ok) throw refusal(answer);
    const { flags, eventStreams = [] } = await answer.json();
    const stream = eventStreams.find((each) => each.type === "sse") || {};
    take({
      at,
      flags: Object.fromEntries(flags.map((flag) => [flag.key, flag.value])),
      etag: answer.headers.get("ETag"),
      url: stream.url || null,
      idleSeconds: stream.inactivityDelaySec || 120,
    });
    if (channel) channel.postMessage(state);
  }

  /* Read the flags; after a failure retry with growing waits. The page keeps what it shows. */
  function keep() {
    if (asking) {
      askAgain = true;
      return asking;
    }
    if (timer) return Promise.resolve(); // the server, or our own waits, want us to ask later
    asking = refresh().then(
      () => { failures = 0; },
      (error) => {
        askAgain = false;
        timer = setTimeout(() => { timer = null; keep(); }, waitMs(failures++, error.least));
      },
    ).then(() => {
      asking = null;
      if (!askAgain) return undefined;
      askAgain = false;
      return keep();
    });
    return asking;
  }

  /* Read the event stream to its end. Return how long the server wants us to wait before the next one. */
  async function read(signal) {
    const start = state.url.indexOf(STREAMS); // the address below our base: a proxy may have changed the rest
    const address = new URL(start < 0 ? state.url : base + state.url.slice(start));
    if (lastId) address.searchParams.set("after", lastId);
    const options = { signal, cache: "no-store", credentials: "omit", headers: { Accept: "text/event-stream" } };
    const answer = await fetch(address, options);
    if (!answer.ok) throw refusal(answer);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "", least = 0;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return least;
      const messages = (text + value).split("\n\n");
      text = messages.pop();
      for (const message of messages) {
        least = Number((/^retry: (\d+)$/m.exec(message) || [0, least])[1]);
        lastId = (/^id: (.+)$/m.exec(message) || [0, lastId])[1];
        if (/^data:/m.test(message)) keep();
      }
    }
  }

  async function follow(signal) {
    for (let failed = 0; !signal.aborted; failed++) {
      const began = Date.now();
      let least = 0;
      try {
        if (!state.url) await keep();
        if (state.url) least = await read(signal);
      } catch (error) {
        least = error.least;
        if (error.status === 404) state.url = null; // the ticket has expired: the next answer has a new one
      }
      if (Date.now() - began > STEADY_MS) failed = 0;
      await new Promise((resolve) => {
        const waiting = setTimeout(resolve, waitMs(failed, least));
        signal.addEventListener("abort", () => { clearTimeout(waiting); resolve(); });
        if (signal.aborted) resolve();
      });
    }
  }

  /* Read the event stream, or wait until the tab that reads it leaves. */
  function lead() {
    if (leading) return;
    const { signal } = (leading = new AbortController());
    if (navigator.locks) navigator.locks.request(name, { signal }, () => follow(signal)).catch(() => undefined);
    else follow(signal); // not a secure context
  }

  function leave() {
    if (leading) leading.abort();
    leading = null;
  }

  function listen() {
    if (channel || !window.BroadcastChannel) return;
    channel = new BroadcastChannel(name);
    channel.onmessage = (message) => take(message.data);
  }

  function attend() {
    clearTimeout(idleTimer);
    if (document.visibilityState === "hidden") {
      idleTimer = setTimeout(leave, 1000 * state.idleSeconds);
    } else if (!leading) {
      keep();
      lead();
    }
  }

  class Slot extends HTMLElement {
    static observedAttributes = ["segment", "audience"];
    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      this.inside = null;
      this.match = document.createElement("slot");
      this.match.name = "match";
      this.fallback = document.createElement("slot");
      root.append(this.match, this.fallback);
      this.match.addEventListener("slotchange", () => this.reveal());
    }
    connectedCallback() { slots.add(this); this.show(); }
    disconnectedCallback() { slots.delete(this); }
    attributeChangedCallback() { this.show(); }
    show() {
      const inside = ["segment", "audience"].some((kind) => (this.getAttribute(kind) || "").split(/[\s,]+/)
        .some((id) => state.flags[kind + "." + id] === true));
      if (inside === this.inside) return;
      const first = this.inside === null;
      this.inside = inside;
      this.match.style.display = inside ? "contents" : "none";
      this.fallback.style.display = inside ? "none" : "contents";
      this.reveal();
      this.toggleAttribute("matched", inside);
      if (!first) {
        this.dispatchEvent(new CustomEvent("streamseg-change", { bubbles: true, composed: true, detail: { inside } }));
      }
    }
    reveal() {
      for (const element of this.match.assignedElements()) element.hidden = !this.inside;
    }
  }
  customElements.define("streamseg-slot", Slot);

  if (customer) listen();
  const ready = customer ? keep() : Promise.resolve();
  if (customer) {
    ready.then(() => { lead(); attend(); });
    document.addEventListener("visibilitychange", attend);
    addEventListener("pagehide", () => {
      leave();
      if (channel) channel.close();
      channel = null;
    });
    addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      listen();
      attend();
    });
  }
  window.streamseg = {
    customer,
    /* Return a promise of {segmentation: segment id}. */
    segments: () => ready.then(() => ({ ...state.flags.segments })),
    /* Return a promise of whether the visitor is in the segment. */
    isIn: (segment) => ready.then(() => state.flags["segment." + segment] === true),
    /* Return a promise of whether the visitor is in the audience. */
    isInAudience: (audience) => ready.then(() => state.flags["audience." + audience] === true),
    /* Send a click: a GA4 event name and its fields. Return a promise of whether it was accepted. */
    track: (name, fields) => ask("/v1/events", {
      kind: "click",
      event: {
        ...fields,
        event_id: Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-"),
        customer_id: customer,
        occurred_at: new Date().toISOString(),
        event_name: name,
      },
    }, {}, { keepalive: true }).then((answer) => answer.ok, () => false),
  };
})();
