import type { ConversationRowFragment } from "../gql/graphql";
import { LongTable } from "../table/LongTable";
import { ConversationTableRow } from "./ConversationTableRow";

interface Props {
  rows: readonly ConversationRowFragment[];
  empty: string;
}

const columns = ["Status", "Conversation", "Queue", "Owner", "Started"];

export function ConversationTable({ rows, empty }: Props) {
  return (
    <LongTable
      label="Conversations"
      columns={columns}
      rows={rows}
      keyOf={({ conversationId }) => conversationId}
      rowHeight={60}
      empty={empty}
    >
      {(row, place) => <ConversationTableRow key={row.conversationId} row={row} place={place} />}
    </LongTable>
  );
}
