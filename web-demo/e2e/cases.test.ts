import { describe, expect, it } from "vitest";
import { agentIn, caseOf, enqueuedAlone, registerCases, until } from "./api";
import { cable } from "./browser";
import { stage } from "./stage";

const on = stage();
const caseRow = (objectId: string) => on.page.locator(`[data-case="${objectId}"]`);
const badge = (id: string, status: string) =>
  on.page.locator(`[data-conversation="${id}"] [data-status="${status}"]`);

describe("the list of cases", () => {
  it("shows a case as soon as a conversation is about it, with its live badge", async () => {
    await on.page.goto(on.gateway.url);
    await on.page.getByRole("button", { name: /^Feed: Live/ }).waitFor();
    const id = await on.simulator.enqueued();
    const { objectId, number } = await caseOf(on.gateway, id);
    await caseRow(objectId).getByText(number).waitFor();
    await badge(id, "WAITING_IN_QUEUE").getByText("Waiting in queue").waitFor();
    await on.simulator.steps(id, "offer", "answer");
    await badge(id, "CONNECTED").waitFor();
    await on.simulator.steps(id, "hold");
    await badge(id, "ON_HOLD").waitFor();
    await on.simulator.step(id, "customer-disconnect");
  });

  it("keeps its filters in the address", async () => {
    const voiceCase = await enqueuedAlone(on.gateway, on.simulator);
    const mailCase = await enqueuedAlone(on.gateway, on.simulator, "email");
    const [voice, mail] = [voiceCase.id, mailCase.id];
    await on.simulator.steps(mail, "offer", "answer");
    const known = await until(
      on.gateway,
      mail,
      ({ calculatedStatus }) => calculatedStatus === "CONNECTED",
    );
    await on.page.goto(on.gateway.url);
    await badge(mail, "CONNECTED").waitFor();
    await badge(voice, "WAITING_IN_QUEUE").waitFor();

    await on.page.getByLabel("Medium").selectOption("EMAIL");
    await caseRow(voiceCase.objectId).waitFor({ state: "detached" });
    await on.page.getByLabel("Queue").selectOption(String(known.lastQueueName));
    await on.page.getByLabel("With agent").selectOption(String(known.owner?.name));
    await on.page.getByRole("button", { name: /^Connected/ }).click();
    await on.page.getByLabel("Search").fill(mailCase.number);
    const asked = () => [...new URL(on.page.url()).searchParams.keys()].sort();
    await expect.poll(asked).toEqual(["agent", "media", "q", "queue", "status"]);
    await on.page.reload();
    await caseRow(mailCase.objectId).waitFor();
    await expect.poll(() => on.page.getByTestId("count").textContent()).toMatch(/^1( of \d+)?$/);
    await on.page.getByLabel("Search").fill("no such case");
    await on.page.getByText("No case matches the filter now.").waitFor();
    await on.simulator.step(voice, "customer-disconnect");
  });
});

describe("a list of cases whose line was cut", () => {
  it("resumes from its cursor, and says how many changes it had missed", async () => {
    on.allowComplaints();
    const id = await on.simulator.enqueued();
    await on.page.goto(on.gateway.url);
    await badge(id, "WAITING_IN_QUEUE").waitFor();
    await on.simulator.step(id, "offer");
    await badge(id, "ALERTING").waitFor();
    const subscribed = resumes();
    const line = await cable(on.page);
    await line.pull();
    await on.page.getByText(/^Stale since \d\d:\d\d:\d\d\.$/).waitFor({ timeout: 20_000 });
    await on.simulator.steps(id, "answer", "hold");
    await until(on.gateway, id, ({ calculatedStatus }) => calculatedStatus === "ON_HOLD");
    await badge(id, "ALERTING").waitFor();
    await line.plug();
    await badge(id, "ON_HOLD").waitFor();
    await on.page.getByText(/^Reconnected at .*: [2-9] changes recovered\.$/).waitFor();
    await on.page.getByRole("button", { name: /^Feed/ }).click();
    await on.page.getByText(/^\d\d:\d\d:\d\d, [2-9] changes recovered$/).waitFor();
    expect(subscribed().at(-1)).toMatch(/"after":"[^"]+"/);
    await on.simulator.step(id, "customer-disconnect");
  });
});

/** What the page asks for on each socket from now on. */
function resumes(): () => string[] {
  const asked: string[] = [];
  on.page.on("websocket", (socket) =>
    socket.on("framesent", ({ payload }) => {
      if (String(payload).includes("subscription CaseListChanged")) asked.push(String(payload));
    }),
  );
  return () => asked;
}

