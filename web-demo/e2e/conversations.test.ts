import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { cable, launch, openPage, type Watched } from "./browser";
import { Gateway } from "./gateway";
import { Simulator } from "./simulator";

let gateway: Gateway;
let simulator: Simulator;
let browser: Browser;
let watched: Watched;
let page: Page;

beforeAll(async () => {
  gateway = await Gateway.start();
  simulator = new Simulator(gateway.simulatorUrl);
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
});

beforeEach(async () => {
  watched = await openPage(browser, gateway);
  page = watched.page;
});
afterEach(async () => {
  await watched.context.close();
  expect(watched.strays).toEqual([]);
});

const rowOf = (id: string) => page.locator(`[data-conversation="${id}"]`);
const badgeOf = (id: string, status: string) => rowOf(id).locator(`[data-status="${status}"]`);

describe("the list of conversations", () => {
  it("shows each change of a conversation as it happens, and lets it go when it is over", async () => {
    await page.goto(`${gateway.url}/conversations`);
    await page.getByRole("button", { name: /^Feed: Live/ }).waitFor();

    const id = await simulator.enqueued();
    await badgeOf(id, "WAITING_IN_QUEUE").getByText("Waiting in queue").waitFor();
    await rowOf(id).getByText("Voice").waitFor();
    await simulator.step(id, "offer");
    await badgeOf(id, "ALERTING").getByText("Alerting agent").waitFor();
    await simulator.step(id, "answer");
    await badgeOf(id, "CONNECTED").getByText("Connected").waitFor();
    await rowOf(id).getByText("Agent").waitFor({ state: "attached" });
    await simulator.step(id, "hold");
    await badgeOf(id, "ON_HOLD").waitFor();
    await simulator.step(id, "unhold");
    await badgeOf(id, "CONNECTED").waitFor();
    await simulator.steps(id, "customer-disconnect", "wrap-up");
    await rowOf(id).waitFor({ state: "detached" });
    expect(watched.complaints).toEqual([]);
  });

  it("counts the time in the status up, second by second", async () => {
    const id = await simulator.enqueued();
    await page.goto(`${gateway.url}/conversations`);
    const time = badgeOf(id, "WAITING_IN_QUEUE").locator("time");
    const seconds = async () => Number((await time.textContent())?.split(":").pop());
    const first = await seconds();
    await expect.poll(seconds, { timeout: 5_000 }).toBeGreaterThan(first + 1);
    await simulator.step(id, "customer-disconnect");
  });

  it("lists what was there before it was opened, and filters by status in the address", async () => {
    const waiting = await simulator.enqueued();
    const talking = await simulator.enqueued("chat");
    await simulator.steps(talking, "offer", "answer");
    await page.goto(`${gateway.url}/conversations`);
    await badgeOf(waiting, "WAITING_IN_QUEUE").waitFor();
    await badgeOf(talking, "CONNECTED").waitFor();

    await page.getByRole("button", { name: /^Connected/ }).click();
    await rowOf(waiting).waitFor({ state: "detached" });
    await badgeOf(talking, "CONNECTED").waitFor();
    await page.waitForURL("**/conversations?status=CONNECTED");
    await page.reload();
    await badgeOf(talking, "CONNECTED").waitFor();
    expect(await rowOf(waiting).count()).toBe(0);
    await simulator.step(waiting, "customer-disconnect");
    await simulator.step(talking, "customer-disconnect");
  });

  it("loses nothing when the line is cut and comes back", async () => {
    const id = await simulator.enqueued();
    await page.goto(`${gateway.url}/conversations`);
    await badgeOf(id, "WAITING_IN_QUEUE").waitFor();
    await simulator.step(id, "offer");
    await badgeOf(id, "ALERTING").waitFor();

    const line = await cable(page);
    await line.pull();
    await page.getByText(/^Stale since \d\d:\d\d:\d\d\.$/).waitFor({ timeout: 20_000 });
    await simulator.steps(id, "answer", "hold");
    await line.plug();
    await badgeOf(id, "ON_HOLD").waitFor();
    await page.getByText(/[2-9] changes recovered/).waitFor();
    await simulator.step(id, "customer-disconnect");
  });
});
