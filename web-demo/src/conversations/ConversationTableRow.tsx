import { Link } from "wouter";
import type { ConversationRowFragment } from "../gql/graphql";
import { Icon } from "../icons/Icon";
import { StatusBadge } from "../status/StatusBadge";
import { LongTableRow, type RowPlace } from "../table/LongTable";
import { useNow } from "../time/clock";
import { dayTime } from "../time/format";
import { None, OwnerName } from "./OwnerName";
import { directions, media, shortId } from "./words";

interface Props {
  row: ConversationRowFragment;
  place: RowPlace;
}

export function ConversationTableRow({ row, place }: Props) {
  return (
    <LongTableRow place={place} data={{ "data-conversation": row.conversationId }}>
      <span role="cell" className="cell-status">
        <StatusBadge status={row.calculatedStatus} since={row.statusSince} />
      </span>
      <span role="cell" className="cell-conversation">
        <Medium row={row} />
        <Link
          href={`/conversations/${row.conversationId}`}
          className="conversation-link"
          title={row.conversationId}
        >
          <code>{shortId(row.conversationId)}</code>
        </Link>
        {row.errorMessage && (
          <span className="row-error" title={row.errorMessage}>
            <Icon name="warning" size={14} /> Error
          </span>
        )}
      </span>
      <span role="cell" className="cell-queue">
        {row.lastQueueName ?? <None />}
      </span>
      <span role="cell" className="cell-owner">
        <OwnerName owner={row.owner ?? null} />
      </span>
      <span role="cell" className="cell-started">
        <Started at={row.conversationStart ?? row.createdAt} />
      </span>
    </LongTableRow>
  );
}

export function Medium({ row }: { row: ConversationRowFragment }) {
  const type = row.activeMediaType ?? row.originalMediaType;
  if (!type) return <span className="medium">Unknown medium</span>;
  return (
    <span className="medium">
      <Icon name={media[type].icon} />
      {media[type].label}
      {row.direction && <span className="medium-direction">{directions[row.direction]}</span>}
    </span>
  );
}

function Started({ at }: { at: string }) {
  return <time dateTime={at}>{dayTime(at, useNow())}</time>;
}
