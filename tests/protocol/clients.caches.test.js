// Apollo Client and urql, unmodified, with the lines of the README that make their own retry resume.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ApolloClient, ApolloLink, InMemoryCache, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { Client, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import { tap } from "rxjs";
import WebSocket from "ws";
import { startGateway } from "./support/gateway.js";

const changes = `subscription Changes($after: String) {
  conversationStatusChanged(after: $after) { conversationId }
}`;

let gateway;
let socket;
before(async () => {
  gateway = await startGateway();
});
after(() => gateway?.stop());

function connect() {
  return createClient({
    url: gateway.socketUrl,
    webSocketImpl: WebSocket,
    retryAttempts: 20,
    retryWait: () => new Promise((done) => setTimeout(done, 20)),
    shouldRetry: () => true,
    on: {
      opened: (opened) => {
        socket = opened;
      },
    },
  });
}

/** Registers conversations, cutting the connection before every second one. */
async function cutWhileRegistering(seen) {
  const wanted = [];
  for (let round = 0; round < 6; round += 1) {
    if (round % 2 === 1) socket.terminate();
    wanted.push(await gateway.register());
    await until(() => seen.length >= wanted.length);
  }
  return wanted;
}

async function until(condition) {
  while (!condition()) await new Promise((done) => setTimeout(done, 5));
}

async function headOfTheFeed() {
  const response = await fetch(gateway.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: "{ feedCursor }" }),
  });
  return (await response.json()).data.feedCursor;
}

test("Apollo Client's retry goes on behind the last cursor", async () => {
  const socketClient = connect();
  const resume = new ApolloLink((operation, forward) =>
    forward(operation).pipe(
      tap(({ extensions }) => {
        if (extensions?.cursor) operation.variables.after = extensions.cursor;
      }),
    ),
  );
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([resume, new GraphQLWsLink(socketClient)]),
  });
  const seen = [];
  const subscription = client
    .subscribe({
      query: gql(changes),
      variables: { after: await headOfTheFeed() },
      fetchPolicy: "no-cache",
    })
    .subscribe(({ data, error }) => {
      assert.equal(error, undefined);
      seen.push(data.conversationStatusChanged.conversationId);
    });
  assert.deepEqual(seen, await cutWhileRegistering(seen));
  subscription.unsubscribe();
  client.stop();
  await socketClient.dispose();
});

test("urql's retry goes on behind the last cursor", async () => {
  const socketClient = connect();
  const forwardSubscription = ({ query, variables }) => {
    const payload = { query, variables: { ...variables } };
    return {
      subscribe: (sink) => ({
        unsubscribe: socketClient.subscribe(payload, {
          ...sink,
          next(result) {
            if (result.extensions?.cursor) payload.variables.after = result.extensions.cursor;
            sink.next(result);
          },
        }),
      }),
    };
  };
  const client = new Client({
    url: gateway.url,
    preferGetMethod: false,
    exchanges: [subscriptionExchange({ forwardSubscription })],
  });
  const seen = [];
  const subscription = client
    .subscription(changes, { after: await headOfTheFeed() })
    .subscribe(({ data, error }) => {
      assert.equal(error, undefined);
      seen.push(data.conversationStatusChanged.conversationId);
    });
  assert.deepEqual(seen, await cutWhileRegistering(seen));
  subscription.unsubscribe();
  await socketClient.dispose();
});
