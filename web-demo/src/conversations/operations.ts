import { graphql } from "../gql";
import type { ConversationFilter, ConversationRowFragment } from "../gql/graphql";
import type { LiveSource } from "./LiveList";

export const ConversationRow = graphql(`
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

export const ConversationList = graphql(`
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
      pageInfo {
        hasNextPage
        endCursor
      }
      feedCursor
    }
  }
`);

export const ConversationListChanged = graphql(`
  subscription ConversationListChanged(
    $filter: ConversationFilter
    $after: String
    $includeCurrent: Boolean
  ) {
    conversationChanged(filter: $filter, after: $after, includeCurrent: $includeCurrent) {
      cursor
      version
      conversationId
      membership
      recordedAt
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
    async page(apollo, after, first) {
      const { data } = await apollo.query({
        query: ConversationList,
        variables: { filter, first, after },
        fetchPolicy: "network-only",
      });
      if (!data) throw new Error("The gateway sent no list.");
      const { nodes, feedCursor, pageInfo } = data.conversations;
      const next = pageInfo.hasNextPage ? (pageInfo.endCursor ?? null) : null;
      return { nodes, feedCursor, next };
    },
  };
}

export const openConversations = conversationsWhere({ open: true });
