import type { Example } from "./index";

/** What can be asked. */
export const reads: Example[] = [
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
    name: "Case page",
    query: `# Everything about one case: its conversations, who took part, and for how long.
query CasePage($case: ContextRef!) {
  conversations(filter: { context: $case }, first: 10) {
    nodes {
      conversationId
      calculatedStatus
      statusSince
      errorMessage
      participants {
        purpose
        name
        connectedTime
        endTime
        talkSeconds
        holdSeconds
        acwSeconds
        wrapUpName
      }
      statusHistory(last: 20) {
        nodes {
          number
          status
          occurredAt
        }
      }
    }
    feedCursor
  }
}
`,
    variables: `{
  "case": { "key": "CASE", "objectId": "7001" }
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
    name: "Counts",
    query: `# What a wallboard shows: how many in each queue and status, and since when the longest waits.
query Counts {
  conversationCounts(groupBy: [QUEUE, STATUS]) {
    queueName
    status
    count
    oldestSince
  }
}
`,
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
];
