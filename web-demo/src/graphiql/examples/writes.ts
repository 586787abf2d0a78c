import type { Example } from "./index";

/** What can be done. */
export const writes: Example[] = [
  {
    name: "Register",
    query: `# Tells the gateway about a conversation, and what to open on the agent's screen.
# Sending it again changes nothing.
mutation Register($input: RegisterConversationInput!) {
  registerConversation(input: $input) {
    created
    conversation {
      conversationId
      calculatedStatus
      context {
        key
        objectId
        name
        verb
      }
    }
    feedCursor
  }
}
`,
    variables: `{
  "input": {
    "conversationId": "3f0c1a52-7c1e-4d0b-9a8e-2b6f5d1c9e70",
    "initiatedBy": "GENESYS",
    "initialScreenPopTarget": "CASE",
    "direction": "INBOUND",
    "originalMediaType": "VOICE",
    "context": { "key": "CASE", "objectId": "7001", "name": "C-2026-4107" }
  }
}`,
  },
  {
    name: "Link",
    query: `# Says which case an agent worked on during a conversation.
mutation Link($input: LinkConversationInput!) {
  linkConversation(input: $input) {
    conversation {
      conversationId
      context {
        key
        objectId
        name
        verb
        lastAt
      }
    }
    feedCursor
  }
}
`,
    variables: `{
  "input": {
    "conversationId": "3f0c1a52-7c1e-4d0b-9a8e-2b6f5d1c9e70",
    "key": "CASE",
    "objectId": "7002",
    "name": "C-2026-4114",
    "verb": "UPDATED"
  }
}`,
  },
  {
    name: "Unlink",
    query: `# Takes a wrong link away. That it was there stays in the audit trail.
mutation Unlink($input: UnlinkConversationInput!) {
  unlinkConversation(input: $input) {
    conversation {
      conversationId
      context {
        key
        objectId
        verb
      }
    }
    feedCursor
  }
}
`,
    variables: `{
  "input": {
    "conversationId": "3f0c1a52-7c1e-4d0b-9a8e-2b6f5d1c9e70",
    "key": "CASE",
    "objectId": "7002",
    "verb": "UPDATED"
  }
}`,
  },
  {
    name: "Close",
    query: `# Wraps up and disconnects in Genesys, and answers with what Genesys shows then.
# Put in the id of one of your own.
mutation Close($input: CloseConversationInput!) {
  closeConversation(input: $input) {
    conversation {
      conversationId
      calculatedStatus
      errorMessage
    }
    feedCursor
  }
}
`,
    variables: `{
  "input": {
    "conversationId": "3f0c1a52-7c1e-4d0b-9a8e-2b6f5d1c9e70",
    "wrapUpCode": "Resolved"
  }
}`,
  },
  {
    name: "Refresh",
    query: `# Reads one conversation from Genesys now. Put in the id of one of your own.
mutation Refresh($input: RefreshConversationInput!) {
  refreshConversation(input: $input) {
    conversation {
      conversationId
      calculatedStatus
      statusSince
    }
    feedCursor
  }
}
`,
    variables: `{
  "input": { "conversationId": "3f0c1a52-7c1e-4d0b-9a8e-2b6f5d1c9e70" }
}`,
  },
];
