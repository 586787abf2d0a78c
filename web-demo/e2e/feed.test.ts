import { createClient } from "graphql-ws";
import { afterAll, beforeAll, expect, test } from "vitest";
import WebSocket from "ws";
import { ask, poll } from "./api";
import { Gateway } from "./gateway";

/** Scripts of the simulator, each with the medium it plays on. */
const scripts: [script: string, mediaType: string][] = [
  ["simple-voice", "voice"],
  ["abandoned-in-queue", "voice"],
  ["blind-transfer", "voice"],
  ["consult-transfer", "voice"],
  ["conference-agent-leaves-first", "voice"],
  ["hold", "voice"],
  ["rona-twice", "voice"],
  ["email-parked", "email"],
  ["async-message", "message"],
  ["callback", "callback"],
];

const query = /* GraphQL */ `
  subscription ($after: String) {
    conversationStatusChanged(after: $after) { cursor number conversationId previousStatus status }
  }
`;

interface Change {
  cursor: string;
  number: number;
  conversationId: string;
  previousStatus: string | null;
  status: string;
}

interface Truth {
  conversations: {
    ended: boolean;
    steps: { status: string; tellable: boolean; heard: boolean }[];
  }[];
}

let gateway: Gateway;

beforeAll(async () => {
  gateway = await Gateway.start();
});

afterAll(() => gateway?.stop());

test("a graphql-ws client hears every script once, in order, over a line that is cut", async () => {
  const heard = new Map<string, Change[]>();
  const variables: { after: string | null } = { after: null };
  const sockets: WebSocket[] = [];
  const client = createClient({
    url: `${gateway.url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 100,
    shouldRetry: () => true,
    retryWait: () => new Promise((done) => setTimeout(done, 20)),
    on: { opened: (socket) => sockets.push(socket as WebSocket) },
  });
  const { feedCursor } = await ask<{ feedCursor: string }>(gateway, "{ feedCursor }");
  variables.after = feedCursor;
  client.subscribe<{ conversationStatusChanged: Change }>(
    { query, variables },
    {
      next: ({ data, extensions }) => {
        if (!data) return;
        const change = data.conversationStatusChanged;
        expect(extensions).toMatchObject({ cursor: change.cursor });
        // The client sends the same payload again at a retry, so the payload itself moves on.
        variables.after = change.cursor;
        const changes = heard.get(change.conversationId) ?? [];
        heard.set(change.conversationId, [...changes, change]);
      },
      error: (cause) => expect.unreachable(String(cause)),
      complete: () => {},
    },
  );

  const played = await Promise.all(
    scripts.map(async ([script, mediaType]) => {
      const begun = await fetch(`${gateway.simulatorUrl}/sim/conversations`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ mediaType, direction: "inbound", script, speed: 15 }),
      });
      return { script, id: (await begun.json()).id as string };
    }),
  );
  const cuts = setInterval(() => sockets.at(-1)?.terminate(), 300);
  for (const { script, id } of played) {
    const expected = await statusesOf(id);
    await expect
      .poll(() => heard.get(id)?.map(({ status }) => status), { timeout: 30_000, message: script })
      .toEqual(expected);
    const changes = heard.get(id) ?? [];
    expect(changes.map(({ number }) => number)).toEqual(expected.map((_, place) => place + 1));
    expect(changes.map(({ previousStatus }) => previousStatus)).toEqual([
      null,
      ...expected.slice(0, -1),
    ]);
  }
  clearInterval(cuts);
  expect(sockets.length, "lines opened").toBeGreaterThan(1);
  await client.dispose();
});

/** What the script's author says must be shown, once the script has played. */
async function statusesOf(id: string): Promise<string[]> {
  const { steps } = await poll(
    async (): Promise<Truth> => (await fetch(`${gateway.simulatorUrl}/sim/truth?id=${id}`)).json(),
    ({ conversations }) => conversations.find(({ ended }) => ended),
    30_000,
  );
  return steps
    .filter(({ tellable, heard }) => tellable || heard)
    .map(({ status }) => status)
    .filter((status, place, all) => status !== all[place - 1]);
}
