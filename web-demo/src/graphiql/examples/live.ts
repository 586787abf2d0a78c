import type { Example } from "./index";

/** What can be followed. */
export const live: Example[] = [
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
    name: "Screen pop",
    query: `# What an agent is in. When the agent's participant has a connectedTime, the call is answered:
# open what initialScreenPopTarget names among the links in "context".
subscription ScreenPop($agents: [ID!]!) {
  conversationChanged(filter: { agentIds: $agents }, includeCurrent: true) {
    cursor
    membership
    conversation {
      conversationId
      initialScreenPopTarget
      context {
        key
        objectId
        verb
      }
      participants {
        userId
        active
        connectedTime
      }
    }
  }
}
`,
    variables: `{
  "agents": ["00000000-0000-4000-8000-000000000001"]
}`,
  },
  {
    name: "Counts, live",
    query: `# First all groups, then those that changed; one that is gone comes with zero.
subscription LiveCounts {
  conversationCountsChanged(groupBy: [QUEUE, STATUS]) {
    queueId
    queueName
    status
    count
    oldestSince
  }
}
`,
  },
  {
    name: "Feed, live",
    query: `# Tells at once when the picture becomes stale, and when it is whole again.
subscription LiveFeed {
  feedStatusChanged {
    state
    since
    staleSince
    repairProgress
  }
}
`,
  },
];
