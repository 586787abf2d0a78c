import { useEffect, useState } from "react";
import { nextPage } from "../api/fragments";
import { apollo } from "../api/gateway";
import { graphql } from "../gql";

const Agents = graphql(`
  query Agents($after: String) {
    agents(first: 200, after: $after) {
      nodes {
        userId
        name
      }
      pageInfo {
        ...NextPage
      }
    }
  }
`);

const Queues = graphql(`
  query Queues($after: String) {
    queues(first: 200, after: $after) {
      nodes {
        queueId
        name
      }
      pageInfo {
        ...NextPage
      }
    }
  }
`);

export type Named = [id: string, name: string];
type ReadPage = (after: string | null) => Promise<{ named: Named[]; next: string | null }>;

export const useAgents = () => useAll(agentsAfter);
export const useQueues = () => useAll(queuesAfter);

const agentsAfter: ReadPage = async (after) => {
  const { data } = await apollo.query({ query: Agents, variables: { after } });
  const { nodes, pageInfo } = data?.agents ?? nobody;
  return {
    named: nodes.map(({ userId, name }) => [userId, name ?? userId]),
    next: nextPage(pageInfo),
  };
};

const queuesAfter: ReadPage = async (after) => {
  const { data } = await apollo.query({ query: Queues, variables: { after } });
  const { nodes, pageInfo } = data?.queues ?? nobody;
  return {
    named: nodes.map(({ queueId, name }) => [queueId, name ?? queueId]),
    next: nextPage(pageInfo),
  };
};

const nobody = { nodes: [], pageInfo: { hasNextPage: false, endCursor: null } };
const retryAfterMs = 5_000;

/** All of them by name, read page by page; the cache knows them from then on. */
function useAll(read: ReadPage): Named[] {
  const [all, setAll] = useState<Named[]>([]);
  useEffect(() => {
    let left = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const begin = async () => {
      const found: Named[] = [];
      for (let after: string | null = null, more = true; more && !left; more = after !== null) {
        const page: Awaited<ReturnType<ReadPage>> = await read(after);
        found.push(...page.named);
        after = page.next;
      }
      if (!left) setAll(found.sort(([, a], [, b]) => a.localeCompare(b)));
    };
    const attempt = () => {
      begin().catch(() => {
        if (!left) timer = setTimeout(attempt, retryAfterMs);
      });
    };
    attempt();
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [read]);
  return all;
}
