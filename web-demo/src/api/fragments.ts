import { graphql } from "../gql";
import type { NextPageFragment } from "../gql/graphql";

graphql(`
  fragment NextPage on PageInfo {
    hasNextPage
    endCursor
  }
`);

graphql(`
  fragment ListEnd on ConversationConnection {
    pageInfo {
      ...NextPage
    }
    feedCursor
  }
`);

graphql(`
  fragment ChangeHead on ConversationChange {
    cursor
    version
    conversationId
    membership
    recordedAt
  }
`);

/** Where the next page begins; null at the end of the list. */
export function nextPage({ hasNextPage, endCursor }: NextPageFragment): string | null {
  return hasNextPage ? (endCursor ?? null) : null;
}
