import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LinkWatch } from "./health";

const start = Date.parse("2026-11-23T10:00:00.000Z");
beforeEach(() => vi.useFakeTimers({ now: start }));
afterEach(() => vi.useRealTimers());

function watched() {
  const listeners = new Map<string, () => void>();
  const on = ((event: string, listener: () => void) => {
    listeners.set(event, listener);
    return () => {};
  }) as never;
  return { watch: new LinkWatch({ on }), emit: (event: string) => listeners.get(event)?.() };
}

it("is stale since the last word heard, not since the loss was noticed", () => {
  const { watch, emit } = watched();
  emit("connected");
  emit("message");
  vi.setSystemTime(start + 9_000);
  emit("closed");
  expect(watch.health()).toMatchObject({ link: "lost", lostSince: start });
});

it("counts what each resume brought, from zero", () => {
  const { watch, emit } = watched();
  emit("connected");
  for (const changes of [3, 5]) {
    emit("closed");
    emit("connected");
    watch.countRecovered(changes - 1);
    watch.countRecovered(1);
    expect(watch.health()).toMatchObject({ link: "open", lostSince: null, recovered: changes });
  }
});

it("the first connection is no reconnection", () => {
  const { watch, emit } = watched();
  emit("connected");
  expect(watch.health()).toMatchObject({ link: "open", reconnectedAt: null });
});

it("a gateway that is not there at first is a loss too", () => {
  const { watch, emit } = watched();
  emit("error");
  expect(watch.health()).toMatchObject({ link: "lost", lostSince: start });
});
