import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { agentIn, caseOf } from "./api";
import { accessibilityFaults, launch, openPage, type Watched } from "./browser";
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
  await page.goto(`${gateway.url}/graphiql`);
  await editorsReady();
});
afterEach(async () => {
  await watched.context.close();
  expect(watched.complaints).toEqual([]);
  expect(watched.strays).toEqual([]);
});

const answer = () => page.locator(".graphiql-response");
/** Query, variables, headers and answer each have an editor, which takes no input until it is there. */
async function editorsReady() {
  await page.locator(".graphiql-query-editor .view-line", { hasText: "query" }).waitFor();
  await expect
    .poll(() => page.locator(".graphiql-container .monaco-editor textarea").count())
    .toBe(4);
}
const execute = () => page.getByRole("button", { name: /execute query/i }).click();

/** What the answer's editor shows, in plain spaces. */
const answered = async () =>
  (await answer().locator(".view-lines").innerText()).replaceAll("\u00a0", " ");

async function setVariables(variables: object) {
  await page.locator(".graphiql-editor-tool .view-lines").first().click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText(JSON.stringify(variables));
  // The editor closes brackets and quotes by itself.
  await page.keyboard.press("ControlOrMeta+Shift+End");
  await page.keyboard.press("Delete");
}

describe("GraphiQL", () => {
  it("runs a query", async () => {
    const id = await simulator.enqueued();
    // The gateway hears of it a moment later than the simulator: an answer may come too soon.
    const shown = async () => {
      await execute();
      return await answer().getByText(id).first().isVisible();
    };
    await expect.poll(shown, { timeout: 15_000, interval: 500 }).toBe(true);
    await simulator.step(id, "customer-disconnect");
  });

  it("runs a subscription and shows what comes", async () => {
    await page.getByRole("button", { name: "StatusChanges", exact: true }).click();
    await execute();
    const id = await simulator.enqueued();
    await answer().getByText(id).first().waitFor();
    await simulator.step(id, "customer-disconnect");
  });

  it("runs the example of each use", async () => {
    const id = await simulator.enqueued();
    await simulator.steps(id, "offer", "answer");
    const { objectId } = await caseOf(gateway, id);
    const agent = await agentIn(gateway, id);
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
    const tabs = await page.locator(".graphiql-tab-button").allTextContents();
    expect(tabs.sort()).toEqual(uses.map(([tab]) => tab).sort());
    for (const [tab, words, variables] of uses) {
      await page.getByRole("button", { name: tab, exact: true }).click();
      if (variables) await setVariables(variables);
      await execute();
      await expect.poll(answered, { message: tab, timeout: 15_000 }).toContain(words);
      expect(await answered(), tab).not.toContain('"errors"');
      const stop = page.getByRole("button", { name: /stop query/i });
      if (await stop.isVisible()) await stop.click();
    }
  }, 90_000);

  it("remembers the headers", async () => {
    await page.getByRole("button", { name: "Headers" }).click();
    await page
      .locator(".graphiql-editor[aria-label=Headers], .graphiql-editor-tool")
      .last()
      .click();
    await page.keyboard.insertText('{"Authorization": "Bearer remembered"}');
    await expect
      .poll(() => page.evaluate(() => JSON.stringify(localStorage)))
      .toContain("Bearer remembered");
    await page.reload();
    await page.getByRole("button", { name: "Headers" }).click();
    await page.locator(".graphiql-editor-tool").getByText("Bearer remembered").waitFor();
  });

  it.each(["light", "dark"] as const)(
    "has no fault of accessibility in %s",
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      await page.reload();
      await editorsReady();
      expect(await accessibilityFaults(page)).toEqual([]);
    },
  );
});
