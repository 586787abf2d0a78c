import type { ConversationStatus } from "../gql/graphql";
import type { IconName } from "../icons/paths";

export type Status = ConversationStatus;

/** How urgent a status reads. Each tone is one pair of colours, for light and for dark. */
export type Tone = "waiting" | "calling" | "talking" | "paused" | "moving" | "closing" | "quiet";

export interface StatusLook {
  label: string;
  icon: IconName;
  tone: Tone;
}

/** In the order in which a conversation usually lives through them. */
export const statuses: Record<Status, StatusLook> = {
  CREATED: { label: "Created", icon: "spark", tone: "quiet" },
  SCHEDULED: { label: "Scheduled", icon: "clock", tone: "moving" },
  IN_FLOW: { label: "In flow", icon: "flow", tone: "moving" },
  WAITING_IN_QUEUE: { label: "Waiting in queue", icon: "queue", tone: "waiting" },
  ALERTING: { label: "Alerting agent", icon: "bell", tone: "calling" },
  DIALING: { label: "Dialing", icon: "dial", tone: "calling" },
  CONNECTED: { label: "Connected", icon: "headset", tone: "talking" },
  ON_HOLD: { label: "On hold", icon: "pause", tone: "paused" },
  PARKED: { label: "Parked", icon: "park", tone: "paused" },
  VOICEMAIL: { label: "Voicemail", icon: "voicemail", tone: "moving" },
  TRANSFERRING: { label: "Transferring", icon: "transfer", tone: "moving" },
  TRANSFERRED_OUT: { label: "Transferred out", icon: "out", tone: "closing" },
  AFTER_CALL_WORK: { label: "After-call work", icon: "pencil", tone: "closing" },
  IDLE: { label: "Idle", icon: "moon", tone: "quiet" },
  ENDED: { label: "Ended", icon: "check", tone: "quiet" },
};

export const statusOrder = Object.keys(statuses) as Status[];

export const isStatus = (word: string): word is Status => word in statuses;
