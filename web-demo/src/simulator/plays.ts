import type { IconName } from "../icons/paths";
import type { Status } from "../status/statuses";

export interface Play {
  words: string;
  step: string;
  more?: object;
}

/** What can begin, and its first step. */
export const beginnings: { media: string; words: string; icon: IconName; first: Play }[] = [
  { media: "voice", words: "Voice call", icon: "phone", first: { words: "", step: "enqueue" } },
  { media: "email", words: "E-mail", icon: "mail", first: { words: "", step: "enqueue" } },
  { media: "message", words: "Message", icon: "message", first: { words: "", step: "enqueue" } },
  {
    media: "callback",
    words: "Callback",
    icon: "callback",
    first: { words: "", step: "schedule", more: { inMs: 60_000 } },
  },
];

const enqueue: Play = { words: "Into a queue", step: "enqueue" };
const offer: Play = { words: "Offer to an agent", step: "offer" };
const answer: Play = { words: "Answer", step: "answer" };
const decline: Play = { words: "Decline", step: "decline" };
const hold: Play = { words: "Hold", step: "hold" };
const transferQueue: Play = { words: "Transfer to a queue", step: "transfer" };
const transferAgent: Play = {
  words: "Transfer to an agent",
  step: "transfer",
  more: { to: "user" },
};
const consult: Play = { words: "Consult", step: "consult" };
const park: Play = { words: "Park", step: "park" };
const gone: Play = { words: "Customer ends", step: "customer-disconnect" };
const agentEnds: Play = { words: "Agent ends", step: "agent-disconnect" };
const end: Play = { words: "End", step: "end" };

/** The steps that make sense in a status. One that can't be taken after all is refused with a reason. */
export function playsIn(status: Status, media: string | null): Play[] {
  const written = media === "EMAIL" || media === "MESSAGE";
  switch (status) {
    case "CREATED":
      return [enqueue, end];
    case "SCHEDULED":
      return [{ words: "Its time has come", step: "due" }, end];
    case "IN_FLOW":
      return [enqueue, gone];
    case "WAITING_IN_QUEUE":
      return [offer, ...(written ? [] : [gone]), end];
    case "ALERTING":
      return [answer, decline, end];
    case "DIALING":
      return [
        { words: "They answer", step: "connect" },
        { words: "No answer", step: "unreached" },
      ];
    case "CONNECTED":
      return [
        written ? park : hold,
        transferQueue,
        transferAgent,
        ...(written ? [] : [consult, gone]),
        agentEnds,
      ];
    case "ON_HOLD":
      return [{ words: "Retrieve", step: "unhold" }, transferQueue, gone];
    case "PARKED":
      return [{ words: "Take up again", step: "unpark" }, agentEnds];
    case "AFTER_CALL_WORK":
      return [{ words: "Wrap up", step: "wrap-up" }];
    case "IDLE":
      return [
        { words: "Customer writes", step: "message" },
        { words: "Thread expires", step: "expire" },
      ];
    case "VOICEMAIL":
    case "TRANSFERRED_OUT":
      return [gone, end];
    case "TRANSFERRING":
    case "ENDED":
      return [];
  }
}

/** Ways to break the line between Genesys and the gateway. */
export const faults: { words: string; detail: string; fault: object }[] = [
  { words: "Drop the socket", detail: "once", fault: { dropSockets: true } },
  { words: "Fall silent", detail: "for 30 s", fault: { silentMs: 30_000 } },
  { words: "Rate limit", detail: "429 for 20 s", fault: { status: 429, forMs: 20_000 } },
  { words: "Expire the channels", detail: "once", fault: { expireChannels: true } },
  {
    words: "Send twice, out of order",
    detail: "until healed",
    fault: { duplicate: 0.3, reorder: 0.2 },
  },
];
