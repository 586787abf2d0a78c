import { Button, Dialog, DialogTrigger, Heading, Popover } from "react-aria-components";
import { useNow } from "../time/clock";
import { clockTime, duration } from "../time/format";
import type { FeedHealth } from "./useFeedHealth";

const iso = (ms: number) => new Date(ms).toISOString();

/** The state of the feed in a few words: `Live`, `Catching up 40 %`, `Stale since 14:02:11`. */
export function feedWords(health: FeedHealth): string {
  switch (health.state) {
    case "connecting":
      return "Connecting";
    case "live":
      return "Live";
    case "catching-up": {
      const progress = health.status?.repairProgress;
      return progress == null ? "Catching up" : `Catching up ${Math.round(progress * 100)} %`;
    }
    case "stale":
      return health.staleSince === null
        ? "Stale"
        : `Stale since ${clockTime(iso(health.staleSince))}`;
  }
}

export function FeedIndicator({ health }: { health: FeedHealth }) {
  const words = feedWords(health);
  return (
    <DialogTrigger>
      <Button className={`feed feed-${health.state}`} aria-label={`Feed: ${words}. Show details`}>
        <span className="feed-dot" aria-hidden="true" />
        <span className="feed-words">{words}</span>
      </Button>
      <Popover className="popover" placement="bottom end">
        <Dialog className="popover-body">
          <Heading slot="title">The live feed</Heading>
          <Details health={health} />
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

function Details({ health: { status, link } }: { health: FeedHealth }) {
  const now = useNow();
  return (
    <dl className="facts">
      <dt>This page</dt>
      <dd>{link.link === "open" ? "connected to the gateway" : "no line to the gateway"}</dd>
      {link.reconnectedAt !== null && (
        <>
          <dt>Last reconnected</dt>
          <dd>
            {clockTime(iso(link.reconnectedAt))}, {recoveredWords(link.recovered)}
          </dd>
        </>
      )}
      {status && (
        <>
          <dt>Genesys</dt>
          <dd>
            {status.topicsSubscribed} of {status.topicsWanted} topics
          </dd>
          <dt>Last event</dt>
          <dd>
            {status.lastEventAt
              ? `${duration(now - Date.parse(status.lastEventAt))} ago`
              : "none so far"}
          </dd>
          {status.refusedTopics.map(({ topic, reason }) => (
            <div key={topic} className="facts-wide">
              <dt>Refused</dt>
              <dd>
                {topic}
                {reason && `: ${reason}`}
              </dd>
            </div>
          ))}
        </>
      )}
    </dl>
  );
}

export function recoveredWords(changes: number): string {
  if (changes === 0) return "nothing missed";
  return changes === 1 ? "1 change recovered" : `${changes} changes recovered`;
}