describe("a list of many cases", () => {
  it("shows open cases only, and those that are over to those who ask", async () => {
    const openCase = await enqueuedAlone(on.gateway, on.simulator);
    const overCase = await enqueuedAlone(on.gateway, on.simulator);
    const [open, over] = [openCase.id, overCase.id];
    await on.page.goto(on.gateway.url);
    await caseRow(openCase.objectId).waitFor();
    await caseRow(overCase.objectId).waitFor();
    await on.simulator.step(over, "customer-disconnect");
    await caseRow(overCase.objectId).waitFor({ state: "detached" });

    await on.page.getByRole("radio", { name: "All" }).click();
    await badge(over, "ENDED").waitFor();
    await on.page.getByRole("button", { name: /^Ended/ }).click();
    await caseRow(openCase.objectId).waitFor({ state: "detached" });
    await on.page.waitForURL("**/?show=all&status=ENDED");
    await on.page.reload();
    await badge(over, "ENDED").waitFor();
    await on.page.getByRole("radio", { name: "Open" }).click();
    await badge(open, "WAITING_IN_QUEUE").waitFor();
    await caseRow(overCase.objectId).waitFor({ state: "detached" });
    await on.simulator.step(open, "customer-disconnect");
  });

  it("filters by who is in a conversation now, not by whom it belongs to", async () => {
    const { id, objectId } = await enqueuedAlone(on.gateway, on.simulator);
    await on.simulator.steps(id, "offer", "answer");
    const { owner } = await until(on.gateway, id, ({ owner }) => owner?.kind === "USER");
    await on.page.goto(`${on.gateway.url}/?agent=${owner?.genesysId}`);
    await caseRow(objectId).waitFor();
    // Handed over: the list of what that agent has lets it go.
    await on.simulator.step(id, "transfer");
    await on.simulator.step(id, "wrap-up", { userId: owner?.genesysId });
    await caseRow(objectId).waitFor({ state: "detached" });
    // The next agent is rung: it is that agent's now, though the queue still owns it.
    await on.simulator.step(id, "offer");
    const rung = await agentIn(on.gateway, id);
    await on.page.goto(`${on.gateway.url}/?agent=${rung}`);
    await badge(id, "ALERTING").waitFor();
    await on.page.getByRole("radio", { name: "All" }).click();
    await on.page.getByLabel("Handled by").selectOption(String(owner?.genesysId));
    await badge(id, "ALERTING").waitFor();
    await on.simulator.step(id, "customer-disconnect");
  });

  it("scrolls through thousands of cases with few rows in the page", async () => {
    const many = 2_500;
    await registerCases(on.gateway, many);
    await on.page.goto(on.gateway.url);
    const count = async () => Number(await on.page.getByTestId("count").textContent());
    await expect.poll(count, { timeout: 30_000 }).toBeGreaterThanOrEqual(many);
    const scroll = (share: number) =>
      on.page.evaluate(
        (share) => window.scrollTo(0, share * document.documentElement.scrollHeight),
        share,
      );
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      await scroll(share);
      await expect.poll(rowsInSight).toBeGreaterThan(5);
      expect(await on.page.locator("[data-case]").count()).toBeLessThan(60);
    }
    await caseRow("many-0").waitFor();
    // It stays live: a new case comes in at the top.
    await scroll(0);
    const id = await on.simulator.enqueued();
    await badge(id, "WAITING_IN_QUEUE").waitFor();
    await on.page.getByLabel("Search").fill(`Many ${many - 1}`);
    await on.page.getByText(/^1 of \d+$/).waitFor();
    await on.simulator.step(id, "customer-disconnect");
  }, 120_000);
});

/** How many rows of the list can be seen now. */
function rowsInSight(): Promise<number> {
  return on.page.locator("[data-case]").evaluateAll((all) => {
    const seen = all.filter((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return bottom > 0 && top < innerHeight;
    });
    return seen.length;
  });
}

