import { graphql } from "../gql";

const PopConversation = graphql(`
  fragment PopConversation on Conversation {
    id
    conversationId
    initialScreenPopTarget
    context {
      id
      key
      objectId
      name
      verb
    }
    participants {
      id
      userId
      active
      connectedTime
    }
  }
`);

export const MyConversations = graphql(`
  query MyConversations($agents: [ID!]!) {
    conversations(filter: { agentIds: $agents }, first: 200) {
      nodes {
        ...PopConversation
      }
      feedCursor
    }
  }
`);

export const MyConversationChanged = graphql(`
  subscription MyConversationChanged($filter: ConversationFilter, $after: String) {
    conversationChanged(filter: $filter, after: $after, includeCurrent: true) {
      cursor
      recordedAt
      conversation {
        ...PopConversation
      }
    }
  }
`);

export { PopConversation };
