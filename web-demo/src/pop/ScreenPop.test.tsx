import type { ExecutionResult, Sink } from "graphql-ws";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import ScreenPop from "./ScreenPop";

(globalThis as Record<string, unknown>).IS_REACT_ACT_ENVIRONMENT = true;

const gateway = vi.hoisted(() => ({ sink: undefined as Sink<ExecutionResult> | undefined }));

vi.mock("../api/gateway", () => ({
  apollo: { query: async () => ({ data: { conversations: { nodes: [], feedCursor: "head" } } }) },
  socket: {
    on: () => () => {},
    subscribe: (_payload: unknown, to: Sink<ExecutionResult>) => {
      gateway.sink = to;
      return () => {};
    },
  },
}));
vi.mock("../directory/useDirectory", () => ({ useAgents: () => [["ada", "Ada"]] }));

beforeEach(() => localStorage.setItem("agent", "ada"));
afterEach(() => localStorage.clear());

async function screenPop() {
  const host = document.createElement("div");
  await act(async () => createRoot(host).render(<ScreenPop />));
  const refuse = (message: string) =>
    act(async () => gateway.sink?.error([{ message, extensions: { code: "FORBIDDEN" } }]));
  const said = () => host.querySelector("[role=status]")?.textContent;
  const dismiss = () => act(async () => host.querySelector<HTMLElement>(".pop-close")?.click());
  return { refuse, said, dismiss };
}

it("says when it is refused what it watches", async () => {
  const pop = await screenPop();
  expect(pop.said()).toBe("");
  await pop.refuse("You may not read conversations.");
  expect(pop.said()).toContain("You may not read conversations.");
  await pop.dismiss();
  expect(pop.said()).toBe("");
});
