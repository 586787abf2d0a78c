import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { agentIn, ask, caseOf } from "./api";
import { accessibilityFaults } from "./browser";
import { stage } from "./stage";

const on = stage();
const button = (name: string | RegExp) => on.page.getByRole("button", { name }).first();

interface Look {
  path: string;
  /** Brings the page to where it is looked at. */
  ready: (page: Page) => Promise<unknown>;
}

/** A conversation that has lived through something and is linked with one object of each kind. */
async function conversation() {
  const id = await on.simulator.enqueued();
  await on.simulator.steps(id, "offer", "answer", "hold");
  const { objectId } = await caseOf(on.gateway, id);
  const mutation = `mutation ($input: LinkConversationInput!) { linkConversation(input: $input) { feedCursor } }`;
  for (const key of ["TASK", "EXTERNALPARTY"]) {
    const input = { conversationId: id, key, objectId: `${key}-1`, name: "Roof", verb: "UPDATED" };
    await ask(on.gateway, mutation, { input });
  }
  return { id, caseId: objectId, agent: await agentIn(on.gateway, id) };
}

/** Every page, with what can be opened on it. */
const looks: Record<string, (of: Awaited<ReturnType<typeof conversation>>) => Look> = {
  cases: ({ caseId }) => ({
    path: "/",
    ready: (page) => page.locator(`[data-case="${caseId}"]`).waitFor(),
  }),
  "cases with ended ones, filtered": ({ caseId, agent }) => ({
    path: `/?show=all&agent=${agent}`,
    ready: (page) => page.locator(`[data-case="${caseId}"]`).waitFor(),
  }),
  "no case": () => ({
    path: "/?q=nothing",
    ready: (page) => page.getByText("No case matches the filter now.").waitFor(),
  }),
  "case, closing": ({ caseId }) => ({
    path: `/cases/${caseId}`,
    ready: async (page) => {
      await page.getByRole("button", { name: "Close…" }).click();
      await page.getByRole("form", { name: "Close the conversation" }).waitFor();
    },
  }),
  "task, linking": () => ({
    path: "/tasks/TASK-1",
    ready: async (page) => {
      await page.getByRole("button", { name: "Link…" }).first().click();
      await page.getByRole("form", { name: "Link the conversation" }).waitFor();
    },
  }),
  party: () => ({
    path: "/parties/EXTERNALPARTY-1",
    ready: (page) => page.locator(".band").first().waitFor(),
  }),
  conversations: ({ id }) => ({
    path: "/conversations",
    ready: (page) => page.locator(`[data-conversation="${id}"]`).waitFor(),
  }),
  conversation: ({ id }) => ({
    path: `/conversations/${id}`,
    ready: (page) => page.locator(".band").waitFor(),
  }),
  wallboard: () => ({
    path: "/wallboard",
    ready: (page) => page.getByRole("img", { name: /waiting \d+ to/ }).waitFor(),
  }),
  "the feed's details": () => ({
    path: "/",
    ready: async (page) => {
      await page.getByRole("button", { name: /^Feed: Live/ }).click();
      await page.getByRole("dialog", { name: "The live feed" }).waitFor();
    },
  }),
  "the simulator": () => ({
    path: "/wallboard",
    ready: async (page) => {
      await page.getByRole("button", { name: "Simulator" }).click();
      await page.getByRole("button", { name: "Voice call" }).waitFor();
    },
  }),
  badges: ({ id }) => ({
    path: "/badge-example",
    ready: (page) => page.locator(`#badges [conversation-id="${id}"][status]`).waitFor(),
  }),
  "no such page": () => ({
    path: "/nowhere",
    ready: (page) => page.getByRole("heading", { name: "No such page" }).waitFor(),
  }),
};

describe.each(["light", "dark"] as const)("in %s, without a fault of accessibility", (scheme) => {
  let known: Awaited<ReturnType<typeof conversation>> | undefined;

  it.each(Object.keys(looks))("%s, on a desk and on a telephone", async (name) => {
    known ??= await conversation();
    const { path, ready } = looks[name]?.(known) ?? expect.unreachable(name);
    await on.page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await on.page.goto(on.gateway.url + path);
    await ready(on.page);
    expect(await accessibilityFaults(on.page)).toEqual([]);
    await on.page.setViewportSize({ width: 360, height: 740 });
    await expect
      .poll(() => on.page.evaluate(() => document.documentElement.scrollWidth))
      .toBeLessThanOrEqual(360);
    expect(await accessibilityFaults(on.page)).toEqual([]);
  });
});

describe("the size of what is loaded", () => {
  it("the first page needs at most 200 kB, compressed as it is sent", async () => {
    const loaded: Promise<[path: string, size: number]>[] = [];
    on.page.on("response", (response) => {
      const { pathname } = new URL(response.url());
      if (!/\.(js|css|svg)$|^\/$/.test(pathname)) return;
      loaded.push(response.body().then((body) => [pathname, gzipSync(body).length]));
    });
    await on.page.goto(on.gateway.url, { waitUntil: "networkidle" });
    await button(/^Feed: Live/).waitFor();
    const sizes = await Promise.all(loaded);
    const total = sizes.reduce((sum, [, size]) => sum + size, 0);
    expect(sizes.length).toBeGreaterThan(3);
    expect(total, JSON.stringify(sizes)).toBeLessThan(200_000);
  });

  it("is sent compressed", async () => {
    const page = await (await fetch(on.gateway.url)).text();
    const [, script] = page.match(/src="(\/assets\/[^"]+\.js)"/) ?? [];
    const headers = { "accept-encoding": "gzip" };
    const answer = await fetch(`${on.gateway.url}${script}`, { headers });
    expect(answer.headers.get("content-encoding")).toBe("gzip");
  });
});
