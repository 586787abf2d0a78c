// For the scripts beside it: a demo of its own, and a browser to look at it with.
import { spawn } from "node:child_process";
import { chromium } from "playwright-core";
import { chromiumProgram, freePort, gatewayProgram } from "./programs.mjs";

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Starts the program that GATEWAY_BIN names, on free ports, and waits until it is ready to serve. */
export async function startDemo(...flags) {
  const [port, simulatorPort] = [await freePort(), await freePort()];
  const ports = ["--port", `${port}`, "--sim-port", `${simulatorPort}`];
  const gateway = spawn(gatewayProgram(), ["demo", ...ports, ...flags], { stdio: "ignore" });
  process.once("exit", () => gateway.kill());
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${url}/readyz`)).ok);
  const stop = () => gateway.kill();
  return { url, simulator: `http://127.0.0.1:${simulatorPort}`, stop };
}

export function launchBrowser(...flags) {
  return chromium.launch({
    executablePath: chromiumProgram(),
    args: ["--headless", "--no-sandbox", "--disable-gpu", ...flags],
  });
}

/** Waits for it up to two minutes; what fails counts as not yet. */
export async function until(condition) {
  for (let left = 1_200; left > 0; left -= 1) {
    if (await condition().catch(() => false)) return;
    await pause(100);
  }
  throw new Error("waited in vain");
}
