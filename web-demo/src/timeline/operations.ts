import type { LiveSource } from "../conversations/LiveList";
import { graphql } from "../gql";
import type { ConversationDetailFragment, ConversationFilter } from "../gql/graphql";

const ConversationDetail = graphql(`
  fragment ConversationDetail on Conversation {
    ...ConversationRow
    conversationEnd
    initiatedBy
    registeredAt
    initialScreenPopTarget
    errorAt
    context {
      id
      key
      customKey
      objectId
      name
      verb
      description
      lastAt
    }
    participants(includeSystem: true) {
      id
      participantId
      purpose
      purposeName
      userId
      name
      queueName
      active
      consulted
      connectedTime
      endTime
      alertSeconds
      dialSeconds
      talkSeconds
      holdSeconds
      parkSeconds
      acwSeconds
      wrapUpName
    }
    statusHistory(last: 100) {
      nodes {
        number
        status
        occurredAt
        cause
        gapBefore
      }
    }
  }
`);

const ConversationDetails = graphql(`
  query ConversationDetails($filter: ConversationFilter, $first: Int!, $after: String) {
    conversations(filter: $filter, first: $first, after: $after) {
      nodes {
        ...ConversationDetail
      }
      pageInfo {
        hasNextPage
        endCursor
      }
      feedCursor
    }
  }
`);

const ConversationDetailsChanged = graphql(`
  subscription ConversationDetailsChanged(
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
        ...ConversationDetail
      }
    }
  }
`);

/** Conversations with their participants and history. `most`: how many of the newest. */
export function detailsOf(
  filter: ConversationFilter,
  most: number,
): LiveSource<ConversationDetailFragment> {
  return {
    filter,
    most,
    changes: ConversationDetailsChanged,
    fragment: ConversationDetail,
    fragmentName: "ConversationDetail",
    async page(apollo, after, first) {
      const { data } = await apollo.query({
        query: ConversationDetails,
        variables: { filter, first, after },
        fetchPolicy: "network-only",
      });
      if (!data) throw new Error("The gateway sent no conversations.");
      const { nodes, feedCursor, pageInfo } = data.conversations;
      return {
        nodes,
        feedCursor,
        next: pageInfo.hasNextPage ? (pageInfo.endCursor ?? null) : null,
      };
    },
  };
}
