// What a client does with Genesys, done with Genesys' JavaScript SDK against the simulator.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { createEmail, signIn } from "./genesys.js";
import { eventually, start } from "./programs.js";

let simulator;
let url;
let genesys;

before(async () => {
  simulator = await start(["simulate", "--port", "0", "--analytics-lag", "100ms"], /Genesys simulator: (http:\S+)/);
  url = simulator.address;
  genesys = await signIn(url);
});

after(() => simulator.stop());

async function step(id, body) {
  const answer = await fetch(`${url}/sim/conversations/${id}/steps`, { method: "POST", body: JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.text());
}

test("queues are read page by page", async () => {
  const ids = new Set();
  let pageNumber = 1;
  for (;;) {
    const page = await genesys.routing.getRoutingQueues({ pageNumber, pageSize: 4 });
    for (const queue of page.entities) ids.add(queue.id);
    if (pageNumber >= page.pageCount) {
      assert.equal(ids.size, page.total);
      break;
    }
    pageNumber += 1;
  }
  assert.equal(ids.size, 6);
});

test("an e-mail is created, heard of, read, worked on, wrapped up, disconnected and analysed", async (t) => {
  const queue = (await genesys.routing.getRoutingQueues({ pageSize: 1 })).entities[0];
  const channel = await genesys.notifications.postNotificationsChannels();
  const topic = `v2.routing.queues.${queue.id}.conversations`;
  const subscribed = await genesys.notifications.postNotificationsChannelSubscriptions(channel.id, [{ id: topic }]);
  assert.deepEqual(subscribed.entities.map((entity) => entity.id), [topic]);
  const kept = await genesys.notifications.getNotificationsChannelSubscriptions(channel.id);
  assert.deepEqual(kept.entities.map((entity) => entity.id), [topic]);

  const heard = [];
  const socket = new WebSocket(channel.connectUri);
  t.after(() => socket.terminate());
  socket.on("message", (frame) => heard.push(JSON.parse(frame)));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  socket.send(JSON.stringify({ message: "ping" }));
  await eventually("a pong", () => heard.find((frame) => frame.eventBody?.message === "pong"));

  const { id } = await createEmail(genesys.conversations, queue.id);
  const told = await eventually("the queue's notification", () =>
    heard.find((frame) => frame.topicName === topic && frame.eventBody.id === id),
  );
  assert.equal(told.version, "2");
  assert.equal(told.eventBody.participants[0].emails[0].provider, "DCM");

  const read = await genesys.conversations.getConversation(id);
  assert.deepEqual(read.participants.map((participant) => participant.purpose), ["customer", "acd"]);
  assert.equal(read.participants[1].queueName, queue.name);
  assert.deepEqual(read.participants[0].attributes, { caseId: "case-7" });

  await step(id, { step: "offer" });
  await step(id, { step: "answer" });
  const email = await genesys.conversations.getConversationsEmail(id);
  const agent = email.participants.find((participant) => participant.purpose === "agent");
  assert.equal(agent.state, "connected");
  const codes = await genesys.routing.getRoutingQueueWrapupcodes(queue.id);
  const code = codes.entities[0];
  await genesys.conversations.patchConversationsEmailParticipant(id, agent.id, { wrapup: { code: code.id, notes: "done" } });
  await genesys.conversations.patchConversationsEmailParticipant(id, agent.id, { state: "disconnected" });
  const wrapup = await genesys.conversations.getConversationsEmailParticipantWrapup(id, agent.id);
  assert.equal(wrapup.code, code.id);
  await genesys.conversations.postConversationDisconnect(id);
  const ended = await genesys.conversations.getConversation(id);
  assert.ok(ended.endTime);

  const now = Date.now();
  const interval = `${new Date(now - 3_600_000).toISOString()}/${new Date(now + 3_600_000).toISOString()}`;
  const details = await eventually("analytics know its end", async () => {
    const answer = await genesys.analytics.postAnalyticsConversationsDetailsQuery({
      interval,
      paging: { pageSize: 100, pageNumber: 1 },
      segmentFilters: [{ type: "and", predicates: [{ dimension: "queueId", value: queue.id }] }],
    });
    return answer.conversations?.find((one) => one.conversationId === id && one.conversationEnd);
  });
  assert.equal(details.originatingDirection, "inbound");
  assert.equal(details.participants[0].sessions[0].mediaType, "email");
});

test("Genesys' own errors reach the caller as the SDK's errors", async () => {
  await assert.rejects(genesys.conversations.getConversation("00000000-0000-4000-8000-000000000000"), (error) => {
    assert.equal(error.status, 404);
    assert.equal(error.code, "not.found");
    return true;
  });
});
