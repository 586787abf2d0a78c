import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { createClient } from "graphql-ws";

/** Queries and mutations, with one normalised cache for every page. */
export const apollo = new ApolloClient({
  link: new HttpLink({ uri: "/graphql" }),
  cache: new InMemoryCache({
    typePolicies: {
      Conversation: { keyFields: ["conversationId"] },
      Participant: { keyFields: ["id"] },
      Owner: { keyFields: false },
      Agent: { keyFields: ["userId"] },
      WrapUpCode: { keyFields: false },
      ParticipantSession: { keyFields: false },
    },
  }),
});

const pingEvery = 5_000;
const pongWithin = 5_000;

function socketUrl(): string {
  const url = new URL("/graphql", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** The one socket of this page. It reconnects for ever, sooner at first, and notices a dead line. */
export const socket = createClient({
  url: socketUrl,
  lazyCloseTimeout: 1_000,
  keepAlive: pingEvery,
  retryAttempts: Number.POSITIVE_INFINITY,
  shouldRetry: () => true,
  retryWait: (retries) => {
    const ceiling = Math.min(500 * 2 ** retries, 10_000);
    return new Promise((done) => setTimeout(done, ceiling * (0.5 + Math.random() / 2)));
  },
});

let missingPong: ReturnType<typeof setTimeout> | undefined;
socket.on("ping", (received) => {
  if (!received) missingPong = setTimeout(() => socket.terminate(), pongWithin);
});
socket.on("pong", (received) => {
  if (received) clearTimeout(missingPong);
});
socket.on("closed", () => clearTimeout(missingPong));
