export interface Example {
  name: string;
  query: string;
  variables?: string;
}

/** One tab each. The operation's name becomes the tab's title. */
export const examples: Example[] = [
  {
    name: "Open conversations",
    query: `# Every conversation that is not over, newest first.
query OpenConversations {
  conversations(
    filter: { open: true }
    orderBy: { field: STARTED_AT, direction: DESC }
    first: 20
  ) {
    nodes {
      conversationId
      calculatedStatus
      statusSince
      direction
      originalMediaType
      lastQueueName
      owner {
        kind
        name
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
    feedCursor
  }
}
`,
  },
  {
    name: "Status changes, live",
    query: `# What is open now, then every change as it happens. To resume after a break,
# give the cursor of the last change you have processed as "after".
subscription StatusChanges($after: String) {
  conversationStatusChanged(
    filter: { open: true }
    includeCurrent: true
    after: $after
  ) {
    cursor
    conversationId
    previousStatus
    status
    membership
    occurredAt
    cause
    conversation {
      lastQueueName
      owner {
        kind
        name
      }
    }
  }
}
`,
    variables: `{
  "after": null
}`,
  },
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
    name: "History",
    query: `# The newest conversations with their status history, oldest change first.
query History {
  conversations(first: 5) {
    nodes {
      conversationId
      calculatedStatus
      conversationStart
      conversationEnd
      statusHistory(first: 50) {
        nodes {
          number
          previousStatus
          status
          occurredAt
          cause
          gapBefore
        }
      }
    }
  }
}
`,
  },
  {
    name: "Feed status",
    query: `# How current the gateway's picture is. staleSince says since when it may not be.
query Feed {
  feedStatus {
    state
    since
    staleSince
    lastEventAt
    topicsWanted
    topicsSubscribed
    refusedTopics {
      topic
      reason
      missingPermissions
    }
    repairProgress
  }
}
`,
  },
  {
    name: "Cases",
    query: `# The cases that conversations are about, latest activity first.
query Cases {
  contexts(key: CASE, first: 10) {
    nodes {
      objectId
      name
      lastActivityAt
      conversations(first: 3) {
        nodes {
          conversationId
          calculatedStatus
          statusSince
        }
      }
    }
  }
}
`,
  },
  {
    name: "Close",
    query: `# Wraps up and disconnects in Genesys, and answers with what Genesys shows then.
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
    name: "Queues and agents",
    query: `# What a filter can be made of.
query Directory {
  queues(first: 50) {
    nodes {
      queueId
      name
    }
  }
  agents(first: 50) {
    nodes {
      userId
      name
    }
  }
}
`,
  },
];
