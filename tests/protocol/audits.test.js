// GraphQL over HTTP, judged by the audits of the specification's reference library.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { auditServer, serverAudits } from "graphql-http";
import { startGateway } from "./support/gateway.js";

let gateway;
before(async () => {
  gateway = await startGateway();
});
after(() => gateway?.stop());

test("the library still has its 61 audits", () => {
  assert.equal(serverAudits({ url: "http://unused" }).length, 61);
});

test("every audit is passed", async () => {
  const results = await auditServer({ url: gateway.url });
  const failed = results.filter((result) => result.status !== "ok");
  const told = failed.map(({ id, name, reason }) => `${id} ${name}: ${reason}`);
  assert.deepEqual(told, []);
  assert.equal(results.length, 61);
});
