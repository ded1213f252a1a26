"""Prebid.js with the module of deploy/examples, built into one script, and a shop's page that runs auctions with it."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.support.npm_packages.packages import npm_packages

EXAMPLE: Final = Path(__file__).parents[2] / "deploy" / "examples" / "streamsegRtdProvider.js"
ENTRY: Final = """
import pbjs from "prebid.js";
import "prebid.js/modules/rtdModule";
import "prebid.js/modules/consentManagementTcf";
import "prebid.js/modules/tcfControl";
import "./modules/streamsegRtdProvider.js";
pbjs.processQueue();
"""
PAGE: Final = """<!doctype html>
<script src="prebid.js"></script>
<script>
  const params = {
    api: "API", key: "KEY", customer: "c-81", hash: "HASH", bidders: ["bidderA"], timeoutMs: 10000, keyValues: true,
  };
  const vendors = { bidderA: 11, bidderB: 12 };
  const own = [{ name: "bidderA.example", segment: [{ id: "own" }] }];
  let got; // what each bidder of the last auction was told of the visitor
  for (const code in vendors) {
    const buildRequests = (_, { ortb2 }) => {
      got[code] = ortb2.user?.data ?? [];
      return [];
    };
    pbjs.registerBidAdapter(null, code, {
      code, supportedMediaTypes: ["banner"], isBidRequestValid: () => true, buildRequests,
    });
  }

  /* What a CMP tells Prebid. The visitor agrees to all for the bidders, and to some purposes for the shop itself. */
  const answer = ({ string, purposes = [1, 2, 4] }) => {
    const yes = (ids) => ({ consents: Object.fromEntries(ids.map((id) => [id, true])), legitimateInterests: {} });
    return {
      tcString: string, gdprApplies: true, eventStatus: "useractioncomplete",
      purpose: yes([1, 2, 4]), publisher: yes(purposes), vendor: yes(Object.values(vendors)),
    };
  };
  let decided; // tells Prebid what the visitor has decided in the dialogue
  window.__tcfapi = (command, version, callback) => {
    if (command === "addEventListener") decided = (consent) => callback(answer(consent), true);
  };
  window.decide = (consent) => decided(consent);

  /* Configure Prebid. Without a consent there is no CMP; one that is not `known` comes from the dialogue. */
  window.configure = (more = {}, consent = undefined) => {
    const known = { cmpApi: "static", consentData: { getTCData: consent && answer(consent) } };
    if (consent) pbjs.setConfig({ consentManagement: { gdpr: consent.known ? known : { cmpApi: "iab" } } });
    const provider = { name: "streamseg", waitForIt: true, params: { ...params, ...more } };
    pbjs.setConfig({ gvlMapping: vendors, realTimeData: { auctionDelay: 20000, dataProviders: [provider] } });
    pbjs.setBidderConfig({ bidders: ["bidderA"], config: { ortb2: { user: { data: own } } } });
  };

  /* Run an auction; return the OpenRTB `user.data` that each bidder was asked with. */
  window.auction = async (code = "top") => {
    got = {};
    const bids = Object.keys(vendors).map((bidder) => ({ bidder }));
    await pbjs.requestBids({ adUnits: [{ code, mediaTypes: { banner: { sizes: [[300, 250]] } }, bids }] });
    return got;
  };
  window.firstAuction = (more, consent) => {
    configure(more, consent);
    if (consent && !consent.known) decide(consent);
    return auction();
  };

  /* Return the segments that the ad server gets, by ad unit. */
  window.keyValues = () =>
    Object.fromEntries(Object.entries(pbjs.getAdserverTargeting()).map(([code, { ssg = null }]) => [code, ssg]));
</script>
"""


def build_prebid(folder: Path, script: Path) -> None:
    """Write `script`, which defines `pbjs`; `folder` takes what it is built from.

    The module lies where Prebid's own modules lie, in `modules/` beside `src/`: so what it imports are Prebid's own
    files, and the page has each of them once.
    """
    packages = npm_packages()
    (folder / "node_modules").symlink_to(packages)
    (folder / "src").symlink_to(packages / "prebid.js" / "dist" / "src" / "src")
    (folder / "modules").mkdir()
    shutil.copy(EXAMPLE, folder / "modules")
    (folder / "entry.js").write_text(ENTRY)
    esbuild = packages / ".bin" / "esbuild"
    options = ("--bundle", "--log-level=error", f"--outfile={script}")
    subprocess.run([esbuild, "entry.js", *options], cwd=folder, check=True)
