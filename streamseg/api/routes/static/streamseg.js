/* Gives a page the segments of its visitor, and keeps them current.
 *
 *   <script src="https://segments.shop.example/streamseg.js" data-key="pk_..." data-customer="c-81" data-hash="..."
 *           async></script>
 *   <streamseg-slot segment="behaviour-k7q2"><b slot="match">Welcome back!</b>Hello.</streamseg-slot>
 *
 * data-customer and data-hash come from the shop's server (HMAC-SHA256 of the id). Without a customer,
 * data-anonymous makes the script keep a random id in localStorage; otherwise it stores nothing.
 * Flags are read with OFREP. A server-sent event tells the script to read them again; it carries no data.
 */
(() => {
  "use strict";
  const FIRST_RETRY_MS = 1000, LAST_RETRY_MS = 60000;
  const script = document.currentScript;
  const { key, hash, anonymous } = script.dataset;
  const base = new URL(script.dataset.api || script.src, location.href).origin;
  const slots = new Set();
  let flags = {}, etag = null, stream = null, timer = null, retryMs = FIRST_RETRY_MS;

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

  async function refresh() {
    clearTimeout(timer);
    const headers = etag && stream ? { "If-None-Match": etag } : {};
    const answer = await ask("/ofrep/v1/evaluate/flags", { context: { targetingKey: customer } }, headers);
    if (answer.status === 304) return flags;
    if (!answer.ok) throw new Error("streamseg: " + answer.status);
    const document_ = await answer.json();
    etag = answer.headers.get("ETag");
    flags = Object.fromEntries(document_.flags.map((flag) => [flag.key, flag.value]));
    retryMs = FIRST_RETRY_MS;
    follow(document_.eventStreams || []);
    slots.forEach((slot) => slot.show());
    document.dispatchEvent(new CustomEvent("streamseg-change", { detail: flags.segments }));
    return flags;
  }

  /* Read the flags; after a failure retry with growing waits. The page keeps what it shows. */
  function keep() {
    return refresh().catch(() => {
      timer = setTimeout(keep, retryMs * (1 + Math.random()));
      retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
      return flags;
    });
  }

  function follow(streams) {
    const found = streams.find((each) => each.type === "sse");
    if (!found || (stream && stream.readyState !== EventSource.CLOSED)) return;
    stream = new EventSource(found.url);
    stream.onmessage = keep;
    stream.onerror = () => {
      if (stream && stream.readyState === EventSource.CLOSED) {
        stream = null; // the ticket has expired: the next answer has a new one
        timer = setTimeout(keep, retryMs * (1 + Math.random()));
      }
    };
  }

  class Slot extends HTMLElement {
    static observedAttributes = ["segment"];
    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      this.inside = null;
      this.match = document.createElement("slot");
      this.match.name = "match";
      this.fallback = document.createElement("slot");
      root.append(this.match, this.fallback);
    }
    connectedCallback() { slots.add(this); this.show(); }
    disconnectedCallback() { slots.delete(this); }
    attributeChangedCallback() { this.show(); }
    show() {
      const wanted = (this.getAttribute("segment") || "").split(/[\s,]+/);
      const inside = wanted.some((segment) => flags["segment." + segment] === true);
      if (inside === this.inside) return;
      const first = this.inside === null;
      this.inside = inside;
      this.match.style.display = inside ? "contents" : "none";
      this.fallback.style.display = inside ? "none" : "contents";
      this.toggleAttribute("matched", inside);
      if (!first) {
        this.dispatchEvent(new CustomEvent("streamseg-change", { bubbles: true, composed: true, detail: { inside } }));
      }
    }
  }
  customElements.define("streamseg-slot", Slot);

  const ready = customer ? keep() : Promise.resolve(flags);
  window.streamseg = {
    customer,
    /* Return a promise of {segmentation: segment id}. */
    segments: () => ready.then(() => ({ ...flags.segments })),
    /* Return a promise of whether the visitor is in the segment. */
    isIn: (segment) => ready.then(() => flags["segment." + segment] === true),
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
