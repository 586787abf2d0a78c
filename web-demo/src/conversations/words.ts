import type { Direction, MediaType } from "../gql/graphql";
import type { IconName } from "../icons/paths";

export const media: Record<MediaType, { label: string; icon: IconName }> = {
  VOICE: { label: "Voice", icon: "phone" },
  CALLBACK: { label: "Callback", icon: "callback" },
  CHAT: { label: "Chat", icon: "chat" },
  EMAIL: { label: "E-mail", icon: "mail" },
  MESSAGE: { label: "Message", icon: "message" },
};

export const mediaTypes = Object.keys(media) as MediaType[];

export const directions: Record<Direction, string> = { INBOUND: "inbound", OUTBOUND: "outbound" };

/** Enough of the identifier to tell two conversations apart on one screen. */
export const shortId = (conversationId: string) => conversationId.slice(0, 8);
