import { lazy, Suspense, useMemo } from "react";
import { Link } from "wouter";
import { usePageTitle } from "../shell/usePageTitle";
import { ConversationPanel } from "../timeline/ConversationPanel";
import { detailsOf } from "../timeline/operations";
import { ReadError } from "./ReadError";
import { useLiveList } from "./useLiveList";
import { shortId } from "./words";

const Actions = lazy(() => import("../actions/Actions"));

export default function ConversationPage({ conversationId }: { conversationId: string }) {
  const source = useMemo(
    () => detailsOf({ conversationIds: [conversationId] }, 1),
    [conversationId],
  );
  const { rows, loading, error } = useLiveList(source, 1);
  const [conversation] = rows;
  usePageTitle(`Conversation ${shortId(conversationId)}`);
  return (
    <div className="page page-case">
      <nav aria-label="Way back" className="crumbs">
        <Link href="/conversations">Conversations</Link>
      </nav>
      <h1>Conversation {shortId(conversationId)}</h1>
      <ReadError what="conversation" error={error} />
      {!conversation && !error && (
        <p className="lead">
          {loading ? "Reading the conversation…" : "The gateway knows no such conversation."}
        </p>
      )}
      {conversation && (
        <ConversationPanel
          conversation={conversation}
          unfolded
          actions={
            <Suspense>
              <Actions conversation={conversation} />
            </Suspense>
          }
        />
      )}
    </div>
  );
}
