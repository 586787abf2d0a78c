import { Link } from "wouter";
import { None, OwnerName } from "../conversations/OwnerName";
import { media } from "../conversations/words";
import type { CaseConversationFragment } from "../gql/graphql";
import { Icon } from "../icons/Icon";
import { StatusBadge } from "../status/StatusBadge";
import { LongTableRow, type RowPlace } from "../table/LongTable";
import { useNow } from "../time/clock";
import { dayTime } from "../time/format";
import { type CaseRow, mediumOf, titleOf } from "./caseRows";

interface Props {
  row: CaseRow;
  place: RowPlace;
}

/** Badges in a row; the rest is a number. */
const shownBadges = 2;

export function CaseTableRow({ row, place }: Props) {
  const { number, subject } = titleOf(row.name, row.objectId);
  const foremost = row.open[0] ?? row.ended[0];
  return (
    <LongTableRow place={place} className="row-case" data={{ "data-case": row.objectId }}>
      <span role="cell" className="cell-case">
        <Link href={`/cases/${encodeURIComponent(row.objectId)}`} className="case-link">
          <span className="case-number">{number}</span>
          {subject && <span className="case-subject">{subject}</span>}
        </Link>
      </span>
      <span role="cell" className="cell-badges">
        <Badges row={row} />
      </span>
      <span role="cell" className="cell-queue">
        {foremost?.lastQueueName ?? <None />}
      </span>
      <span role="cell" className="cell-owner">
        <OwnerName owner={foremost?.owner ?? null} />
      </span>
      <span role="cell" className="cell-started">
        <time dateTime={row.lastActivityAt}>{dayTime(row.lastActivityAt, useNow())}</time>
      </span>
    </LongTableRow>
  );
}

function Badges({ row: { open, ended } }: { row: CaseRow }) {
  const last = ended[0];
  const shown = open.length > 0 ? open.slice(0, shownBadges) : last ? [last] : [];
  const more = open.length + ended.length - shown.length;
  return (
    <>
      {shown.map((conversation) => (
        <ConversationBadge key={conversation.conversationId} conversation={conversation} />
      ))}
      {more > 0 && (
        <span className="more">
          +{more}
          <span className="visually-hidden"> more</span>
        </span>
      )}
    </>
  );
}

function ConversationBadge({ conversation }: { conversation: CaseConversationFragment }) {
  const medium = mediumOf(conversation);
  return (
    <span className="medium-badge" data-conversation={conversation.conversationId}>
      {medium && (
        <span className="medium-mark" title={media[medium].label}>
          <Icon name={media[medium].icon} />
          <span className="visually-hidden">{media[medium].label}</span>
        </span>
      )}
      <StatusBadge status={conversation.calculatedStatus} since={conversation.statusSince} />
      {conversation.errorMessage && (
        <span className="row-error" title={conversation.errorMessage}>
          <Icon name="warning" size={14} />
          <span className="visually-hidden">Error</span>
        </span>
      )}
    </span>
  );
}
