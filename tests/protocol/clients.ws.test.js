// The client library graphql-ws, unmodified, against the gateway.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { startGateway } from "./support/gateway.js";

const changes = `subscription ($after: String, $ids: [ID!]) {
  conversationStatusChanged(after: $after, filter: { conversationIds: $ids }) { conversationId cursor status }
}`;

let gateway;
before(async () => {
  gateway = await startGateway();
});
after(() => gateway?.stop());

function connect(options = {}) {
  return createClient({
    url: gateway.socketUrl,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    ...options,
  });
}

async function ask(client, query, variables) {
  const results = [];
  for await (const result of client.iterate({ query, variables })) results.push(result);
  return results;
}

test("queries and mutations give one result and complete", async () => {
  const client = connect();
  const [queried, ...moreQueried] = await ask(client, "{ feedStatus { state } }");
  assert.ok(queried.data.feedStatus.state);
  assert.deepEqual(moreQueried, []);
  const id = crypto.randomUUID();
  const mutation = `mutation ($id: ID!) {
    registerConversation(input: { conversationId: $id, initiatedBy: DCM }) { conversation { conversationId } }
  }`;
  const [changed, ...moreChanged] = await ask(client, mutation, { id });
  assert.equal(changed.data.registerConversation.conversation.conversationId, id);
  assert.deepEqual(moreChanged, []);
  await client.dispose();
});

test("a lost subscription is resumed behind the last cursor with nothing lost or repeated", async () => {
  let socket;
  const client = connect({
    retryAttempts: 20,
    retryWait: () => new Promise((done) => setTimeout(done, 20)),
    shouldRetry: () => true,
    on: {
      opened: (opened) => {
        socket = opened;
      },
    },
  });
  const { data } = (await ask(client, "{ feedCursor }"))[0];
  // The library sends this object again whenever it reconnects.
  const payload = { query: changes, variables: { after: data.feedCursor } };
  const feed = client.iterate(payload);
  const seen = [];
  const wanted = [];
  for (let round = 0; round < 4; round += 1) {
    wanted.push(await gateway.register());
    const { value } = await feed.next();
    seen.push(value.data.conversationStatusChanged.conversationId);
    payload.variables.after = value.extensions.cursor;
    socket.terminate();
    wanted.push(await gateway.register());
    const missed = await feed.next();
    seen.push(missed.value.data.conversationStatusChanged.conversationId);
    payload.variables.after = missed.value.extensions.cursor;
  }
  assert.deepEqual(seen, wanted);
  await feed.return();
  await client.dispose();
});

test("a request that cannot run is an error message, and the socket goes on", async () => {
  const client = connect({ lazy: false });
  for (const query of ["{", "{ unknown }", "query ($a: Int!) { node(id: $a) { id } }"]) {
    await assert.rejects(ask(client, query), (errors) => {
      assert.ok(Array.isArray(errors) && errors[0].message, `${query}: ${errors}`);
      return true;
    });
  }
  const [result] = await ask(client, "{ feedCursor }");
  assert.ok(result.data.feedCursor);
  await client.dispose();
});

test("the client's pings are answered", async () => {
  const pong = new Promise((done) => {
    const client = connect({
      lazy: false,
      keepAlive: 20,
      on: {
        pong: (received) => {
          if (received) done(client.dispose());
        },
      },
    });
  });
  await pong;
});

test("an ended subscription ends on the gateway while the others go on", async () => {
  const client = connect({ lazy: false });
  const ids = [await gateway.register()];
  const query = `subscription ($ids: [ID!]) {
    conversationStatusChanged(includeCurrent: true, filter: { conversationIds: $ids }) { conversationId }
  }`;
  const first = client.iterate({ query, variables: { ids } });
  const second = client.iterate({ query, variables: { ids } });
  for (const feed of [first, second]) {
    const { value } = await feed.next();
    assert.equal(value.data.conversationStatusChanged.conversationId, ids[0]);
  }
  await first.return();
  const [result] = await ask(client, "{ feedCursor }");
  assert.ok(result.data.feedCursor);
  await second.return();
  await client.dispose();
});
