import { useRef, useState } from "react";
import { apollo } from "../api/gateway";
import type { ConversationDetailFragment } from "../gql/graphql";
import { Icon } from "../icons/Icon";
import { statuses } from "../status/statuses";
import { CloseForm } from "./CloseForm";
import { LinkForm } from "./LinkForm";
import { RefreshConversation } from "./operations";
import { type Outcome, type Step, useAction } from "./useAction";

type Form = "close" | "link" | null;

/** What can be done with a conversation. The feed, not the answer, changes what the page shows of it. */
export default function Actions({ conversation }: { conversation: ConversationDetailFragment }) {
  const [form, setForm] = useState<Form>(null);
  const row = useRef<HTMLDivElement>(null);
  const { outcome, run, busy } = useAction();
  const { conversationId } = conversation;
  const ended = conversation.calculatedStatus === "ENDED";

  /** The form goes, and the focus that was in it stays close by. */
  const fold = () => {
    setForm(null);
    row.current?.focus();
  };
  const nameOf = (userId: string) =>
    conversation.participants.find((each) => each.userId === userId)?.name ?? userId;

  const refresh = () =>
    run("Asking Genesys…", async () => {
      const { data } = await apollo.mutate({
        mutation: RefreshConversation,
        variables: { input: { conversationId } },
      });
      const status = data?.refreshConversation.conversation.calculatedStatus;
      return `Read anew from Genesys: ${status ? statuses[status].label : "done"}.`;
    });

  return (
    <div className="actions">
      <div className="actions-row" ref={row} tabIndex={-1}>
        {!ended && (
          <FormButton form="close" open={form} onOpen={setForm} disabled={busy}>
            <Icon name="check" size={14} /> Close…
          </FormButton>
        )}
        <button type="button" className="button" onClick={refresh} disabled={busy}>
          <Icon name="refresh" size={14} /> Refresh
        </button>
        <FormButton form="link" open={form} onOpen={setForm} disabled={busy}>
          <Icon name="link" size={14} /> Link…
        </FormButton>
        <OutcomeWords outcome={outcome} nameOf={nameOf} />
      </div>
      {form === "close" && !ended && (
        <CloseForm conversation={conversation} run={run} busy={busy} onDone={fold} />
      )}
      {form === "link" && (
        <LinkForm conversation={conversation} run={run} busy={busy} onDone={fold} />
      )}
    </div>
  );
}

interface FormButtonProps {
  form: Exclude<Form, null>;
  open: Form;
  onOpen: (form: Form) => void;
  disabled: boolean;
  children: React.ReactNode;
}

function FormButton({ form, open, onOpen, disabled, children }: FormButtonProps) {
  return (
    <button
      type="button"
      className="button"
      aria-expanded={open === form}
      disabled={disabled}
      onClick={() => onOpen(open === form ? null : form)}
    >
      {children}
    </button>
  );
}

interface OutcomeProps {
  outcome: Outcome;
  nameOf: (userId: string) => string;
}

function OutcomeWords({ outcome, nameOf }: OutcomeProps) {
  return (
    <div role="status" className={`outcome outcome-${outcome.state}`}>
      {outcome.state === "pending" && <span className="spinner" aria-hidden="true" />}
      {outcome.state === "done" && <Icon name="check" />}
      {outcome.state === "failed" && <Icon name="warning" />}
      {outcome.state !== "none" && <span>{outcome.words}</span>}
      {outcome.state === "failed" && outcome.steps.length > 0 && (
        <span className="note">
          {outcome.steps.map((step) => stepWords(step, nameOf)).join("; ")}
        </span>
      )}
    </div>
  );
}

/** `Ada Berger: refused, the service is unavailable` */
function stepWords({ userId, state, reason }: Step, nameOf: OutcomeProps["nameOf"]): string {
  const who = userId ? nameOf(userId) : "The conversation";
  const what = state.toLowerCase().replaceAll("_", " ");
  return `${who}: ${reason ? `${what}, ${reason}` : what}`;
}