describe("the page of a case", () => {
  it("draws the conversation's life and lets it grow while one looks", async () => {
    const id = await on.simulator.enqueued();
    const { objectId, number } = await caseOf(on.gateway, id);
    await on.page.goto(on.gateway.url);
    await caseRow(objectId).getByRole("link").click();
    await on.page.waitForURL(`**/cases/${objectId}`);
    await on.page.getByRole("heading", { level: 1, name: new RegExp(number) }).waitFor();
    const panel = on.page.locator(`article[data-conversation="${id}"]`);
    const steps = panel.getByRole("table", { name: "Status history" });
    await steps.getByText("Waiting in queue").waitFor();

    await on.simulator.steps(id, "offer", "answer", "hold", "unhold");
    await steps.getByText("On hold").waitFor();
    const { owner } = await until(on.gateway, id, ({ calculatedStatus, owner }) =>
      Boolean(calculatedStatus === "CONNECTED" && owner?.name),
    );
    await panel.getByRole("list", { name: "Who had it" }).getByText(String(owner?.name)).waitFor();
    await panel.getByRole("img", { name: /Connected .*On hold .*Connected/ }).waitFor();
    await on.simulator.step(id, "transfer");
    await steps.getByText("Waiting in queue").nth(1).waitFor();
    await on.simulator.steps(id, "offer", "answer");
    await expect
      .poll(() => panel.getByRole("list", { name: "Who had it" }).locator(".lane-staff").count())
      .toBe(2);
    await on.simulator.step(id, "customer-disconnect");
  });

  it("closes with a wrap-up code, and says what Genesys said", async () => {
    const id = await on.simulator.enqueued();
    await on.simulator.steps(id, "offer", "answer");
    await on.page.goto(`${on.gateway.url}/conversations/${id}`);
    await badge(id, "CONNECTED").waitFor();
    await on.page.getByRole("button", { name: "Close…" }).click();
    await on.page.getByLabel("Wrap-up code").selectOption("Resolved");
    await on.page.getByRole("button", { name: "Close conversation" }).click();
    await on.page.getByText("Closed: Genesys shows it as ended.").waitFor();
    await badge(id, "ENDED").waitFor();
    const participants = on.page.getByRole("table", { name: "Participants" });
    await participants.getByText("Resolved").waitFor();
  });

  it("shows what Genesys refuses, participant by participant, and changes nothing by itself", async () => {
    on.allowComplaints();
    const id = await on.simulator.enqueued();
    await on.simulator.steps(id, "offer", "answer");
    await on.page.goto(`${on.gateway.url}/conversations/${id}`);
    await badge(id, "CONNECTED").waitFor();
    // Genesys can be read, and refuses to act.
    await on.simulator.fault({ status: 503, path: "/api/v2/conversations/calls", forMs: 60_000 });
    await on.page.getByRole("button", { name: "Close…" }).click();
    await on.page.getByLabel("Wrap-up code").selectOption("Resolved");
    await on.page.getByRole("button", { name: "Close conversation" }).click();
    const outcome = on.page.locator(".outcome");
    await outcome.getByText("Closing in Genesys…").waitFor();
    await outcome.getByText(/GENESYS_/).waitFor();
    await outcome
      .getByText(/refused/i)
      .first()
      .waitFor();
    expect(await on.page.getByText("Closed: Genesys shows it as ended.").count()).toBe(0);
    await badge(id, "CONNECTED").waitFor();
    // The failure stays with the conversation, for everybody to see.
    await on.page
      .locator(".panel .notice-bad")
      .getByText(/^Error at/)
      .waitFor();

    await on.simulator.heal();
    await on.page.getByRole("button", { name: "Close conversation" }).click();
    await outcome.getByText("Closed: Genesys shows it as ended.").waitFor();
    await badge(id, "ENDED").waitFor();
    await on.page.locator(".panel .notice-bad").waitFor({ state: "detached" });
  });

  it("sends a close once though it is pressed twice", async () => {
    const id = await on.simulator.enqueued();
    await on.simulator.steps(id, "offer", "answer");
    let sent = 0;
    on.page.on("request", (request) => {
      if (request.postData()?.includes("mutation CloseConversation")) sent += 1;
    });
    await on.page.goto(`${on.gateway.url}/conversations/${id}`);
    await on.page.getByRole("button", { name: "Close…" }).click();
    await on.page.getByLabel("Wrap-up code").selectOption("Resolved");
    await on.page.getByRole("button", { name: "Close conversation" }).dblclick();
    await on.page.getByText("Closed: Genesys shows it as ended.").waitFor();
    expect(sent).toBe(1);
  });

  it("a page that has not heard of the end learns it when it closes again", async () => {
    let deaf = false;
    await on.page.routeWebSocket("**/graphql", (socket) => {
      const server = socket.connectToServer();
      server.onMessage((message) => {
        if (!deaf || String(message).includes('"pong"')) socket.send(message);
      });
    });
    const id = await on.simulator.enqueued();
    await on.simulator.steps(id, "offer", "answer");
    await on.page.goto(`${on.gateway.url}/conversations/${id}`);
    await badge(id, "CONNECTED").waitFor();
    await on.page.getByRole("button", { name: "Close…" }).click();
    deaf = true;
    await on.simulator.steps(id, "customer-disconnect", "wrap-up");
    await until(on.gateway, id, ({ calculatedStatus }) => calculatedStatus === "ENDED");
    await badge(id, "CONNECTED").waitFor();
    await on.page.getByRole("button", { name: "Close conversation" }).click();
    await on.page.getByText("Closed: Genesys shows it as ended.").waitFor();
  });

  it("refreshes and links, and the link leads to its page", async () => {
    const id = await on.simulator.enqueued();
    await on.page.goto(`${on.gateway.url}/conversations/${id}`);
    await badge(id, "WAITING_IN_QUEUE").waitFor();
    await on.page.getByRole("button", { name: "Refresh" }).click();
    await on.page.getByText("Read anew from Genesys: Waiting in queue.").waitFor();
    await on.page.getByRole("button", { name: "Link…" }).click();
    await on.page.getByLabel("Kind").selectOption("Task");
    await on.page.getByLabel("Id", { exact: true }).fill("t-12");
    await on.page.getByLabel("Name").fill("Call back about the roof");
    await on.page.getByRole("button", { name: "Link", exact: true }).click();
    await on.page.getByText("Linked with Call back about the roof.").waitFor();
    await on.page.getByRole("link", { name: "Call back about the roof" }).click();
    await on.page.waitForURL("**/tasks/t-12");
    await badge(id, "WAITING_IN_QUEUE").waitFor();
    await on.simulator.step(id, "customer-disconnect");
  });
});
