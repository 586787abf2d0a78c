import { graphql } from "../gql";

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
