import { graphql } from "../gql";

graphql(`
  fragment Outcome on Conversation {
    id
    conversationId
    calculatedStatus
  }
`);

export const CloseConversation = graphql(`
  mutation CloseConversation($input: CloseConversationInput!) {
    closeConversation(input: $input) {
      conversation {
        ...Outcome
      }
    }
  }
`);

export const RefreshConversation = graphql(`
  mutation RefreshConversation($input: RefreshConversationInput!) {
    refreshConversation(input: $input) {
      conversation {
        ...Outcome
      }
    }
  }
`);

export const LinkConversation = graphql(`
  mutation LinkConversation($input: LinkConversationInput!) {
    linkConversation(input: $input) {
      conversation {
        ...Outcome
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
