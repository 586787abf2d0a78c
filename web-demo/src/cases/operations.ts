import type { LiveSource } from "../conversations/LiveList";
import { graphql } from "../gql";
import type { CaseConversationFragment } from "../gql/graphql";

const CaseConversation = graphql(`
  fragment CaseConversation on Conversation {
    ...ConversationRow
    updatedAt
    context {
      id
      key
      objectId
      name
    }
  }
`);

const HeadOfLog = graphql(`
  query HeadOfLog {
    feedCursor
  }
`);

const CaseList = graphql(`
  query CaseList($first: Int!, $after: String) {
    contexts(key: CASE, first: $first, after: $after) {
      nodes {
        key
        objectId
        conversations(first: 10) {
          nodes {
            ...CaseConversation
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const CaseListChanged = graphql(`
  subscription CaseListChanged(
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
        ...CaseConversation
      }
    }
  }
`);

/** More cases would be no list that anybody reads: then the search is the way. */
export const mostConversations = 20_000;

/**
 * The newest conversations of every case, the latest active case first. The place in the log is asked
 * for before the list is: what changes in between comes twice, and a version tells.
 */
export const casesConversations: LiveSource<CaseConversationFragment> = {
  filter: null,
  changes: CaseListChanged,
  fragment: CaseConversation,
  fragmentName: "CaseConversation",
  belongs: (row) => row.context.some(({ key }) => key === "CASE"),
  most: mostConversations,
  async page(apollo, after, first) {
    const head = await apollo.query({ query: HeadOfLog, fetchPolicy: "network-only" });
    const { data } = await apollo.query({
      query: CaseList,
      variables: { first, after },
      fetchPolicy: "network-only",
    });
    if (!data || !head.data) throw new Error("The gateway sent no list.");
    const { nodes, pageInfo } = data.contexts;
    return {
      nodes: nodes.flatMap(({ conversations }) => conversations.nodes),
      feedCursor: head.data.feedCursor,
      next: pageInfo.hasNextPage ? (pageInfo.endCursor ?? null) : null,
    };
  },
};
