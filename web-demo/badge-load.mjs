// 2,000 badges on one page at 300 changes a second: long tasks, and memory after garbage collection.
// By hand: GATEWAY_BIN=… node badge-load.mjs [seconds]
import { spawn } from "node:child_process";
import { chromium } from "playwright-core";

const program = process.env.GATEWAY_BIN;
if (!program) throw new Error("Set GATEWAY_BIN to the program that is to be measured.");
const seconds = Number(process.argv[2] ?? 60);
const [port, simulatorPort] = [18_480, 18_481];
const [url, simulator] = [port, simulatorPort].map((each) => `http://127.0.0.1:${each}`);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const post = (path, body) =>
  fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

const flags = ["--port", `${port}`, "--sim-port", `${simulatorPort}`, "--quiet-org"];
const gateway = spawn(program, ["demo", ...flags], { stdio: "ignore" });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu"],
});
try {
  await until(async () => (await fetch(`${url}/readyz`)).ok);
  await post(`${simulator}/sim/traffic`, {
    eventsPerSecond: 1_500,
    conversations: 2_100,
    seconds: 0,
  });
  await until(async () => (await open()) >= 2_000);
  await post(`${simulator}/sim/traffic`, {
    eventsPerSecond: 300,
    conversations: 2_100,
    seconds: 0,
  });
  const page = await browser.newPage();
  let changes = 0;
  page.on("websocket", (socket) =>
    socket.on("framereceived", ({ payload }) => {
      if (String(payload).includes("conversationStatusChanged")) changes += 1;
    }),
  );
  await page.goto(`${url}/badge-example?count=2000`);
  await until(async () => (await page.locator("#badges [status]").count()) >= 1_900);
  const line = await page.context().newCDPSession(page);
  const heap = async () => {
    await line.send("HeapProfiler.collectGarbage");
    const { usedSize } = await line.send("Runtime.getHeapUsage");
    return (usedSize / 1e6).toFixed(1);
  };
  await page.evaluate(() => {
    window.long = [];
    new PerformanceObserver((list) =>
      window.long.push(...list.getEntries().map(({ duration }) => duration)),
    ).observe({ type: "longtask" });
  });
  changes = 0;
  for (let part = 0; part <= 6; part += 1) {
    console.log(
      `after ${Math.round((part * seconds) / 6)} s: heap ${await heap()} MB, ${changes} changes told`,
    );
    if (part < 6) await pause((seconds * 1_000) / 6);
  }
  const long = await page.evaluate(() => window.long);
  const longest = Math.max(0, ...long).toFixed(0);
  console.log(
    `long tasks (over 50 ms): ${long.length}, longest ${longest} ms, over 100 ms: ${long.filter((ms) => ms > 100).length}`,
  );
} finally {
  await browser.close();
  gateway.kill();
}

async function open() {
  let count = 0;
  for (let after = null, more = true; more; ) {
    const query = `query ($after: String) { conversations(filter: { open: true }, first: 200, after: $after) {
      nodes { conversationId } pageInfo { hasNextPage endCursor } } }`;
    const { conversations } = (
      await (await post(`${url}/graphql`, { query, variables: { after } })).json()
    ).data;
    count += conversations.nodes.length;
    more = conversations.pageInfo.hasNextPage;
    after = conversations.pageInfo.endCursor;
  }
  return count;
}

async function until(condition) {
  for (let left = 300; left > 0; left -= 1) {
    if (await condition().catch(() => false)) return;
    await pause(300);
  }
  throw new Error("waited in vain");
}
