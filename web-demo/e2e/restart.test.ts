import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launch, openPage } from "./browser";
import { Gateway } from "./gateway";
import { Simulator } from "./simulator";

let gateway: Gateway;
let browser: Browser;

beforeAll(async () => {
  gateway = await Gateway.start();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
});

it("recovers by itself when the gateway has crashed and is started again", async () => {
  const simulator = new Simulator(gateway.simulatorUrl);
  const { page, strays } = await openPage(browser, gateway);
  const badgeOf = (id: string, status: string) =>
    page.locator(`[data-conversation="${id}"] [data-status="${status}"]`);
  let loads = 0;
  page.on("load", () => {
    loads += 1;
  });
  await page.goto(`${gateway.url}/conversations`);
  const before = await simulator.enqueued();
  await badgeOf(before, "WAITING_IN_QUEUE").waitFor();

  await gateway.kill();
  await page.getByText(/^Stale since \d\d:\d\d:\d\d\.$/).waitFor();
  await page.getByText("No line to the gateway.").waitFor();
  await badgeOf(before, "WAITING_IN_QUEUE").waitFor();

  await gateway.run();
  await page.getByText(/^Reconnected at \d\d:\d\d:\d\d:$/).waitFor();
  await page.getByRole("button", { name: /^Feed: Live/ }).waitFor();
  const after = await simulator.enqueued();
  await badgeOf(after, "WAITING_IN_QUEUE").waitFor();
  await simulator.steps(after, "offer", "answer");
  await badgeOf(after, "CONNECTED").waitFor();
  expect(loads).toBe(1);
  expect(strays).toEqual([]);
});
