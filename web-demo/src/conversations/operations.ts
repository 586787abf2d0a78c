import { graphql } from "../gql";
import type { ConversationFilter, ConversationRowFragment } from "../gql/graphql";
import type { LiveSource } from "./LiveList";
import { pagesOf } from "./pages";

const ConversationRow = graphql(`
  fragment ConversationRow on Conversation {
    id
    conversationId
    version
    calculatedStatus
    statusSince
    waitingSince
    conversationStart
    createdAt
    direction
    originalMediaType
    activeMediaType
    lastQueueId
    lastQueueName
    errorMessage
    owner {
      kind
      ownerId
      genesysId
      name
      since
    }
  }
`);

const ConversationList = graphql(`
  query ConversationList($filter: ConversationFilter, $first: Int!, $after: String) {
    conversations(
      filter: $filter
      orderBy: { field: STARTED_AT, direction: DESC }
      first: $first
      after: $after
    ) {
      nodes {
        ...ConversationRow
      }
      ...ListEnd
    }
  }
`);

const ConversationListChanged = graphql(`
  subscription ConversationListChanged($filter: ConversationFilter, $after: String) {
    conversationChanged(filter: $filter, after: $after, includeCurrent: true) {
      ...ChangeHead
      conversation {
        ...ConversationRow
      }
    }
  }
`);

export function conversationsWhere(
  filter: ConversationFilter,
): LiveSource<ConversationRowFragment> {
  return {
    filter,
    changes: ConversationListChanged,
    fragment: ConversationRow,
    fragmentName: "ConversationRow",
    page: pagesOf(ConversationList, filter),
  };
}

export const openConversations = conversationsWhere({ open: true });
