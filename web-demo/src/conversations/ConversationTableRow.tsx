import { Link } from "wouter";
import type { ConversationRowFragment } from "../gql/graphql";
import { Icon } from "../icons/Icon";
import { StatusBadge } from "../status/StatusBadge";
import { LongTableCell, LongTableRow, type RowPlace } from "../table/LongTable";
import { startedAt } from "./liveRows";
import { PlaceCells } from "./PlaceCells";
import { directions, media, shortId } from "./words";

interface Props {
  row: ConversationRowFragment;
  place: RowPlace;
}

export function ConversationTableRow({ row, place }: Props) {
  return (
    <LongTableRow place={place} data={{ "data-conversation": row.conversationId }}>
      <LongTableCell name="status">
        <StatusBadge status={row.calculatedStatus} since={row.statusSince} />
      </LongTableCell>
      <LongTableCell name="conversation">
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
      </LongTableCell>
      <PlaceCells conversation={row} at={startedAt(row)} />
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
