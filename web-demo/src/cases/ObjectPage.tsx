import { lazy, Suspense, useMemo, useState } from "react";
import { Button } from "react-aria-components";
import { Link } from "wouter";
import { ReadError } from "../conversations/ReadError";
import { useLiveList } from "../conversations/useLiveList";
import type { ContextKey } from "../gql/graphql";
import { usePageTitle } from "../shell/usePageTitle";
import { ConversationPanel } from "../timeline/ConversationPanel";
import { detailsOf } from "../timeline/operations";
import { titleOf } from "./caseRows";

interface Props {
  contextKey: Extract<ContextKey, "CASE" | "TASK" | "EXTERNALPARTY">;
  objectId: string;
}

const Actions = lazy(() => import("../actions/Actions"));
const words = { CASE: "Case", TASK: "Task", EXTERNALPARTY: "Party" };
/** Conversations that are shown at first, and how many more at a time. */
const portion = 10;

/** A case (a task, a party) with the history of its conversations. */
export default function ObjectPage({ contextKey, objectId }: Props) {
  const [most, setMost] = useState(portion);
  const source = useMemo(
    () => detailsOf({ context: { key: contextKey, objectId } }, most),
    [contextKey, objectId, most],
  );
  const { rows, loading, error } = useLiveList(source, portion);
  const links = rows.flatMap(({ context }) => context);
  const name = links.find((link) => link.key === contextKey && link.objectId === objectId)?.name;
  const { number, subject } = titleOf(name ?? null, objectId);
  const open = rows.filter(({ calculatedStatus }) => calculatedStatus !== "ENDED").length;
  usePageTitle(number);

  return (
    <div className="page page-case">
      <nav aria-label="Way back" className="crumbs">
        <Link href="/">Cases</Link>
      </nav>
      <div className="page-head page-head-case">
        <h1>
          <span className="case-number">{number}</span> {subject}
        </h1>
        <p className="lead">
          {words[contextKey]} {objectId}
          {!loading && (open > 0 ? ` · ${open} open` : " · nothing open")}
        </p>
      </div>
      <ReadError what="conversations" error={error} />
      {loading && <p className="lead">Reading the conversations…</p>}
      {!loading && rows.length === 0 && (
        <p className="lead">
          No conversation is linked to it. The next one appears here by itself.
        </p>
      )}
      {rows.map((conversation, place) => (
        <ConversationPanel
          key={conversation.conversationId}
          conversation={conversation}
          unfolded={place === 0}
          actions={
            <Suspense>
              <Actions conversation={conversation} />
            </Suspense>
          }
        />
      ))}
      {rows.length >= most && (
        <Button className="button" onPress={() => setMost(most + portion)}>
          Show older conversations
        </Button>
      )}
    </div>
  );
}
