import type { Gateway } from "./gateway";
import type { Simulator } from "./simulator";

/** What `pick` finds in what `read` gives, as soon as it finds something: until then it is read again. */
export async function poll<T, Found>(
  read: () => Promise<T>,
  pick: (read: T) => Found | null | undefined,
  withinMs = 15_000,
): Promise<Found> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const given = await read();
    const found = pick(given);
    if (found != null) return found;
    if (Date.now() > deadline) throw new Error(`in vain: ${JSON.stringify(given)}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** Asks the gateway as any client does. */
export async function ask<T>(gateway: Gateway, query: string, variables: object = {}): Promise<T> {
  const answer = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data as T;
}

export interface Known {
  calculatedStatus: string;
  lastQueueName: string | null;
  initialScreenPopTarget: string | null;
  owner: { kind: string; genesysId: string; name: string | null } | null;
  context: { key: string; objectId: string; name: string }[];
}

/** The conversation once it fulfils `wanted`. */
export async function until(
  gateway: Gateway,
  conversationId: string,
  wanted: (known: Known) => boolean,
): Promise<Known> {
  const query = `query ($id: ID!) { conversation(conversationId: $id) {
    calculatedStatus lastQueueName initialScreenPopTarget owner { kind genesysId name } context { key objectId name } } }`;
  return poll(
    () => ask<{ conversation: Known | null }>(gateway, query, { id: conversationId }),
    ({ conversation }) => (conversation && wanted(conversation) ? conversation : null),
  );
}

/** Every status that a conversation has lived through, oldest first. */
export async function historyOf(gateway: Gateway, conversationId: string): Promise<string[]> {
  const query = `query ($id: ID!) { conversation(conversationId: $id) { statusHistory { nodes { status } } } }`;
  const { conversation } = await ask<{
    conversation: { statusHistory: { nodes: { status: string }[] } };
  }>(gateway, query, { id: conversationId });
  return conversation.statusHistory.nodes.map(({ status }) => status);
}

const caseIn = ({ context }: Known) => context.find(({ key }) => key === "CASE");

/** The case that the demo's registrar gave a conversation. */
export async function caseOf(gateway: Gateway, conversationId: string) {
  const known = await until(gateway, conversationId, (each) => caseIn(each) !== undefined);
  const found = caseIn(known);
  if (!found) throw new Error("no case");
  return { ...found, number: found.name.split(" · ")[0] ?? "" };
}

/**
 * A conversation that waits in a queue, and its case, which is about nothing else: the demo's cases are
 * few, so that two conversations may belong to the same.
 */
export async function enqueuedAlone(gateway: Gateway, simulator: Simulator, mediaType = "voice") {
  const enqueued = async () => {
    const id = await simulator.enqueued(mediaType);
    const found = await caseOf(gateway, id);
    return { known: { id, ...found }, sharers: await conversationsOf(gateway, found.objectId) };
  };
  return poll(enqueued, ({ known, sharers }) => (sharers === 1 ? known : null));
}

async function conversationsOf(gateway: Gateway, objectId: string): Promise<number> {
  const query = `query ($id: ID!) { conversations(filter: { context: { key: CASE, objectId: $id } }) { nodes { version } } }`;
  const { conversations } = await ask<{ conversations: { nodes: unknown[] } }>(gateway, query, {
    id: objectId,
  });
  return conversations.nodes.length;
}

/** The agent who is rung or connected now. */
export async function agentIn(gateway: Gateway, conversationId: string): Promise<string> {
  const query = `query ($id: ID!) { conversation(conversationId: $id) { participants { userId active purpose } } }`;
  interface Party {
    userId: string;
    active: boolean;
    purpose: string;
  }
  const isThere = ({ active, purpose }: Party) => active && purpose === "AGENT";
  return poll(
    () => ask<{ conversation: { participants: Party[] } }>(gateway, query, { id: conversationId }),
    ({ conversation }) => conversation.participants.find(isThere)?.userId,
  );
}

/** Registers so many conversations, each about a case of its own: `many-0`, the oldest, and so on. */
export async function registerCases(gateway: Gateway, many: number) {
  // Several in one request: callers may make only so many requests a second.
  const together = 20;
  const places = Array.from({ length: together }, (_, place) => place);
  const mutation = `mutation (${places.map((n) => `$i${n}: RegisterConversationInput!`).join(" ")}) {
    ${places.map((n) => `m${n}: registerConversation(input: $i${n}) { created }`).join(" ")} }`;
  let next = 0;
  const send = async () => {
    while (next < many) {
      const from = next;
      next += together;
      const inputs = places.map((place) => [`i${place}`, registration(from + place)]);
      await ask(gateway, mutation, Object.fromEntries(inputs));
    }
  };
  await Promise.all(Array.from({ length: 4 }, send));
}

const registration = (n: number) => ({
  conversationId: crypto.randomUUID(),
  initiatedBy: "DCM",
  conversationStart: new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString(),
  context: { key: "CASE", objectId: `many-${n}`, name: `C-${n} · Many ${n}` },
});
