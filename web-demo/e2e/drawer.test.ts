import { describe, expect, it } from "vitest";
import { historyOf } from "./api";
import { stage } from "./stage";

const on = stage();
const drawer = () => on.page.getByRole("complementary");
const item = () => on.page.locator("[data-started]").first();
const press = (name: string | RegExp) => drawer().getByRole("button", { name }).first().click();
const shows = (status: string) => item().locator(`[data-status="${status}"]`).waitFor();
const started = async () => String(await item().getAttribute("data-started"));
const history = async () => historyOf(on.gateway, await started());
const feedButton = (name: RegExp) => on.page.getByRole("button", { name });
const feed = (name: RegExp) => feedButton(name).waitFor({ timeout: 60_000 });

async function openDrawer() {
  await on.page.goto(on.gateway.url);
  await feed(/^Feed: Live/);
  await on.page.getByRole("button", { name: "Simulator", exact: true }).click();
}

describe("the simulator drawer", () => {
  it("begins a call, and steps it to its end", async () => {
    await openDrawer();
    await press("Voice call");
    await shows("WAITING_IN_QUEUE");
    await press("Offer to an agent");
    await shows("ALERTING");
    await press("Answer");
    await shows("CONNECTED");
    await press("Hold");
    await shows("ON_HOLD");
    await press("Retrieve");
    await shows("CONNECTED");
    await press("Transfer to a queue");
    await shows("WAITING_IN_QUEUE");
    await press("Customer ends");
    await shows("AFTER_CALL_WORK");
    await press("Wrap up");
    await shows("ENDED");
    expect(await history()).toEqual([
      "WAITING_IN_QUEUE",
      "ALERTING",
      "CONNECTED",
      "ON_HOLD",
      "CONNECTED",
      "TRANSFERRING",
      "WAITING_IN_QUEUE",
      "AFTER_CALL_WORK",
      "ENDED",
    ]);
  });

  it.each([
    ["E-mail", "WAITING_IN_QUEUE"],
    ["Message", "WAITING_IN_QUEUE"],
    ["Callback", "SCHEDULED"],
  ])("begins: %s", async (name, status) => {
    await openDrawer();
    await press(name);
    await shows(status);
    await press("End");
    await shows("ENDED");
    expect(await history()).toEqual([status, "ENDED"]);
  });

  it("says why a step cannot be taken", async () => {
    on.allowComplaints();
    let deaf = false;
    await on.page.routeWebSocket("**/graphql", (socket) => {
      const server = socket.connectToServer();
      server.onMessage((message) => {
        if (!deaf) socket.send(message);
      });
    });
    await openDrawer();
    await press("Voice call");
    await shows("WAITING_IN_QUEUE");
    // It ends by another hand, and the page does not hear of it.
    deaf = true;
    const id = await started();
    await on.simulator.step(id, "customer-disconnect");
    await press("Offer to an agent");
    await drawer().locator(".drawer-refused").waitFor();
    await shows("WAITING_IN_QUEUE");
    await expect.poll(history).toEqual(["WAITING_IN_QUEUE", "ENDED"]);
  });
});

describe("breaking the feed", () => {
  it("a dropped socket is healed by itself, and nothing is missed", async () => {
    await openDrawer();
    await press("Voice call");
    await shows("WAITING_IN_QUEUE");
    const id = await started();
    await press(/^Drop the socket/);
    await feed(/^Feed: (Stale since|Catching up)/);
    await on.simulator.steps(id, "offer", "answer");
    await feed(/^Feed: Live/);
    await shows("CONNECTED");
    expect(await history()).toEqual(["WAITING_IN_QUEUE", "ALERTING", "CONNECTED"]);
    await on.simulator.step(id, "customer-disconnect");
  }, 120_000);

  it("silence is noticed, said, and over when it is healed", async () => {
    await openDrawer();
    await press(/^Fall silent/);
    await feed(/^Feed: Stale since \d\d:\d\d:\d\d/);
    await on.page.getByText("The gateway cannot hear Genesys.").waitFor();
    await press("Heal now");
    await feed(/^Feed: Live/);
    await press("E-mail");
    await shows("WAITING_IN_QUEUE");
    await press("End");
  }, 120_000);

  it("a limited rate keeps the gateway from coming back until it is lifted", async () => {
    await openDrawer();
    await press(/^Rate limit/);
    const { simulator } = on;
    await expect.poll(() => simulator.apiStatus()).toBe(429);
    const calls = await simulator.apiCalls();
    await press(/^Drop the socket/);
    await feed(/^Feed: Stale since/);
    await expect.poll(() => simulator.apiCalls()).toBeGreaterThan(calls);
    // The limit holds still: what the gateway asked in between was answered 429.
    expect(await simulator.apiStatus()).toBe(429);
    expect(await feedButton(/^Feed: Stale since/).isVisible()).toBe(true);
    await press("Heal now");
    await feed(/^Feed: Live/);
  }, 120_000);

  it("what comes twice or out of order is shown once and in order", async () => {
    await openDrawer();
    await press(/^Send twice, out of order/);
    await press("Voice call");
    await shows("WAITING_IN_QUEUE");
    for (const [words, status] of [
      ["Offer to an agent", "ALERTING"],
      ["Answer", "CONNECTED"],
      ["Hold", "ON_HOLD"],
      ["Retrieve", "CONNECTED"],
    ] as const) {
      await press(words);
      await shows(status);
    }
    expect(await history()).toEqual([
      "WAITING_IN_QUEUE",
      "ALERTING",
      "CONNECTED",
      "ON_HOLD",
      "CONNECTED",
    ]);
    await press("Heal now");
    await press("Customer ends");
  });
});
