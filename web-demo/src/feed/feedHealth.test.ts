import { expect, it } from "vitest";
import type { FeedState, FeedStatusFieldsFragment } from "../gql/graphql";
import { feedWords } from "./FeedIndicator";
import type { LinkHealth } from "./health";
import { feedHealth } from "./useFeedHealth";

const since = "2026-11-23T10:00:00.000Z";
const status = (state: FeedState, staleSince: string | null = null): FeedStatusFieldsFragment => ({
  state,
  since,
  staleSince,
  lastEventAt: since,
  topicsWanted: 1,
  topicsSubscribed: 1,
  refusedTopics: [],
  repairProgress: state === "CATCHING_UP" ? 0.4 : null,
});
const line = (link: LinkHealth["link"], lostSince: number | null = null): LinkHealth => ({
  link,
  lostSince,
  reconnectedAt: null,
  recovered: 0,
});

it("is live only when both lines are whole", () => {
  expect(feedHealth(status("LIVE"), line("open")).state).toBe("live");
  expect(feedHealth(status("LIVE"), line("connecting")).state).toBe("connecting");
  expect(feedHealth(null, line("open")).state).toBe("connecting");
});

it("is stale since the gateway last heard Genesys", () => {
  const health = feedHealth(status("DISCONNECTED", "2026-11-23T09:58:00.000Z"), line("open"));
  expect(health).toMatchObject({
    state: "stale",
    broken: "genesys",
    staleSince: Date.parse("2026-11-23T09:58:00.000Z"),
  });
});

it("is stale since the same time while the gateway catches up", () => {
  const health = feedHealth(status("CATCHING_UP", "2026-11-23T09:58:00.000Z"), line("open"));
  expect(health).toMatchObject({
    state: "catching-up",
    broken: null,
    staleSince: Date.parse("2026-11-23T09:58:00.000Z"),
  });
});

it("does not trust a status from before its own line broke", () => {
  const health = feedHealth(status("LIVE"), line("lost", Date.parse(since)));
  expect(health).toMatchObject({
    state: "stale",
    broken: "gateway",
    staleSince: Date.parse(since),
  });
});

it("says how far the repair is", () => {
  expect(feedWords(feedHealth(status("CATCHING_UP"), line("open")))).toBe("Catching up 40 %");
});
