import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Board } from "./board";

/** The time in ms; drawing a badge takes one. */
let now = 0;
let frames: FrameRequestCallback[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(performance, "now").mockImplementation(() => now);
  vi.stubGlobal("requestAnimationFrame", (frame: FrameRequestCallback) => frames.push(frame));
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
  now = 0;
  frames = [];
});

class FakeSocket {
  static last: FakeSocket;
  onclose = () => {};
  onmessage: (event: { data: string }) => void = () => {};
  readonly #feeds: string[] = [];
  constructor() {
    FakeSocket.last = this;
  }
  close() {}
  send(text: string) {
    const { id, payload } = JSON.parse(text);
    if (payload?.query.includes("feedStatusChanged")) this.#feeds.push(id);
  }
  acknowledge() {
    this.#tell({ type: "connection_ack" });
  }
  tellFeed(feedStatusChanged: object) {
    for (const id of this.#feeds) {
      this.#tell({ type: "next", id, payload: { data: { feedStatusChanged } } });
    }
  }
  #tell(message: object) {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

class FakeBadge {
  visible = false;
  drawn = 0;
  constructor(readonly conversationId: string) {}
  show() {
    this.drawn += 1;
    now += 1;
  }
}

function boardWith(many: number) {
  const board = new Board({ url: "ws://gateway.example/graphql" });
  const badges = Array.from({ length: many }, (_, n) => new FakeBadge(`conversation-${n}`));
  for (const badge of badges) board.add(badge);
  return { board, badges };
}

/** Draws until nothing is left to be drawn; how long each frame took. */
function drawAll(): number[] {
  const took: number[] = [];
  for (let frame = frames.shift(); frame; frame = frames.shift()) {
    const begun = now;
    frame(now);
    took.push(now - begun);
  }
  return took;
}

it("draws many badges over several frames, each once", () => {
  const { badges } = boardWith(16);
  expect(drawAll()).toEqual([3, 3, 3, 3, 3, 1]);
  expect(badges.every(({ drawn }) => drawn === 1)).toBe(true);
});

it("keeps each frame short when all badges become stale at once", () => {
  const { board, badges } = boardWith(10);
  drawAll();
  FakeSocket.last.onclose();
  expect(board.staleSince()).not.toBeNull();
  vi.advanceTimersByTime(100);
  expect(drawAll()).toEqual([3, 3, 3, 1]);
  expect(badges.every(({ drawn }) => drawn === 2)).toBe(true);
});

it("is stale for as long as the gateway names a time", () => {
  const { board } = boardWith(1);
  const staleSince = "2026-11-23T10:00:00.000Z";
  FakeSocket.last.acknowledge();
  FakeSocket.last.tellFeed({ staleSince });
  expect(board.staleSince()).toBe(Date.parse(staleSince));
  FakeSocket.last.tellFeed({ staleSince: null });
  expect(board.staleSince()).toBeNull();
});

it("counts up the time of what is in sight alone", () => {
  const { badges } = boardWith(3);
  drawAll();
  const [seen] = badges;
  if (seen) seen.visible = true;
  vi.advanceTimersByTime(1_100);
  drawAll();
  expect(badges.map(({ drawn }) => drawn)).toEqual([2, 1, 1]);
});
