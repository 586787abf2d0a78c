// The client library graphql-sse, unmodified, against the gateway.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient } from "graphql-sse";
import { startGateway } from "./support/gateway.js";

const changes = `subscription ($after: String, $ids: [ID!]) {
  conversationStatusChanged(after: $after, filter: { conversationIds: $ids }) { conversationId }
}`;

let gateway;
before(async () => {
  gateway = await startGateway();
});
after(() => gateway?.stop());

const connect = (options = {}) =>
  createClient({ url: gateway.url, retryAttempts: 0, ...options });

async function ask(client, query, variables) {
  const results = [];
  for await (const result of client.iterate({ query, variables })) results.push(result);
  return results;
}

test("queries and mutations give one result and complete", async () => {
  const client = connect();
  const results = await ask(client, "{ feedStatus { state } }");
  assert.equal(results.length, 1);
  assert.ok(results[0].data.feedStatus.state);
  const id = crypto.randomUUID();
  const mutation = `mutation ($id: ID!) {
    registerConversation(input: { conversationId: $id, initiatedBy: DCM }) { created }
  }`;
  const changed = await ask(client, mutation, { id });
  assert.deepEqual(
    changed.map((result) => result.data.registerConversation.created),
    [true],
  );
  client.dispose();
});

test("a request that cannot run ends its own stream with the errors", async () => {
  const client = connect();
  for (const query of ["{", "{ unknown }"]) {
    const [result, ...more] = await ask(client, query);
    assert.ok(result.errors[0].message, query);
    assert.equal("data" in result, false);
    assert.deepEqual(more, []);
  }
  client.dispose();
});

test("a broken stream is resumed behind the last cursor with nothing lost or repeated", async () => {
  let breaker;
  const client = connect({
    retryAttempts: 20,
    retry: () => new Promise((done) => setTimeout(done, 20)),
    fetchFn: (url, init) => {
      breaker = new AbortController();
      const signal = AbortSignal.any([breaker.signal, init.signal]);
      return fetch(url, { ...init, signal });
    },
  });
  const { data } = (await ask(client, "{ feedCursor }"))[0];
  const payload = { query: changes, variables: { after: data.feedCursor } };
  const feed = client.iterate(payload);
  const seen = [];
  const wanted = [];
  for (let round = 0; round < 3; round += 1) {
    wanted.push(await gateway.register());
    const { value } = await feed.next();
    seen.push(value.data.conversationStatusChanged.conversationId);
    payload.variables.after = value.extensions.cursor;
    wanted.push(await gateway.register());
    breaker.abort();
    const missed = await feed.next();
    seen.push(missed.value.data.conversationStatusChanged.conversationId);
    payload.variables.after = missed.value.extensions.cursor;
  }
  assert.deepEqual(seen, wanted);
  await feed.return();
  client.dispose();
});

test("Last-Event-ID outranks the cursor in the operation", async () => {
  const first = await gateway.register();
  const second = await gateway.register();
  const open = async (headers, variables) => {
    const stop = new AbortController();
    const response = await fetch(gateway.url, {
      method: "POST",
      headers: { accept: "text/event-stream", "content-type": "application/json", ...headers },
      body: JSON.stringify({ query: changes, variables }),
      signal: stop.signal,
    });
    let text = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (/\n\n/.test(text.replace(/^(:\n\n)+/, ""))) break;
    }
    stop.abort();
    return { id: /^id: (.*)$/m.exec(text)?.[1], text };
  };
  const snapshot = await fetch(gateway.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      query: `query ($id: ID!) { conversation(conversationId: $id) { statusHistory { edges { cursor } } } }`,
      variables: { id: first },
    }),
  });
  const { data } = await snapshot.json();
  const { cursor } = data.conversation.statusHistory.edges[0];
  const resumed = await open({ "last-event-id": cursor }, { after: "ignored" });
  assert.match(resumed.text, new RegExp(second));
  assert.notEqual(resumed.id, cursor);
});
