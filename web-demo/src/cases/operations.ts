import { nextPage } from "../api/fragments";
import type { LiveSource } from "../conversations/LiveList";
import { pagesOf } from "../conversations/pages";
import { graphql } from "../gql";
import type { CaseConversationFragment, ConversationFilter } from "../gql/graphql";

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

const InCases = graphql(`
  query InCases($filter: ConversationFilter, $first: Int!, $after: String) {
    conversations(filter: $filter, first: $first, after: $after) {
      nodes {
        ...CaseConversation
      }
      ...ListEnd
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
        ...NextPage
      }
    }
  }
`);

const CaseListChanged = graphql(`
  subscription CaseListChanged($filter: ConversationFilter, $after: String) {
    conversationChanged(filter: $filter, after: $after, includeCurrent: true) {
      ...ChangeHead
      conversation {
        ...CaseConversation
      }
    }
  }
`);

/** More cases would be no list that anybody reads: then the search is the way. */
const mostConversations = 20_000;
const aboutACase = (row: CaseConversationFragment) => row.context.some(({ key }) => key === "CASE");

const common = {
  changes: CaseListChanged,
  fragment: CaseConversation,
  fragmentName: "CaseConversation",
  belongs: aboutACase,
  most: mostConversations,
};

/** The conversations of every case, open ones or all; with an agent, those that the agent is in, or was. */
export function inCases(
  withEnded: boolean,
  agentId: string | null,
): LiveSource<CaseConversationFragment> {
  if (!withEnded) return inCasesWhere({ open: true, ...(agentId && { agentIds: [agentId] }) });
  return agentId ? inCasesWhere({ handledByIds: [agentId] }) : allInCases;
}

function inCasesWhere(filter: ConversationFilter): LiveSource<CaseConversationFragment> {
  return { ...common, filter, page: pagesOf(InCases, filter) };
}

/**
 * The newest conversations of every case, those that are over too, the latest active case first. The
 * place in the log is asked for before the list is: what changes in between comes twice, and a
 * version tells.
 */
const allInCases: LiveSource<CaseConversationFragment> = {
  ...common,
  filter: null,
  async page(apollo, after, size) {
    // Each case brings up to ten conversations, so a page holds fewer cases.
    const first = Math.min(size, 100);
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
      next: nextPage(pageInfo),
    };
  },
};
