import { beforeEach, describe, expect, it } from "vitest";
import { agentIn, caseOf } from "./api";
import { accessibilityFaults } from "./browser";
import { stage } from "./stage";

const on = stage();

beforeEach(async () => {
  await on.page.goto(`${on.gateway.url}/graphiql`);
  await editorsReady();
});

const answer = () => on.page.locator(".graphiql-response");
/** Query, variables, headers and answer each have an editor, which takes no input until it is there. */
async function editorsReady() {
  await on.page.locator(".graphiql-query-editor .view-line", { hasText: "query" }).waitFor();
  await expect
    .poll(() => on.page.locator(".graphiql-container .monaco-editor textarea").count())
    .toBe(4);
}
const execute = () => on.page.getByRole("button", { name: /execute query/i }).click();

/** What the answer's editor shows, in plain spaces. */
const answered = async () =>
  (await answer().locator(".view-lines").innerText()).replaceAll("\u00a0", " ");

async function setVariables(variables: object) {
  await on.page.locator(".graphiql-editor-tool .view-lines").first().click();
  await on.page.keyboard.press("ControlOrMeta+A");
  await on.page.keyboard.insertText(JSON.stringify(variables));
  // The editor closes brackets and quotes by itself.
  await on.page.keyboard.press("ControlOrMeta+Shift+End");
  await on.page.keyboard.press("Delete");
}

describe("GraphiQL", () => {
  it("runs a query", async () => {
    const id = await on.simulator.enqueued();
    // The gateway hears of it a moment later than the simulator: an answer may come too soon.
    const shown = async () => {
      await execute();
      return await answer().getByText(id).first().isVisible();
    };
    await expect.poll(shown, { interval: 500 }).toBe(true);
    await on.simulator.step(id, "customer-disconnect");
  });

  it("runs a subscription and shows what comes", async () => {
    await on.page.getByRole("button", { name: "StatusChanges", exact: true }).click();
    await execute();
    const id = await on.simulator.enqueued();
    await answer().getByText(id).first().waitFor();
    await on.simulator.step(id, "customer-disconnect");
  });

  it("runs the example of each use", async () => {
    const id = await on.simulator.enqueued();
    await on.simulator.steps(id, "offer", "answer");
    const { objectId } = await caseOf(on.gateway, id);
    const agent = await agentIn(on.gateway, id);
    const input = { conversationId: id };
    // In this order: an example may build on the one before.
    const uses: [tab: string, answer: string, variables?: object][] = [
      ["OpenConversations", id],
      ["Cases", objectId],
      ["CasePage", id, { case: { key: "CASE", objectId } }],
      ["History", "statusHistory"],
      ["Counts", "CONNECTED"],
      ["Directory", "queueId"],
      ["Feed", "LIVE"],
      ["StatusChanges", id],
      ["ScreenPop", id, { agents: [agent] }],
      ["LiveCounts", "CONNECTED"],
      ["LiveFeed", "LIVE"],
      ["Register", '"created": true'],
      ["Link", "C-2026-4114"],
      ["Unlink", "INITIAL"],
      ["Refresh", "CONNECTED", { input }],
      ["Close", "ENDED", { input: { ...input, wrapUpCode: "Resolved" } }],
    ];
    const tabs = await on.page.locator(".graphiql-tab-button").allTextContents();
    expect(tabs.sort()).toEqual(uses.map(([tab]) => tab).sort());
    for (const [tab, words, variables] of uses) {
      await on.page.getByRole("button", { name: tab, exact: true }).click();
      if (variables) await setVariables(variables);
      await execute();
      await expect.poll(answered, { message: tab }).toContain(words);
      expect(await answered(), tab).not.toContain('"errors"');
      const stop = on.page.getByRole("button", { name: /stop query/i });
      if (await stop.isVisible()) await stop.click();
    }
  }, 90_000);

  it("remembers the headers", async () => {
    await on.page.getByRole("button", { name: "Headers" }).click();
    await on.page
      .locator(".graphiql-editor[aria-label=Headers], .graphiql-editor-tool")
      .last()
      .click();
    await on.page.keyboard.insertText('{"Authorization": "Bearer remembered"}');
    await expect
      .poll(() => on.page.evaluate(() => JSON.stringify(localStorage)))
      .toContain("Bearer remembered");
    await on.page.reload();
    await on.page.getByRole("button", { name: "Headers" }).click();
    await on.page.locator(".graphiql-editor-tool").getByText("Bearer remembered").waitFor();
  });

  it.each(["light", "dark"] as const)(
    "has no fault of accessibility in %s",
    async (colorScheme) => {
      await on.page.emulateMedia({ colorScheme });
      await on.page.reload();
      await editorsReady();
      expect(await accessibilityFaults(on.page)).toEqual([]);
    },
  );
});
