/* Example of a Prebid.js real-time data submodule that adds streamseg segments to bid requests.
 *
 * Copy it to Prebid's `modules/streamsegRtdProvider.js` (Prebid 9 or later), build with
 * --modules=rtdModule,streamsegRtdProvider, and configure it:
 *
 *   pbjs.setConfig({
 *     realTimeData: {
 *       auctionDelay: 100,
 *       dataProviders: [{
 *         name: "streamseg",
 *         waitForIt: true,
 *         params: {
 *           api: "https://segments.shop.example",  // with the path below which the API lies, if any
 *           key: "pk_...",                         // publishable; the segments must be public
 *           customer: "c-81",
 *           hash: "...",                           // HMAC-SHA256 of the customer id, from the shop's server
 *           bidders: ["bidderA", "bidderB"],       // only these bidders get the segments
 *           timeoutMs: 80,                         // less than auctionDelay
 *           cacheSeconds: 60,                      // 0 keeps nothing in the browser
 *           keyValues: true,                       // also send ssg=<segment id> to the ad server
 *         },
 *       }],
 *     },
 *   });
 *
 * First auction: the module asks as soon as it is configured, without a CORS preflight. When the answer is late, the
 * auction gets the last answer of this browser, if that is younger than cacheSeconds and the visitor's consent strings
 * are the same; a later auction gets the new one. An answer that is older than five seconds when the auction starts, as
 * after a long consent dialogue, is asked for again.
 *
 * Ad server: Prebid sends the key values of all auctions of the page. A new answer replaces those of earlier auctions.
 *
 * Consent: the API answers without segments when the customer does not consent to ads, or when the browser sends Global
 * Privacy Control. Such an answer deletes the kept one. A withdrawal in another browser is seen after cacheSeconds at
 * most.
 *
 * TCF: streamseg is software that the shop runs itself, for its own purposes. It is no vendor of the Global Vendor List,
 * and no vendor gets data before the bidders do, which have vendor ids of their own. So the module declares
 * VENDORLESS_GVLID: Prebid's TCF control (module tcfControl) then asks for no vendor, but for what the visitor allows
 * the shop itself (publisher consents of the TCF string): purpose 1 to keep an answer, purpose 4 to give segments to
 * bidders and ad server. Storage: localStorage, key "streamseg-rtd", read for cacheSeconds; no cookies.
 */
import { ACTIVITY_ENRICH_UFPD } from "../src/activities/activities.js";
import { activityParams } from "../src/activities/activityParams.js";
import { MODULE_TYPE_RTD } from "../src/activities/modules.js";
import { isActivityAllowed } from "../src/activities/rules.js";
import { VENDORLESS_GVLID } from "../src/consentHandler.js";
import { submodule } from "../src/hook.js";
import { getStorageManager } from "../src/storageManager.js";
import { mergeDeep } from "../src/utils.js";

const NAME = "streamseg";
const TIMEOUT_MS = 80;
const LAST_TIMEOUT_MS = 5000; // a late answer is of use to the next auction
const FIRST_ANSWER_MS = 5000; // an older one may be from before a decision that the visitor has just made
const CACHE_SECONDS = 60;
const CACHE_KEY = "streamseg-rtd";
const KEY_VALUE = "ssg"; // the name of the only key value
const NOTHING = { user: { data: [] }, key_values: {} };

export const storage = getStorageManager({ moduleType: MODULE_TYPE_RTD, moduleName: NAME });

/* Return a promise of the answer. A string as the body makes it a request that needs no preflight. */
export function fetchUser({ api, key, customer, hash }) {
  return fetch(api.replace(/\/+$/, "") + "/v1/openrtb/user", {
    method: "POST",
    body: JSON.stringify({ id: customer, key, hash }),
    credentials: "omit",
    signal: AbortSignal.timeout(LAST_TIMEOUT_MS),
  }).then((answer) => {
    if (answer.status === 429 || answer.status >= 500) throw new Error("streamseg: " + answer.status);
    return answer.ok ? answer.json() : NOTHING;
  });
}

