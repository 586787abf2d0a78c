import type { ConversationRowFragment } from "../gql/graphql";
import { LongTableCell } from "../table/LongTable";
import { useNow } from "../time/clock";
import { dayTime } from "../time/format";
import { None, OwnerName } from "./OwnerName";

interface Props {
  conversation: Pick<ConversationRowFragment, "lastQueueName" | "owner"> | undefined;
  at: string;
}

/** The columns in which every list ends: the queue, who has the conversation, and a time. */
export function PlaceCells({ conversation, at }: Props) {
  return (
    <>
      <LongTableCell name="queue">{conversation?.lastQueueName ?? <None />}</LongTableCell>
      <LongTableCell name="owner">
        <OwnerName owner={conversation?.owner ?? null} />
      </LongTableCell>
      <LongTableCell name="started">
        <time dateTime={at}>{dayTime(at, useNow())}</time>
      </LongTableCell>
    </>
  );
}
