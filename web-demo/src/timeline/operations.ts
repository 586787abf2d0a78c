import type { LiveSource } from "../conversations/LiveList";
import { pagesOf } from "../conversations/pages";
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
      ...ListEnd
    }
  }
`);

const ConversationDetailsChanged = graphql(`
  subscription ConversationDetailsChanged($filter: ConversationFilter, $after: String) {
    conversationChanged(filter: $filter, after: $after, includeCurrent: true) {
      ...ChangeHead
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
    page: pagesOf(ConversationDetails, filter),
  };
}
