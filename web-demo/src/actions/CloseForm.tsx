import { useQuery } from "@apollo/client/react";
import { type FormEvent, useState } from "react";
import { apollo } from "../api/gateway";
import { Choice } from "../forms/Choice";
import { FormButtons } from "../forms/FormButtons";
import type { ConversationDetailFragment } from "../gql/graphql";
import { statuses } from "../status/statuses";
import { CloseConversation, WrapUpCodes } from "./operations";

const none = ["", "None"] as const;

export interface FormProps {
  conversation: ConversationDetailFragment;
  run: (pending: string, request: () => Promise<string>) => Promise<boolean>;
  busy: boolean;
  onDone: () => void;
}

export function CloseForm({ conversation, run, busy, onDone }: FormProps) {
  const { conversationId, lastQueueId } = conversation;
  const [code, setCode] = useState("");
  const [notes, setNotes] = useState("");
  const [force, setForce] = useState(false);
  const { data, error } = useQuery(WrapUpCodes, {
    variables: { queueId: lastQueueId ?? "" },
    skip: !lastQueueId,
  });
  const codes = data?.wrapUpCodes.map(({ code, name }) => [code, name] as const) ?? [];

  async function close(event: FormEvent) {
    event.preventDefault();
    const done = await run("Closing in Genesys…", async () => {
      const { data } = await apollo.mutate({
        mutation: CloseConversation,
        variables: {
          input: {
            conversationId,
            wrapUpCode: code || null,
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
      <Choice label="Wrap-up code" value={code} options={[none, ...codes]} onChoose={setCode} />
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
      {error && <p className="form-error">The codes could not be read: {error.message}</p>}
      <FormButtons submit="Close conversation" busy={busy} onCancel={onDone} />
    </form>
  );
}
