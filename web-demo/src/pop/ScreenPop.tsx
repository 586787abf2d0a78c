import { type ReactNode, useEffect, useState } from "react";
import { useLocation } from "wouter";
import { withTypenames } from "../api/documents";
import { apollo, socket } from "../api/gateway";
import { useAgents } from "../directory/useDirectory";
import { follow } from "../feed/follow";
import { Icon } from "../icons/Icon";
import type { IconName } from "../icons/paths";
import { Answered, type Pop } from "./Answered";
import { MyConversationChanged, MyConversations } from "./operations";

const key = "agent";

/** "I am agent …": when that agent answers, the page of what the conversation is about opens. */
export default function ScreenPop() {
  const [agent, setAgent] = useState(() => localStorage.getItem(key) ?? "");
  const [pop, setPop] = useState<Pop | null>(null);
  const [refused, setRefused] = useState<string | null>(null);
  const agents = useAgents();
  const [, navigate] = useLocation();

  useEffect(() => {
    if (!agent) return;
    const open = (next: Pop) => {
      setPop(next);
      navigate(next.page);
      document.getElementById("main")?.focus();
    };
    return watch(agent, open, setRefused);
  }, [agent, navigate]);

  const choose = (userId: string) => {
    localStorage.setItem(key, userId);
    setPop(null);
    setRefused(null);
    setAgent(userId);
  };
  return (
    <>
      <label className="agent">
        <span className="agent-label">
          I am<span className="visually-hidden"> agent</span>
        </span>
        <select
          className="input agent-select"
          value={agent}
          onChange={({ target }) => choose(target.value)}
        >
          <option value="">no agent</option>
          {agents.map(([userId, name]) => (
            <option key={userId} value={userId}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <div role="status" className="pop-place">
        {refused && (
          <Note icon="warning" look="pop-refused" onDismiss={() => setRefused(null)}>
            <strong>What you answer no longer opens by itself.</strong> {refused}
          </Note>
        )}
        {pop && (
          <Note icon="bell" onDismiss={() => setPop(null)}>
            <strong>You answered.</strong> Opened {pop.title}.
          </Note>
        )}
      </div>
    </>
  );
}

interface NoteProps {
  icon: IconName;
  look?: string;
  onDismiss: () => void;
  children: ReactNode;
}

function Note({ icon, look = "", onDismiss, children }: NoteProps) {
  return (
    <p className={`pop ${look}`}>
      <Icon name={icon} />
      <span>{children}</span>
      <button
        type="button"
        className="icon-button pop-close"
        aria-label="Dismiss"
        onClick={onDismiss}
      >
        <Icon name="close" />
      </button>
    </p>
  );
}

/** Follows what the agent is in from now on; returns how to stop. */
function watch(
  agent: string,
  onPop: (pop: Pop) => void,
  onRefused: (message: string) => void,
): () => void {
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
      onRefused,
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
