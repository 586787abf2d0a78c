import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { useShownStatus } from "./shownStatus";
import type { Status } from "./statuses";
import { heldBackFor } from "./stretch";

(globalThis as Record<string, unknown>).IS_REACT_ACT_ENVIRONMENT = true;
const start = Date.parse("2026-11-23T10:00:00.000Z");
const at = (ms: number) => new Date(start + ms).toISOString();

beforeEach(() => vi.useFakeTimers({ now: start }));
afterEach(() => vi.useRealTimers());

function Probe({ status, since }: { status: Status; since: string }) {
  return <>{useShownStatus(status, since)?.status ?? "nothing"}</>;
}

async function probe() {
  const host = document.createElement("div");
  const root = createRoot(host);
  const show = (status: Status, since: string) =>
    act(async () => root.render(<Probe status={status} since={since} />));
  const wait = (ms: number) => act(async () => vi.advanceTimersByTime(ms));
  return { show, wait, text: () => host.textContent };
}

it.each([
  ["CONNECTED", 0, 0],
  ["TRANSFERRING", 0, 1000],
  ["TRANSFERRING", 400, 600],
  ["TRANSFERRING", 1000, 0],
  ["TRANSFERRING", -60_000, 1000],
] as const)("%s of age %i ms is held back for %i ms", (status, age, wait) => {
  expect(heldBackFor({ status, since: at(0) }, start + age)).toBe(wait);
});

it("a transfer that takes longer than a second is shown after one second", async () => {
  const badge = await probe();
  await badge.show("CONNECTED", at(-5000));
  await badge.show("TRANSFERRING", at(0));
  await badge.wait(999);
  expect(badge.text()).toBe("CONNECTED");
  await badge.wait(1);
  expect(badge.text()).toBe("TRANSFERRING");
});

it("a transfer that is over within a second is never shown", async () => {
  const badge = await probe();
  await badge.show("CONNECTED", at(-5000));
  await badge.show("TRANSFERRING", at(0));
  await badge.wait(600);
  await badge.show("ALERTING", at(600));
  expect(badge.text()).toBe("ALERTING");
  await badge.wait(5000);
  expect(badge.text()).toBe("ALERTING");
});
