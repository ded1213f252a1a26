/* Example of a Prebid.js real-time data submodule that adds streamseg segments to bid requests.
 *
 * Copy it to Prebid's `modules/streamsegRtdProvider.js`, build with --modules=rtdModule,streamsegRtdProvider, and
 * configure it:
 *
 *   pbjs.setConfig({
 *     realTimeData: {
 *       auctionDelay: 100,
 *       dataProviders: [{
 *         name: "streamseg",
 *         waitForIt: true,
 *         params: {
 *           api: "https://segments.shop.example",
 *           key: "pk_...",                         // publishable; the segments must be public
 *           customer: "c-81",
 *           hash: "...",                           // HMAC-SHA256 of the customer id, from the shop's server
 *           bidders: ["bidderA", "bidderB"],       // only these bidders get the segments
 *           timeoutMs: 80,                         // less than auctionDelay
 *           keyValues: true,                       // also send ssg=<segment id> to the ad server
 *         },
 *       }],
 *     },
 *   });
 *
 * The API answers without segments when the customer does not consent to ads, or when the browser sends Global Privacy
 * Control. After a slow or failed answer the auction runs without segments.
 */
import { submodule } from "../src/hook.js";
import { mergeDeep } from "../src/utils.js";

const NAME = "streamseg";
const TIMEOUT_MS = 80;

export function fetchUser(params, timeoutMs = TIMEOUT_MS) {
  const url = new URL("/v1/openrtb/user", params.api);
  url.searchParams.set("id", params.customer);
  const proof = params.hash ? { "X-Streamseg-Hash": params.hash } : {};
  return fetch(url, {
    headers: { "X-API-Key": params.key, ...proof },
    credentials: "omit",
    signal: AbortSignal.timeout(timeoutMs),
  }).then((answer) => (answer.ok ? answer.json() : { user: { data: [] } }));
}

export function addUser(ortb2Fragments, bidders, user) {
  if (!user.data.length) return;
  for (const bidder of bidders) {
    ortb2Fragments.bidder[bidder] = mergeDeep({}, ortb2Fragments.bidder[bidder], { user });
  }
}

let keyValues = {};

export const streamsegSubmodule = {
  name: NAME,
  init: (config) => {
    const params = config.params || {};
    return Boolean(params.api && params.key && params.customer && Array.isArray(params.bidders));
  },
  getBidRequestData: (reqBidsConfigObj, done, config) => {
    fetchUser(config.params, config.params.timeoutMs)
      .then(({ user, key_values: found = {} }) => {
        keyValues = found;
        addUser(reqBidsConfigObj.ortb2Fragments, config.params.bidders, user);
      })
      .catch(() => undefined)
      .finally(done);
  },
  getTargetingData: (adUnitCodes, config) =>
    Object.fromEntries(adUnitCodes.map((code) => [code, config.params.keyValues ? keyValues : {}])),
};

submodule("realTimeData", streamsegSubmodule);
