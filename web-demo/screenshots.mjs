// Makes the README's pictures from the running product: `make screenshots`.
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { launchBrowser, pause, startDemo } from "./demo.mjs";

const folder = resolve(import.meta.dirname, "../docs/screenshots");
/** So long the organisation does business before its pages are worth looking at. */
const businessMs = 75_000;
/** The wallboard's lines need some time to be lines. */
const chartMs = 60_000;

const { url, stop } = await startDemo();
const browser = await launchBrowser();
try {
  await pause(businessMs);
  mkdirSync(folder, { recursive: true });
  await picture("cases", "/", { wait: (page) => page.locator("[data-case]").first().waitFor() });
  await picture("case", `/cases/${await tellingCase()}`, {
    wait: (page) => page.locator(".lane").first().waitFor(),
  });
  await picture("wallboard", "/wallboard", {
    colorScheme: "dark",
    size: { width: 1440, height: 810 },
    wait: () => pause(chartMs),
  });
  await picture("graphiql", "/graphiql", { wait: askInGraphiql });
} finally {
  await browser.close();
  stop();
}

async function picture(name, path, { wait, colorScheme = "light", size }) {
  const viewport = size ?? { width: 1280, height: 800 };
  const context = await browser.newContext({ viewport, colorScheme });
  const page = await context.newPage();
  await page.goto(url + path);
  await wait(page);
  await page.evaluate(() => document.fonts.ready);
  await pause(1_000);
  await page.screenshot({ path: `${folder}/${name}.png` });
  await context.close();
  console.log(`docs/screenshots/${name}.png`);
}

/** A case whose newest conversation has lived through much and goes on. */
async function tellingCase() {
  const query = `{ conversations(filter: { statuses: [CONNECTED, ON_HOLD, AFTER_CALL_WORK] }, first: 100) { nodes {
    context { key objectId } participants { userId } statusHistory(first: 100) { nodes { status } } } } }`;
  const answer = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  const { nodes } = (await answer.json()).data.conversations;
  const statuses = ({ statusHistory }) => statusHistory.nodes.map(({ status }) => status);
  const worth = (node) =>
    new Set(statuses(node)).size * 2 +
    node.participants.length +
    (statuses(node).includes("ON_HOLD") ? 2 : 0);
  const [best] = nodes
    .filter(({ context }) => context.some(({ key }) => key === "CASE"))
    .sort((a, b) => worth(b) - worth(a));
  return best.context.find(({ key }) => key === "CASE").objectId;
}

async function askInGraphiql(page) {
  await page.locator(".graphiql-query-editor .view-line", { hasText: "query" }).waitFor();
  await pause(3_000);
  await page.getByRole("button", { name: /execute query/i }).click();
  await page.locator(".graphiql-response").getByText("conversationId").first().waitFor();
}
