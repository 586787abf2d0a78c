import { useQuery } from "@apollo/client/react";
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { withTypenames } from "../api/documents";
import { apollo, socket } from "../api/gateway";
import { follow } from "../feed/follow";
import { Icon } from "../icons/Icon";
import { Answered, type Pop } from "./Answered";
import { Agents, MyConversationChanged, MyConversations } from "./operations";

const key = "agent";

/** "I am agent …": when that agent answers, the page of what the conversation is about opens. */
export default function ScreenPop() {
  const [agent, setAgent] = useState(() => localStorage.getItem(key) ?? "");
  const [pop, setPop] = useState<Pop | null>(null);
  const agents = useAgents();
  const [, navigate] = useLocation();

  useEffect(() => {
    if (!agent) return;
    return watch(agent, (next) => {
      setPop(next);
      navigate(next.page);
      document.getElementById("main")?.focus();
    });
  }, [agent, navigate]);

  const choose = (userId: string) => {
    localStorage.setItem(key, userId);
    setPop(null);
    setAgent(userId);
  };
  return (
    <>
      <label className="agent">
        <Icon name="headset" />
        <span className="visually-hidden">I am agent</span>
        <select
          className="input agent-select"
          value={agent}
          onChange={({ target }) => choose(target.value)}
        >
          <option value="">I am no agent</option>
          {agents.map(([userId, name]) => (
            <option key={userId} value={userId}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <div role="status" className="pop-place">
        {pop && (
          <p className="pop">
            <Icon name="bell" />
            <span>
              <strong>You answered.</strong> Opened {pop.title}.
            </span>
            <button
              type="button"
              className="icon-button pop-close"
              aria-label="Dismiss"
              onClick={() => setPop(null)}
            >
              <Icon name="close" />
            </button>
          </p>
        )}
      </div>
    </>
  );
}

/** All agents by name, read page by page. */
function useAgents(): [userId: string, name: string][] {
  const { data, fetchMore } = useQuery(Agents, { variables: { after: null } });
  const next = data?.agents.pageInfo.hasNextPage ? data.agents.pageInfo.endCursor : null;
  useEffect(() => {
    if (!next) return;
    void fetchMore({
      variables: { after: next },
      updateQuery: (before, { fetchMoreResult: { agents } }) => ({
        ...before,
        agents: { ...agents, nodes: [...before.agents.nodes, ...agents.nodes] },
      }),
    }).catch(() => {});
  }, [next, fetchMore]);
  const named = (data?.agents.nodes ?? []).map(({ userId, name }): [string, string] => [
    userId,
    name ?? userId,
  ]);
  return named.sort(([, a], [, b]) => a.localeCompare(b));
}

/** Follows what the agent is in from now on; returns how to stop. */
function watch(agent: string, onPop: (pop: Pop) => void): () => void {
  let stopped = false;
  let stop = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  const answered = new Answered(agent);
  const begin = async () => {
    const { data } = await apollo.query({
      query: MyConversations,
      variables: { agents: [agent] },
      fetchPolicy: "no-cache",
    });
    if (!data || stopped) return;
    for (const conversation of data.conversations.nodes) answered.skip(conversation);
    stop = follow(socket, {
      document: withTypenames(MyConversationChanged),
      variables: { filter: { agentIds: [agent] }, after: data.conversations.feedCursor },
      change: ({ conversationChanged }) => conversationChanged,
      onChange: ({ conversation }) => {
        const pop = conversation && answered.take(conversation);
        if (pop) onPop(pop);
      },
    });
  };
  const attempt = () => {
    begin().catch(() => {
      if (!stopped) timer = setTimeout(attempt, 2_000);
    });
  };
  attempt();
  return () => {
    stopped = true;
    clearTimeout(timer);
    stop();
  };
}
