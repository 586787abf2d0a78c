import { describe, expect, it } from "vitest";
import { caseOf, until } from "./api";
import { accessibilityFaults } from "./browser";
import { stage } from "./stage";

const on = stage();
const caseRow = (objectId: string) => on.page.locator(`[data-case="${objectId}"]`);
const badge = (id: string, status: string) =>
  on.page.locator(`[data-conversation="${id}"] [data-status="${status}"]`);

describe("the list of cases", () => {
  it("shows a case as soon as a conversation is about it, with its live badge", async () => {
    await on.page.goto(on.gateway.url);
    await on.page.getByRole("button", { name: /^Feed: Live/ }).waitFor();
    const id = await on.simulator.enqueued();
    const { objectId, number } = await caseOf(on.gateway, id);
    await caseRow(objectId).getByText(number).waitFor();
    await badge(id, "WAITING_IN_QUEUE").getByText("Waiting in queue").waitFor();
    await on.simulator.steps(id, "offer", "answer");
    await badge(id, "CONNECTED").waitFor();
    await on.simulator.steps(id, "hold");
    await badge(id, "ON_HOLD").waitFor();
    await on.simulator.step(id, "customer-disconnect");
  });

  it("keeps its filters in the address", async () => {
    const voice = await on.simulator.enqueued("voice");
    const mail = await on.simulator.enqueued("email");
    await on.simulator.steps(mail, "offer", "answer");
    const [voiceCase, mailCase] = [await caseOf(on.gateway, voice), await caseOf(on.gateway, mail)];
    const known = await until(
      on.gateway,
      mail,
      ({ calculatedStatus }) => calculatedStatus === "CONNECTED",
    );
    await on.page.goto(on.gateway.url);
    await badge(mail, "CONNECTED").waitFor();
    await badge(voice, "WAITING_IN_QUEUE").waitFor();

    await on.page.getByLabel("Medium").selectOption("EMAIL");
    await caseRow(voiceCase.objectId).waitFor({ state: "detached" });
    await on.page.getByLabel("Queue").selectOption(String(known.lastQueueName));
    await on.page.locator(".filters").getByLabel("Agent").selectOption(String(known.owner?.name));
    await on.page.getByRole("button", { name: /^Connected/ }).click();
    await on.page.getByLabel("Search").fill(mailCase.number);
    const asked = () => [...new URL(on.page.url()).searchParams.keys()].sort();
    await expect.poll(asked).toEqual(["agent", "media", "q", "queue", "status"]);
    await on.page.reload();
    await caseRow(mailCase.objectId).waitFor();
    await on.page.getByText(/^1 of \d+$/).waitFor();
    await on.page.getByLabel("Search").fill("no such case");
    await on.page.getByText("No case matches the filter now.").waitFor();
    await on.simulator.step(voice, "customer-disconnect");
  });
});

