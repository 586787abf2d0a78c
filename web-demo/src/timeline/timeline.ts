import type { ConversationDetailFragment } from "../gql/graphql";
import type { Status } from "../status/statuses";

export type Participant = ConversationDetailFragment["participants"][number];
type Told = Pick<
  ConversationDetailFragment,
  "statusHistory" | "participants" | "calculatedStatus" | "conversationEnd"
>;

/** A status for as long as it lasted. */
export interface Stretch {
  number: number;
  status: Status;
  from: number;
  to: number;
  /** Who had it: agents by name, or the queue. */
  who: string[];
  cause: string;
  gapBefore: boolean;
}

/** A participant's time in the conversation. */
export interface Lane {
  id: string;
  participant: Participant;
  name: string;
  from: number;
  to: number;
  /** From here on it was connected; null: it never was. */
  connected: number | null;
}

const ms = (at: string | null | undefined) => (at ? Date.parse(at) : null);
const handled = new Set<Status>(["CONNECTED", "ON_HOLD", "PARKED", "AFTER_CALL_WORK"]);

/** What it has lived through, oldest first. While it is open, the last stretch ends at `now`. */
export function stretchesOf(conversation: Told, now: number): Stretch[] {
  const { nodes } = conversation.statusHistory;
  return nodes.map((node, index) => {
    const from = Date.parse(node.occurredAt);
    const next = nodes[index + 1];
    const end = node.status === "ENDED" ? from : now;
    const to = Math.max(from, next ? Date.parse(next.occurredAt) : end);
    return {
      number: node.number,
      status: node.status,
      from,
      to,
      who: whoHad(conversation.participants, node.status, from, to),
      cause: node.cause,
      gapBefore: node.gapBefore,
    };
  });
}

/** The participants on the line between `from` and `to` who explain such a status. */
function whoHad(
  participants: readonly Participant[],
  status: Status,
  from: number,
  to: number,
): string[] {
  const overlaps = ({ connectedTime, endTime }: Participant) => {
    const [begun, ended] = [ms(connectedTime), ms(endTime)];
    return begun !== null && begun < to && (ended === null || ended > from);
  };
  if (handled.has(status)) {
    const agents = participants.filter(
      (each) => isStaff(each) && (overlaps(each) || wrapsUp(each, status, from, to)),
    );
    return names(agents.map(({ name, userId }) => name ?? userId ?? "Agent"));
  }
  if (status === "WAITING_IN_QUEUE" || status === "SCHEDULED") {
    return names(participants.filter((each) => isQueue(each) && overlaps(each)).map(nameOf));
  }
  if (status === "ALERTING") {
    const rung = participants.filter((each) => isStaff(each) && rang(each, from, to));
    return names(rung.map(({ name }) => name ?? "Agent"));
  }
  return [];
}

const names = (all: string[]) => [...new Set(all)];
export const isStaff = ({ purpose }: Participant) => purpose === "AGENT" || purpose === "USER";
export const isQueue = ({ purposeName }: Participant) => purposeName.toLowerCase() === "acd";

function wrapsUp({ endTime, acwSeconds }: Participant, status: Status, from: number, to: number) {
  const ended = ms(endTime);
  if (status !== "AFTER_CALL_WORK" || ended === null) return false;
  return ended <= to && ended + Math.max(acwSeconds, 1) * 1000 >= from;
}

function rang(participant: Participant, from: number, to: number): boolean {
  const until = ms(participant.connectedTime) ?? ms(participant.endTime);
  if (until === null) return participant.active;
  const since = until - participant.alertSeconds * 1000;
  return since < to && until > from;
}

/** Everybody but the customer, first come first. */
export function lanesOf(conversation: Told, now: number): Lane[] {
  const lanes = conversation.participants
    .filter(({ purpose }) => purpose !== "CUSTOMER")
    .map((participant): Lane => {
      const connected = ms(participant.connectedTime);
      const to = ms(participant.endTime) ?? (participant.active ? now : (connected ?? now));
      const before = (participant.alertSeconds + participant.dialSeconds) * 1000;
      const from = (connected ?? to) - before;
      return {
        id: participant.id,
        participant,
        name: nameOf(participant),
        from,
        to: Math.max(to, from),
        connected,
      };
    });
  return lanes.sort((a, b) => a.from - b.from);
}

const purposes: Record<string, string> = {
  customer: "Customer",
  agent: "Agent",
  user: "User",
  ivr: "IVR",
  acd: "Queue",
  voicemail: "Voicemail",
  dialer: "Dialler",
  workflow: "Workflow",
  botflow: "Bot",
  external: "Outside party",
};

/** What a participant is, in the words of those who work with it; Genesys' own word for what is seldom seen. */
export const kindOf = ({ purposeName }: Participant): string =>
  purposes[purposeName.toLowerCase()] ?? purposeName;

/** An agent by name, a queue by its own, anything else by what it is. */
export function nameOf(participant: Participant): string {
  const { name, queueName, userId } = participant;
  const kind = kindOf(participant);
  if (isQueue(participant)) return queueName ?? kind;
  return isStaff(participant) ? (name ?? userId ?? kind) : (name ?? kind);
}

/** From the first thing known to the last. */
export function spanOf(stretches: readonly Stretch[], lanes: readonly Lane[]) {
  const all = [...stretches, ...lanes];
  const from = Math.min(...all.map((each) => each.from));
  const to = Math.max(...all.map((each) => each.to));
  return { from, to: Math.max(to, from + 1000) };
}
