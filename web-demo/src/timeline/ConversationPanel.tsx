import { type ReactNode, useId } from "react";
import { Link, useLocation } from "wouter";
import { Medium } from "../conversations/ConversationTableRow";
import { OwnerName } from "../conversations/OwnerName";
import { shortId } from "../conversations/words";
import type { ConversationDetailFragment } from "../gql/graphql";
import { Icon } from "../icons/Icon";
import { pageOf } from "../pop/pages";
import { StatusBadge } from "../status/StatusBadge";
import { useNow } from "../time/clock";
import { clockTime, dayTime } from "../time/format";
import { Participants } from "./Participants";
import { Steps } from "./Steps";
import { Timeline } from "./Timeline";

interface Props {
  conversation: ConversationDetailFragment;
  /** Participants and history stand open. */
  unfolded: boolean;
  actions?: ReactNode;
}

/** One conversation: what it is now, its life as a band, and the facts behind it. */
export function ConversationPanel({ conversation, unfolded, actions }: Props) {
  const title = useId();
  const { conversationId, calculatedStatus, statusSince, errorMessage, errorAt } = conversation;
  return (
    <article className="panel" aria-labelledby={title} data-conversation={conversationId}>
      <header className="panel-head">
        <StatusBadge status={calculatedStatus} since={statusSince} />
        <h2 className="panel-title" id={title}>
          <Medium row={conversation} />
          <Link href={`/conversations/${conversationId}`} className="conversation-link">
            <code title={conversationId}>{shortId(conversationId)}</code>
          </Link>
        </h2>
        <Facts conversation={conversation} />
      </header>
      {errorMessage && (
        <p className="notice notice-bad">
          <Icon name="warning" /> <strong>Error{errorAt && ` at ${clockTime(errorAt)}`}:</strong>{" "}
          {errorMessage}
        </p>
      )}
      <Timeline conversation={conversation} />
      <Links conversation={conversation} />
      {actions}
      <details className="fold" open={unfolded}>
        <summary>History and participants</summary>
        <div className="fold-body">
          <Steps conversation={conversation} />
          <Participants conversation={conversation} />
        </div>
      </details>
    </article>
  );
}

function Facts({ conversation }: { conversation: ConversationDetailFragment }) {
  const now = useNow();
  const { lastQueueName, owner, conversationStart, createdAt, conversationEnd } = conversation;
  return (
    <dl className="panel-facts">
      <div>
        <dt>Queue</dt>
        <dd>{lastQueueName ?? "–"}</dd>
      </div>
      <div>
        <dt>Owner</dt>
        <dd>
          <OwnerName owner={owner ?? null} />
        </dd>
      </div>
      <div>
        <dt>Started</dt>
        <dd>{dayTime(conversationStart ?? createdAt, now)}</dd>
      </div>
      {conversationEnd && (
        <div>
          <dt>Ended</dt>
          <dd>{dayTime(conversationEnd, now)}</dd>
        </div>
      )}
    </dl>
  );
}

const kinds = {
  CASE: "case",
  TASK: "task",
  EXTERNALPARTY: "party",
  USER: "user",
  CUSTOM: "object",
};
const verbs = { INITIAL: "began about", CREATED: "created", UPDATED: "changed" };

function Links({ conversation }: { conversation: ConversationDetailFragment }) {
  const [path] = useLocation();
  if (conversation.context.length === 0) return null;
  return (
    <ul className="links" aria-label="Linked with">
      {conversation.context.map((link) => {
        const page = pageOf(link.key, link.objectId);
        const here = page === path;
        const words = here
          ? `this ${kinds[link.key]}`
          : (link.name ?? `${link.customKey ?? link.key} ${link.objectId}`);
        return (
          <li key={link.id} className="link-chip" title={link.description ?? undefined}>
            <Icon name={link.key === "EXTERNALPARTY" ? "team" : "case"} size={14} />
            <span className="link-verb">{verbs[link.verb]}</span>
            {page && !here ? <Link href={page}>{words}</Link> : <span>{words}</span>}
          </li>
        );
      })}
    </ul>
  );
}
