import { type FormEvent, useState } from "react";
import { apollo } from "../api/gateway";
import { Choice } from "../forms/Choice";
import { FormButtons } from "../forms/FormButtons";
import type { ContextKey, ContextVerb } from "../gql/graphql";
import type { FormProps } from "./CloseForm";
import { LinkConversation } from "./operations";

const kinds: [ContextKey, string][] = [
  ["CASE", "Case"],
  ["TASK", "Task"],
  ["EXTERNALPARTY", "Party"],
];
const verbs: [ContextVerb, string][] = [
  ["UPDATED", "was changed during it"],
  ["CREATED", "was created during it"],
];

export function LinkForm({ conversation, run, busy, onDone }: FormProps) {
  const [key, setKey] = useState<ContextKey>("CASE");
  const [verb, setVerb] = useState<ContextVerb>("UPDATED");
  const [objectId, setObjectId] = useState("");
  const [name, setName] = useState("");

  async function link(event: FormEvent) {
    event.preventDefault();
    const done = await run("Linking…", async () => {
      const { conversationId } = conversation;
      await apollo.mutate({
        mutation: LinkConversation,
        variables: {
          input: {
            conversationId,
            key,
            verb,
            objectId: objectId.trim(),
            name: name.trim() || null,
          },
        },
      });
      return `Linked with ${name.trim() || objectId.trim()}.`;
    });
    if (done) onDone();
  }

  return (
    <form className="form" onSubmit={link} aria-label="Link the conversation">
      <Choice label="Kind" value={key} options={kinds} onChoose={setKey} />
      <label className="field">
        <span className="field-label">Id</span>
        <input
          className="input"
          required
          value={objectId}
          onChange={({ target }) => setObjectId(target.value)}
        />
      </label>
      <label className="field field-wide">
        <span className="field-label">Name</span>
        <input className="input" value={name} onChange={({ target }) => setName(target.value)} />
      </label>
      <Choice label="It" value={verb} options={verbs} onChoose={setVerb} />
      <FormButtons submit="Link" busy={busy} onCancel={onDone} />
    </form>
  );
}
