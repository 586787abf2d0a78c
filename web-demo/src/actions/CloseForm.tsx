import { type FormEvent, useState } from "react";
import { apollo } from "../api/gateway";
import type { ConversationDetailFragment } from "../gql/graphql";
import { statuses } from "../status/statuses";
import { CloseConversation } from "./operations";

export interface FormProps {
  conversation: ConversationDetailFragment;
  run: (pending: string, request: () => Promise<string>) => Promise<boolean>;
  busy: boolean;
  onDone: () => void;
}

export function CloseForm({ conversation, run, busy, onDone }: FormProps) {
  const { conversationId } = conversation;
  const [code, setCode] = useState("");
  const [notes, setNotes] = useState("");
  const [force, setForce] = useState(false);
  async function close(event: FormEvent) {
    event.preventDefault();
    const done = await run("Closing in Genesys…", async () => {
      const { data } = await apollo.mutate({
        mutation: CloseConversation,
        variables: {
          input: {
            conversationId,
            wrapUpCode: code.trim() || null,
            wrapUpNotes: notes.trim() || null,
            force,
          },
        },
      });
      const status = data?.closeConversation.conversation.calculatedStatus;
      return status === "ENDED"
        ? "Closed: Genesys shows it as ended."
        : `Genesys took the request and shows ${status ? statuses[status].label : "no status"}.`;
    });
    if (done) onDone();
  }

  return (
    <form className="form" onSubmit={close} aria-label="Close the conversation">
      <label className="field">
        <span className="field-label">Wrap-up code, by its name or id</span>
        <input className="input" value={code} onChange={({ target }) => setCode(target.value)} />
      </label>
      <label className="field field-wide">
        <span className="field-label">Notes, passed on to Genesys and not kept</span>
        <input className="input" value={notes} onChange={({ target }) => setNotes(target.value)} />
      </label>
      <label className="tick">
        <input
          type="checkbox"
          checked={force}
          onChange={({ target }) => setForce(target.checked)}
        />
        Force a full teardown, for one that is stuck
      </label>
      <div className="form-buttons">
        <button type="submit" className="button button-main" disabled={busy}>
          Close conversation
        </button>
        <button type="button" className="button" onClick={onDone} disabled={busy}>
          Cancel
        </button>
      </div>
    </form>
  );
}
