import type { PopConversationFragment } from "../gql/graphql";
import { pageOf } from "./pages";

export interface Pop {
  conversationId: string;
  /** The page to open, and what it is called. */
  page: string;
  title: string;
}

/**
 * Tells when an agent answers. An agent comes into a conversation with each offer as a new
 * participant; it is answered when that participant is connected, be it after a ring or a transfer.
 */
export class Answered {
  #answered = new Set<string>();

  constructor(private readonly userId: string) {}

  /** What was answered before the page began to watch opens nothing. */
  skip(conversation: PopConversationFragment) {
    this.#newAnswer(conversation);
  }

  take(conversation: PopConversationFragment): Pop | null {
    return this.#newAnswer(conversation) ? popOf(conversation) : null;
  }

  #newAnswer({ conversationId, participants }: PopConversationFragment): boolean {
    const mine = participants.filter(
      ({ userId, active, connectedTime }) => userId === this.userId && active && connectedTime,
    );
    const fresh = mine.filter(({ id }) => !this.#answered.has(`${conversationId}/${id}`));
    for (const { id } of fresh) this.#answered.add(`${conversationId}/${id}`);
    return fresh.length > 0;
  }
}

/** The page of what the conversation began about; the conversation's own page when nothing says it. */
export function popOf(conversation: PopConversationFragment): Pop {
  const { conversationId, initialScreenPopTarget: target, context } = conversation;
  const links = context.filter(({ key }) => key === target);
  const link = links.find(({ verb }) => verb === "INITIAL") ?? links[0];
  const page = link && pageOf(link.key, link.objectId);
  if (!link || !page) {
    return { conversationId, page: `/conversations/${conversationId}`, title: "the conversation" };
  }
  return { conversationId, page, title: link.name ?? link.objectId };
}
