// A case placed into a Genesys queue by e-mail: DCM creates it with Genesys' SDK and registers it
// with the gateway, before, while and after the gateway hears of it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createEmail, signIn } from "./genesys.js";
import { eventually, start } from "./programs.js";

const ROW = `conversationId initiatedBy initialScreenPopTarget originalMediaType calculatedStatus lastQueueId
  owner { kind genesysId } context { key objectId verb }`;

const data = mkdtempSync(join(tmpdir(), "gateway-sdk-"));
let simulator;
let gateway;
let simulatorUrl;
let genesys;
let queueId;

before(async () => {
  simulator = await start(["simulate", "--port", "0"], /Genesys simulator: (http:\S+)/);
  simulatorUrl = simulator.address;
  const genesysFlags = ["--genesys-api-url", simulatorUrl, "--genesys-login-url", simulatorUrl];
  const client = ["--genesys-client-id", "simulator-client", "--genesys-client-secret", "simulator-secret"];
  const own = ["--listen", "127.0.0.1:0", "--data-dir", data, "--insecure-no-auth"];
  gateway = await start(["serve", ...own, ...genesysFlags, ...client], /serving address=(\S+)/);
  genesys = await signIn(simulatorUrl);
  queueId = (await genesys.routing.getRoutingQueues({ pageSize: 1 })).entities[0].id;
  await eventually("the feed is live", async () => (await ask("{ feedStatus { state } }")).feedStatus.state === "LIVE");
});

after(async () => {
  await gateway.stop();
  await simulator.stop();
  rmSync(data, { recursive: true, force: true });
});

async function ask(query, variables = {}) {
  const answer = await fetch(`http://${gateway.address}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

const row = async (id) => (await ask(`query($id: ID!) { conversation(conversationId: $id) { ${ROW} } }`, { id })).conversation;

async function register(id) {
  const mutation = `mutation($input: RegisterConversationInput!) { registerConversation(input: $input) {
    created conversation { ${ROW} } } }`;
  const context = { key: "CASE", objectId: "case-7", name: "C-7" };
  const input = { conversationId: id, initiatedBy: "DCM", initialScreenPopTarget: "CASE", context };
  return (await ask(mutation, { input })).registerConversation;
}

async function faults(order) {
  await fetch(`${simulatorUrl}/sim/faults`, order ? { method: "POST", body: JSON.stringify(order) } : { method: "DELETE" });
}

/** One row, as a case that waits in its queue must show. */
async function checkJoined(id) {
  const shown = await eventually("it waits in its queue", async () => {
    const shown = await row(id);
    return shown?.calculatedStatus === "WAITING_IN_QUEUE" && shown;
  });
  assert.deepEqual(shown, {
    conversationId: id,
    initiatedBy: "DCM",
    initialScreenPopTarget: "CASE",
    originalMediaType: "EMAIL",
    calculatedStatus: "WAITING_IN_QUEUE",
    lastQueueId: queueId,
    owner: { kind: "TEAM", genesysId: queueId },
    context: [{ key: "CASE", objectId: "case-7", verb: "INITIAL" }],
  });
  const list = await ask("query($ids: [ID!]) { conversations(filter: { conversationIds: $ids }) { nodes { conversationId } } }", {
    ids: [id],
  });
  assert.equal(list.conversations.nodes.length, 1);
}

test("the notification comes before the registration", async () => {
  const { id } = await createEmail(genesys.conversations, queueId);
  await eventually("it is seen", async () => (await row(id))?.calculatedStatus === "WAITING_IN_QUEUE");
  assert.equal((await register(id)).created, false);
  await checkJoined(id);
});

test("the notification comes together with the registration", async () => {
  for (let round = 0; round < 5; round += 1) {
    const { id } = await createEmail(genesys.conversations, queueId);
    await Promise.all([register(id), register(id), register(id)]);
    await checkJoined(id);
  }
});

test("the notification comes after the registration", async (t) => {
  await faults({ delayMs: 1_500 });
  t.after(() => faults());
  const { id } = await createEmail(genesys.conversations, queueId);
  const registered = await register(id);
  assert.equal(registered.created, true);
  assert.equal(registered.conversation.calculatedStatus, "CREATED");
  await checkJoined(id);
});
