import { describe, expect, it } from "vitest";
import { until } from "./api";
import { cable } from "./browser";
import { stage } from "./stage";

const on = stage();
const rowOf = (id: string) => on.page.locator(`[data-conversation="${id}"]`);
const badgeOf = (id: string, status: string) => rowOf(id).locator(`[data-status="${status}"]`);

describe("the list of conversations", () => {
  it("shows each change of a conversation as it happens, and lets it go when it is over", async () => {
    await on.page.goto(`${on.gateway.url}/conversations`);
    await on.page.getByRole("button", { name: /^Feed: Live/ }).waitFor();

    const id = await on.simulator.enqueued();
    await badgeOf(id, "WAITING_IN_QUEUE").getByText("Waiting in queue").waitFor();
    await rowOf(id).getByText("Voice").waitFor();
    await on.simulator.step(id, "offer");
    await badgeOf(id, "ALERTING").getByText("Alerting agent").waitFor();
    await on.simulator.step(id, "answer");
    await badgeOf(id, "CONNECTED").getByText("Connected").waitFor();
    await rowOf(id).getByText("Agent").waitFor({ state: "attached" });
    await on.simulator.step(id, "hold");
    await badgeOf(id, "ON_HOLD").waitFor();
    await on.simulator.step(id, "unhold");
    await badgeOf(id, "CONNECTED").waitFor();
    await on.simulator.steps(id, "customer-disconnect", "wrap-up");
    await rowOf(id).waitFor({ state: "detached" });
  });

  it("counts the time in the status up, second by second", async () => {
    const id = await on.simulator.enqueued();
    await on.page.goto(`${on.gateway.url}/conversations`);
    const time = badgeOf(id, "WAITING_IN_QUEUE").locator("time");
    const seconds = async () => Number((await time.textContent())?.split(":").pop());
    const first = await seconds();
    await expect.poll(seconds).toBeGreaterThan(first + 1);
    await on.simulator.step(id, "customer-disconnect");
  });

  it("lists what was there before it was opened, and filters by status in the address", async () => {
    const waiting = await on.simulator.enqueued();
    const talking = await on.simulator.enqueued("chat");
    await on.simulator.steps(talking, "offer", "answer");
    await on.page.goto(`${on.gateway.url}/conversations`);
    await badgeOf(waiting, "WAITING_IN_QUEUE").waitFor();
    await badgeOf(talking, "CONNECTED").waitFor();

    await on.page.getByRole("button", { name: /^Connected/ }).click();
    await rowOf(waiting).waitFor({ state: "detached" });
    await badgeOf(talking, "CONNECTED").waitFor();
    await on.page.waitForURL("**/conversations?status=CONNECTED");
    await on.page.reload();
    await badgeOf(talking, "CONNECTED").waitFor();
    expect(await rowOf(waiting).count()).toBe(0);
    await on.simulator.step(waiting, "customer-disconnect");
    await on.simulator.step(talking, "customer-disconnect");
  });

  it("loses nothing when the line is cut and comes back", async () => {
    on.allowComplaints();
    const id = await on.simulator.enqueued();
    await on.page.goto(`${on.gateway.url}/conversations`);
    await badgeOf(id, "WAITING_IN_QUEUE").waitFor();
    await on.simulator.step(id, "offer");
    await badgeOf(id, "ALERTING").waitFor();

    const line = await cable(on.page);
    await line.pull();
    await on.page.getByText(/^Stale since \d\d:\d\d:\d\d\.$/).waitFor({ timeout: 20_000 });
    await on.simulator.steps(id, "answer", "hold");
    await until(on.gateway, id, (known) => known.calculatedStatus === "ON_HOLD");
    await line.plug();
    await badgeOf(id, "ON_HOLD").waitFor();
    await on.page.getByText(/[2-9] changes recovered/).waitFor();
    await on.simulator.step(id, "customer-disconnect");
  });
});
