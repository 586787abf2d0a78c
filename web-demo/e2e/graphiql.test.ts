import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
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

  it("offers an example of each use", async () => {
    for (const name of [
      "OpenConversations",
      "StatusChanges",
      "Register",
      "Link",
      "History",
      "Feed",
      "Cases",
      "Close",
      "Directory",
    ]) {
      await page.getByRole("button", { name, exact: true }).waitFor();
    }
  });

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
