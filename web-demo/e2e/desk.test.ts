import { describe, expect, it } from "vitest";
import { ask, type Known, until } from "./api";
import { stage } from "./stage";

const on = stage();
const connected = ({ calculatedStatus }: Known) => calculatedStatus === "CONNECTED";

describe("the screen pop", () => {
  it("opens the page of the target when the agent answers, by a transfer too", async () => {
    const first = await on.simulator.enqueued();
    await on.simulator.steps(first, "offer", "answer");
    const { owner } = await until(on.gateway, first, connected);
    const agent = String(owner?.genesysId);
    await on.page.goto(`${on.gateway.url}/wallboard`);
    await on.page.getByLabel("I am agent").selectOption(agent);

    const offered = await on.simulator.enqueued();
    await on.simulator.step(offered, "offer", { userId: agent });
    const target = await popPage(offered);
    expect(new URL(on.page.url()).pathname).toBe("/wallboard");
    await on.simulator.step(offered, "answer");
    await on.page.waitForURL(`**${target}`);
    await on.page.getByText("You answered.").waitFor();

    const transferred = await on.simulator.enqueued();
    await on.simulator.steps(transferred, "offer", "answer");
    const next = await popPage(transferred);
    await on.simulator.step(transferred, "transfer", { userId: agent });
    await on.simulator.step(transferred, "answer");
    await on.page.waitForURL(`**${next}`);
    for (const id of [first, offered, transferred])
      await on.simulator.step(id, "customer-disconnect");
  });
});

/** Where the registration of a conversation says that the agent is to be led. */
async function popPage(id: string): Promise<string> {
  const known = await until(on.gateway, id, ({ context, initialScreenPopTarget: target }) =>
    context.some(({ key }) => key === target),
  );
  const target = known.initialScreenPopTarget;
  const folder = target === "CASE" ? "cases" : "parties";
  return `/${folder}/${known.context.find(({ key }) => key === target)?.objectId}`;
}

/** How many conversations the gateway counts as open. */
async function openInAll(): Promise<string> {
  const query = "{ conversationCounts(groupBy: []) { count } }";
  const { conversationCounts } = await ask<{ conversationCounts: { count: number }[] }>(
    on.gateway,
    query,
  );
  return `${conversationCounts[0]?.count ?? 0}`;
}

describe("the wallboard", () => {
  const tile = (label: string) => on.page.locator(`[data-tile="${label}"] .tile-count`);

  it("counts by queue and status as it happens, and ticks the longest wait", async () => {
    await on.page.goto(`${on.gateway.url}/wallboard`);
    await on.page.getByRole("button", { name: /^Feed: Live/ }).waitFor();
    const open = await openInAll();
    await expect.poll(() => tile("All open").textContent()).toBe(open);
    await expect.poll(() => tile("Waiting").textContent()).toBe("0");
    const id = await on.simulator.enqueued();
    await expect.poll(() => tile("Waiting").textContent()).toBe("1");
    const { lastQueueName } = await until(on.gateway, id, (known) => known.lastQueueName !== null);
    const line = on.page.locator(`[data-queue="${lastQueueName}"]`);
    const wait = () => line.getByRole("cell").nth(1).textContent();
    const before = await wait();
    await expect.poll(wait).not.toBe(before);
    await on.simulator.steps(id, "offer", "answer");
    await expect.poll(() => tile("Talking").textContent()).toBe("1");
    await expect.poll(() => tile("Waiting").textContent()).toBe("0");
    await on.page.getByRole("img", { name: /waiting \d+ to \d+, with agents/ }).waitFor();
    await on.simulator.steps(id, "customer-disconnect", "wrap-up");
    await expect.poll(() => tile("All open").textContent()).toBe(open);
  });
});