/* Return what an answer depends on besides the customer's memberships. */
function conditions(params, { gdpr, usp, gpp, coppa } = {}) {
  const consent = [gdpr?.consentString, usp, gpp?.gppString, coppa, navigator.globalPrivacyControl];
  return JSON.stringify([params.api, params.customer, ...consent]);
}

function kept(params, consent) {
  const seconds = params.cacheSeconds ?? CACHE_SECONDS;
  try {
    const { at, under, answer } = JSON.parse(storage.getDataFromLocalStorage(CACHE_KEY));
    const age = Date.now() - at;
    return age >= 0 && age < 1000 * seconds && under === conditions(params, consent) ? answer : NOTHING;
  } catch {
    return NOTHING;
  }
}

function keep(params, consent, at, answer) {
  const seconds = params.cacheSeconds ?? CACHE_SECONDS;
  if (!answer.user.data.length || !seconds) {
    storage.removeDataFromLocalStorage(CACHE_KEY);
    return;
  }
  storage.setDataInLocalStorage(CACHE_KEY, JSON.stringify({ at, under: conditions(params, consent), answer }));
}

const ask = (params) => ({ at: Date.now(), answer: fetchUser(params) });

/* Tell whether the visitor allows the shop to enrich what bidders get; with Prebid's TCF control, purpose 4. */
const enriches = () => isActivityAllowed(ACTIVITY_ENRICH_UFPD, activityParams(MODULE_TYPE_RTD, NAME));

export function addUser(ortb2Fragments, bidders, user) {
  if (!user.data.length) return;
  for (const bidder of bidders) {
    ortb2Fragments.bidder[bidder] = mergeDeep({}, ortb2Fragments.bidder[bidder], { user });
  }
}

let first = null; // the request that was sent when the module was configured
let keyValues = {};
let adUnits = []; // of the latest auction of each ad unit code

/* Replace the key values of earlier auctions; those of ad units in the auction are left to Prebid. */
function replaceKeyValues(auction, found) {
  for (const adUnit of adUnits) {
    const { [KEY_VALUE]: _, ...others } = adUnit.adserverTargeting ?? {};
    adUnit.adserverTargeting = auction.adUnitCodes.includes(adUnit.code) ? others : { ...others, ...found };
  }
  adUnits = adUnits.filter(({ code }) => !auction.adUnitCodes.includes(code)).concat(auction.adUnits);
}

export const streamsegSubmodule = {
  name: NAME,
  gvlid: VENDORLESS_GVLID,
  init: ({ params = {} }) => {
    if (!(params.api && params.key && params.customer && Array.isArray(params.bidders))) return false;
    first = ask(params); // consent may not be known yet, so the auction keeps the answer
    first.answer.catch(() => undefined);
    return true;
  },
  getBidRequestData: (reqBidsConfigObj, done, { params }, userConsent) => {
    if (!enriches()) {
      keyValues = {};
      storage.removeDataFromLocalStorage(CACHE_KEY);
      done();
      return;
    }
    const { at, answer } = first && Date.now() - first.at < FIRST_ANSWER_MS ? first : ask(params);
    first = null;
    answer.then((found) => keep(params, userConsent, at, found)).catch(() => undefined);
    const late = new Promise((_, reject) => { setTimeout(reject, params.timeoutMs ?? TIMEOUT_MS); });
    Promise.race([answer, late])
      .catch(() => kept(params, userConsent))
      .then(({ user, key_values: found = {} }) => {
        keyValues = found;
        addUser(reqBidsConfigObj.ortb2Fragments, params.bidders, user);
      })
      .catch(() => undefined)
      .finally(done);
  },
  getTargetingData: (adUnitCodes, { params }, userConsent, auction) => {
    const found = params.keyValues ? keyValues : {};
    replaceKeyValues(auction, found);
    return Object.fromEntries(adUnitCodes.map((code) => [code, found]));
  },
};

submodule("realTimeData", streamsegSubmodule);