describe("the page of a case", () => {
  it("draws the conversation's life and lets it grow while one looks", async () => {
    const id = await on.simulator.enqueued();
    const { objectId, number } = await caseOf(on.gateway, id);
    await on.page.goto(on.gateway.url);
    await caseRow(objectId).getByRole("link").click();
    await on.page.waitForURL(`**/cases/${objectId}`);
    await on.page.getByRole("heading", { level: 1, name: new RegExp(number) }).waitFor();
    const panel = on.page.locator(`article[data-conversation="${id}"]`);
    const steps = panel.getByRole("table", { name: "Status history" });
    await steps.getByText("Waiting in queue").waitFor();

    await on.simulator.steps(id, "offer", "answer", "hold", "unhold");
    await steps.getByText("On hold").waitFor();
    const { owner } = await until(on.gateway, id, ({ calculatedStatus, owner }) =>
      Boolean(calculatedStatus === "CONNECTED" && owner?.name),
    );
    await panel.getByRole("list", { name: "Who had it" }).getByText(String(owner?.name)).waitFor();
    await panel.getByRole("img", { name: /Connected .*On hold .*Connected/ }).waitFor();
    await on.simulator.step(id, "transfer");
    await steps.getByText("Waiting in queue").nth(1).waitFor();
    await on.simulator.steps(id, "offer", "answer");
    await expect
      .poll(() => panel.getByRole("list", { name: "Who had it" }).locator(".lane-staff").count())
      .toBe(2);
    await on.simulator.step(id, "customer-disconnect");
  });

  it("closes with a wrap-up code, and says what Genesys said", async () => {
    const id = await on.simulator.enqueued();
    await on.simulator.steps(id, "offer", "answer");
    await on.page.goto(`${on.gateway.url}/conversations/${id}`);
    await badge(id, "CONNECTED").waitFor();
    await on.page.getByRole("button", { name: "Close…" }).click();
    await on.page.getByLabel("Wrap-up code").selectOption("Resolved");
    await on.page.getByRole("button", { name: "Close conversation" }).click();
    await on.page.getByText("Closed: Genesys shows it as ended.").waitFor();
    await badge(id, "ENDED").waitFor();
    const participants = on.page.getByRole("table", { name: "Participants" });
    await participants.getByText("Resolved").waitFor();
  });

  it("shows a refusal as a refusal and changes nothing by itself", async () => {
    on.allowComplaints();
    const id = await on.simulator.enqueued();
    await on.simulator.steps(id, "offer", "answer");
    await on.page.goto(`${on.gateway.url}/conversations/${id}`);
    await badge(id, "CONNECTED").waitFor();
    await on.page.getByRole("button", { name: "Close…" }).click();
    await on.simulator.fault({ status: 503, path: "/api/v2/conversations", forMs: 60_000 });
    await on.page.getByRole("button", { name: "Close conversation" }).click();
    await on.page.locator(".outcome-failed").waitFor();
    await badge(id, "CONNECTED").waitFor();
    await on.simulator.heal();
    await on.simulator.step(id, "customer-disconnect");
  });

  it("refreshes and links, and the link leads to its page", async () => {
    const id = await on.simulator.enqueued();
    await on.page.goto(`${on.gateway.url}/conversations/${id}`);
    await badge(id, "WAITING_IN_QUEUE").waitFor();
    await on.page.getByRole("button", { name: "Refresh" }).click();
    await on.page.getByText("Read anew from Genesys: Waiting in queue.").waitFor();
    await on.page.getByRole("button", { name: "Link…" }).click();
    await on.page.getByLabel("Kind").selectOption("Task");
    await on.page.getByLabel("Id", { exact: true }).fill("t-12");
    await on.page.getByLabel("Name").fill("Call back about the roof");
    await on.page.getByRole("button", { name: "Link", exact: true }).click();
    await on.page.getByText("Linked with Call back about the roof.").waitFor();
    await on.page.getByRole("link", { name: "Call back about the roof" }).click();
    await on.page.waitForURL("**/tasks/t-12");
    await badge(id, "WAITING_IN_QUEUE").waitFor();
    await on.simulator.step(id, "customer-disconnect");
  });

  it.each([
    ["light", 1280],
    ["dark", 360],
  ] as const)(
    "has no fault of accessibility, nor has the list, in %s at %i px",
    async (colorScheme, width) => {
      const id = await on.simulator.enqueued();
      await on.simulator.steps(id, "offer", "answer", "hold");
      const { objectId } = await caseOf(on.gateway, id);
      await on.page.emulateMedia({ colorScheme });
      await on.page.setViewportSize({ width, height: 900 });
      for (const path of ["/", `/cases/${objectId}`]) {
        await on.page.goto(on.gateway.url + path);
        await badge(id, "ON_HOLD").first().waitFor();
        if (path !== "/") await on.page.getByRole("button", { name: "Close…" }).first().click();
        expect(await accessibilityFaults(on.page)).toEqual([]);
        const wide = await on.page.evaluate(() => document.documentElement.scrollWidth);
        expect(wide).toBeLessThanOrEqual(width);
      }
      await on.simulator.step(id, "customer-disconnect");
    },
  );
});
