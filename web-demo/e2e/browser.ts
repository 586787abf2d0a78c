import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { chromiumProgram } from "../programs.mjs";
import type { Gateway } from "./gateway";

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a browser. One that does not come up says nothing of the pages: it is started once more. */
export function launch(): Promise<Browser> {
  const start = () =>
    chromium.launch({ executablePath: chromiumProgram(), args: flags, timeout: 60_000 });
  return start().catch(start);
}

/** A page that may speak to the gateway and the simulator alone, and keeps what it complained of. */
export interface Watched {
  page: Page;
  context: BrowserContext;
  /** Console errors and warnings, uncaught errors. */
  complaints: string[];
  /** Requests to any other host. Each was refused. */
  strays: string[];
}

export async function openPage(
  browser: Browser,
  gateway: Gateway,
  options: Parameters<Browser["newContext"]>[0] = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(15_000);
  const allowed = new Set([gateway.url, gateway.simulatorUrl].map((url) => new URL(url).host));
  const watched: Watched = { context, complaints: [], strays: [], page: await context.newPage() };
  await context.route("**/*", (route) => {
    const url = new URL(route.request().url());
    if (allowed.has(url.host) || url.protocol === "blob:" || url.protocol === "data:") {
      return route.continue();
    }
    watched.strays.push(url.href);
    return route.abort();
  });
  watched.page.on("websocket", (socket) => {
    if (!allowed.has(new URL(socket.url()).host)) watched.strays.push(socket.url());
  });
  watched.page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) watched.complaints.push(message.text());
  });
  watched.page.on("pageerror", (error) => watched.complaints.push(String(error)));
  return watched;
}

/** The page's network cable: `pull` cuts every line, `plug` lets new ones through. */
export async function cable(page: Page) {
  const line = await page.context().newCDPSession(page);
  await line.send("Network.enable");
  const free = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
  const be = (offline: boolean) =>
    line.send("Network.emulateNetworkConditions", { offline, ...free });
  return { pull: () => be(true), plug: () => be(false) };
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core objects to by the rules of WCAG 2.2, levels A and AA, with the places. */
export async function accessibilityFaults(page: Page, exclude: string[] = []): Promise<string[]> {
  await page.evaluate(axe);
  const violations = await page.evaluate(async (exclude) => {
    const { axe } = window as unknown as { axe: typeof import("axe-core") };
    const results = await axe.run(
      { include: ["html"], exclude },
      { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
    );
    return results.violations;
  }, exclude);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.target.join(" ")} ${node.failureSummary ?? ""}`),
  );
}
