// 2,000 badges on one page, 300 changes of them a second: long tasks, and memory after garbage collection.
// By hand, with an optimised program: GATEWAY_BIN=… node badge-load.mjs [seconds]
import { loadavg } from "node:os";
import { resolve } from "node:path";
import { launchBrowser, pause, startDemo, until } from "./demo.mjs";

const seconds = Number(process.argv[2] ?? 60);
const badges = 2_000;
const changesPerSecond = 300;
const parts = 10;
/** Seconds of a closer look, which costs time itself. */
const traced = 20;

const { url, simulator, stop } = await startDemo("--quiet-org");
// A page that did not come over the network would not be let onto it.
const browser = await launchBrowser("--disable-features=LocalNetworkAccessChecks");
let running = true;
try {
  const calls = await talkingCalls();
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await serveThisBuild(page);
  let told = 0;
  page.on("websocket", (socket) =>
    socket.on("framereceived", ({ payload }) => {
      if (String(payload).includes("conversationStatusChanged")) told += 1;
    }),
  );
  await page.goto(`${url}/badge-example?count=${badges}`);
  await until(async () => (await page.locator("#badges [status=CONNECTED]").count()) === badges);
  const line = await page.context().newCDPSession(page);
  await line.send("Performance.enable");
  await page.evaluate(() => {
    window.long = [];
    new PerformanceObserver((list) =>
      window.long.push(...list.getEntries().map(({ duration }) => duration)),
    ).observe({ type: "longtask" });
  });
  told = 0;
  const begun = performance.now();
  const load = toggle(calls);
  for (let part = 0; part <= parts; part += 1) {
    await pause(begun + (part * seconds * 1_000) / parts - performance.now());
    const { heap, nodes } = await memory(line);
    const at = Math.round((performance.now() - begun) / 1_000);
    console.log(
      `after ${at} s: heap ${heap} MB, ${nodes} DOM nodes, ${told} changes told, load of the machine ${loadavg()[0].toFixed(1)}`,
    );
  }
  const long = await page.evaluate(() => window.long);
  const tasks = await tasksOf(page);
  running = false;
  const sent = await load;
  const longest = Math.max(0, ...long).toFixed(0);
  const lasted = (performance.now() - begun) / 1_000;
  console.log(
    `${sent} changes made in ${lasted.toFixed(0)} s (${(sent / lasted).toFixed(0)} a second), ${told} told`,
  );
  console.log(
    `by the processor's own time, in ${traced} s: the longest task ${Math.max(...tasks).toFixed(0)} ms, ` +
      `over 50 ms: ${tasks.filter((ms) => ms > 50).length}, over 100 ms: ${tasks.filter((ms) => ms > 100).length}`,
  );
  console.log(
    `by the clock, with all else that ran: tasks over 50 ms: ${long.length}, the longest ${longest} ms; over 100 ms: ${long.filter((ms) => ms > 100).length}`,
  );
} finally {
  running = false;
  await browser.close();
  stop();
}

/** The page and the badge are those of `dist`, whatever the program has embedded. */
async function serveThisBuild(page) {
  for (const name of ["badge-example.html", "badge-example.css", "badge-example.js", "badge.js"]) {
    const path = `/${name.replace(".html", "")}`;
    const file = resolve(import.meta.dirname, "dist", name);
    await page.route(
      ({ pathname }) => pathname === path,
      (route) => route.fulfill({ path: file }),
    );
  }
}

/** Calls that are connected, all at once. */
async function talkingCalls() {
  const calls = [];
  const begin = async () => {
    while (calls.length < badges) {
      const place = calls.push(null) - 1;
      const { id } = await post("/sim/conversations", { mediaType: "voice", direction: "inbound" });
      for (const step of ["enqueue", "offer", "answer"]) await take(id, step);
      calls[place] = id;
    }
  };
  await Promise.all(Array.from({ length: 8 }, begin));
  const query = `{ conversationCounts(filter: { statuses: [CONNECTED] }, groupBy: []) { count } }`;
  await until(async () => {
    const answer = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query }),
    });
    const [all] = (await answer.json()).data.conversationCounts;
    return all?.count === badges;
  });
  return calls;
}

/** Puts one call after another on hold, and takes it back in the next round, at the rate wanted. */
async function toggle(calls) {
  const begun = performance.now();
  const everyMs = 50;
  let made = 0;
  let onTheWay = 0;
  while (running) {
    const due = ((performance.now() - begun) / 1_000) * changesPerSecond;
    while (made < due && onTheWay < 200) {
      const round = Math.floor(made / calls.length);
      onTheWay += 1;
      take(calls[made % calls.length], round % 2 === 0 ? "hold" : "unhold").finally(() => {
        onTheWay -= 1;
      });
      made += 1;
    }
    await pause(everyMs);
  }
  await until(async () => onTheWay === 0);
  return made;
}

function take(id, step) {
  return post(`/sim/conversations/${id}/steps`, { step });
}

async function post(path, body) {
  const answer = await fetch(simulator + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return answer.json();
}

/**
 * How long each of the main thread's tasks kept the processor, in ms. Unlike the clock this leaves
 * out the time in which other programs had it.
 */
async function tasksOf(page) {
  await browser.startTracing(page, { categories: ["toplevel", "__metadata"] });
  await pause(traced * 1_000);
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const threadOf = ({ pid, tid }) => `${pid}/${tid}`;
  const main = traceEvents
    .filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain")
    .map(threadOf);
  return traceEvents
    .filter((event) => event.name.endsWith("RunTask") && main.includes(threadOf(event)))
    .map(({ tdur = 0 }) => tdur / 1_000);
}

async function memory(line) {
  await line.send("HeapProfiler.collectGarbage");
  const { metrics } = await line.send("Performance.getMetrics");
  const valueOf = (name) => metrics.find((metric) => metric.name === name).value;
  return { heap: (valueOf("JSHeapUsedSize") / 1e6).toFixed(1), nodes: valueOf("Nodes") };
}
