import { graphql } from "../gql";

export const CloseConversation = graphql(`
  mutation CloseConversation($input: CloseConversationInput!) {
    closeConversation(input: $input) {
      conversation {
        id
        conversationId
        calculatedStatus
      }
    }
  }
`);

export const RefreshConversation = graphql(`
  mutation RefreshConversation($input: RefreshConversationInput!) {
    refreshConversation(input: $input) {
      conversation {
        id
        conversationId
        calculatedStatus
      }
    }
  }
`);

export const LinkConversation = graphql(`
  mutation LinkConversation($input: LinkConversationInput!) {
    linkConversation(input: $input) {
      conversation {
        id
        conversationId
        calculatedStatus
      }
    }
  }
`);

export const WrapUpCodes = graphql(`
  query WrapUpCodes($queueId: ID!) {
    wrapUpCodes(queueId: $queueId) {
      code
      name
    }
  }
`);
