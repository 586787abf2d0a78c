import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { stage } from "./stage";

const on = stage();
const badge = (id: string) =>
  on.page.locator(`#badges dcm-conversation-badge[conversation-id="${id}"]`);
const has = (id: string, status: string) =>
  expect.poll(() => badge(id).getAttribute("status")).toBe(status);

describe("the badge in a plain page", () => {
  it("is one small file", async () => {
    const file = await (await fetch(`${on.gateway.url}/badge.js`)).text();
    expect(gzipSync(file).length).toBeLessThan(15_000);
    expect(file).not.toMatch(/^\s*import\b/m);
  });

  it("follows its conversation, on one socket for all badges", async () => {
    let sockets = 0;
    on.page.on("websocket", () => {
      sockets += 1;
    });
    const ids = [await on.simulator.enqueued(), await on.simulator.enqueued("email")];
    const [id = "", other = ""] = ids;
    await on.page.goto(`${on.gateway.url}/badge-example`);
    await has(id, "WAITING_IN_QUEUE");
    await has(other, "WAITING_IN_QUEUE");
    await badge(id).getByText("Waiting in queue").waitFor();
    await on.simulator.steps(id, "offer", "answer");
    await has(id, "CONNECTED");
    const time = badge(id).locator("time");
    const before = await time.textContent();
    await expect.poll(() => time.textContent()).not.toBe(before);
    expect(sockets).toBe(1);
    await on.simulator.step(id, "customer-disconnect");
  });

  it("holds a transfer back for a second", async () => {
    const id = await on.simulator.enqueued();
    await on.simulator.steps(id, "offer", "answer");
    await on.page.goto(`${on.gateway.url}/badge-example`);
    await has(id, "CONNECTED");
    await badge(id).evaluate((element) => {
      const seen: (string | null)[] = [];
      Object.assign(window, { seen });
      const note = () => seen.push(element.getAttribute("status"));
      new MutationObserver(note).observe(element, { attributeFilter: ["status"] });
    });
    const seen = () => on.page.evaluate(() => (window as unknown as { seen: string[] }).seen);
    await on.simulator.step(id, "transfer", { gapMs: 300 });
    await has(id, "WAITING_IN_QUEUE");
    expect(await seen()).not.toContain("TRANSFERRING");
    await on.simulator.steps(id, "offer", "answer");
    await has(id, "CONNECTED");
    await on.simulator.step(id, "transfer", { gapMs: 2_500 });
    await has(id, "WAITING_IN_QUEUE");
    expect(await seen()).toContain("TRANSFERRING");
    await on.simulator.step(id, "customer-disconnect");
  });

  it("says that it is stale when the gateway is gone, and resumes when it is back", async () => {
    on.allowComplaints();
    const id = await on.simulator.enqueued();
    await on.page.goto(`${on.gateway.url}/badge-example`);
    await has(id, "WAITING_IN_QUEUE");
    await on.gateway.kill();
    await badge(id)
      .getByText(/^stale since \d\d:\d\d:\d\d$/)
      .waitFor();
    expect(await badge(id).getAttribute("status")).toBe("WAITING_IN_QUEUE");
    await on.gateway.run();
    await expect.poll(() => badge(id).getAttribute("stale"), { timeout: 20_000 }).toBeNull();
  });
});
