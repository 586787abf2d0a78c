import { Link } from "wouter";
import { PlaceCells } from "../conversations/PlaceCells";
import { media } from "../conversations/words";
import type { CaseConversationFragment } from "../gql/graphql";
import { Icon } from "../icons/Icon";
import { StatusBadge } from "../status/StatusBadge";
import { LongTableCell, LongTableRow, type RowPlace } from "../table/LongTable";
import { type CaseRow, mediumOf, titleOf } from "./caseRows";

interface Props {
  row: CaseRow;
  place: RowPlace;
}

/** Badges in a row; the rest is a number. */
const shownBadges = 2;

export function CaseTableRow({ row, place }: Props) {
  const { number, subject } = titleOf(row.name, row.objectId);
  return (
    <LongTableRow place={place} className="row-case" data={{ "data-case": row.objectId }}>
      <LongTableCell name="case">
        <Link href={`/cases/${encodeURIComponent(row.objectId)}`} className="case-link">
          <span className="case-number">{number}</span>
          {subject && <span className="case-subject">{subject}</span>}
        </Link>
      </LongTableCell>
      <LongTableCell name="badges">
        <Badges row={row} />
      </LongTableCell>
      <PlaceCells conversation={row.open[0] ?? row.ended[0]} at={row.lastActivityAt} />
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
