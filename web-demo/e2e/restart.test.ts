import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ask, historyOf, until } from "./api";
import { launch, openPage } from "./browser";
import { Gateway } from "./gateway";
import { Simulator } from "./simulator";

let gateway: Gateway;
let browser: Browser;

beforeAll(async () => {
  gateway = await Gateway.start({ apart: true });
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
});

const link = `mutation ($input: LinkConversationInput!) { linkConversation(input: $input) { feedCursor } }`;

it("misses nothing when the gateway is killed, business goes on, and it is started again", async () => {
  const simulator = new Simulator(gateway.simulatorUrl);
  const { page, strays } = await openPage(browser, gateway);
  const badgeOf = (id: string, status: string) =>
    page.locator(`[data-conversation="${id}"] [data-status="${status}"]`);
  let loads = 0;
  page.on("load", () => {
    loads += 1;
  });
  await page.goto(gateway.url);
  const id = await simulator.enqueued();
  await until(gateway, id, ({ calculatedStatus }) => calculatedStatus === "WAITING_IN_QUEUE");
  const input = { conversationId: id, key: "CASE", objectId: "7", name: "C-7", verb: "UPDATED" };
  await ask(gateway, link, { input });
  await badgeOf(id, "WAITING_IN_QUEUE").waitFor();

  await gateway.kill();
  await page.getByText(/^Stale since \d\d:\d\d:\d\d\.$/).waitFor();
  await page.getByText("No line to the gateway.").waitFor();
  await badgeOf(id, "WAITING_IN_QUEUE").waitFor();
  await simulator.steps(id, "offer", "answer", "hold");

  await gateway.run();
  await page.getByText(/^Reconnected at \d\d:\d\d:\d\d:$/).waitFor();
  await badgeOf(id, "ON_HOLD").waitFor({ timeout: 30_000 });
  await page.getByRole("button", { name: /^Feed: Live/ }).waitFor({ timeout: 30_000 });
  expect(await historyOf(gateway, id)).toEqual([
    "WAITING_IN_QUEUE",
    "ALERTING",
    "CONNECTED",
    "ON_HOLD",
  ]);

  await simulator.step(id, "unhold");
  await badgeOf(id, "CONNECTED").waitFor();
  expect(loads).toBe(1);
  expect(strays).toEqual([]);
}, 90_000);
