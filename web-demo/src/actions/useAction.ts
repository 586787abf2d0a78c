import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { useState } from "react";

/** What became of a request: said as it is, never before the gateway has said it. */
export type Outcome =
  | { state: "none" }
  | { state: "pending"; words: string }
  | { state: "done"; words: string }
  | { state: "failed"; words: string; steps: Step[] };

/** What Genesys said of one participant when several were asked for. */
export interface Step {
  participantId?: string;
  userId?: string;
  state: string;
  reason?: string;
}

export function useAction() {
  const [outcome, setOutcome] = useState<Outcome>({ state: "none" });
  async function run(pending: string, request: () => Promise<string>) {
    setOutcome({ state: "pending", words: pending });
    try {
      setOutcome({ state: "done", words: await request() });
      return true;
    } catch (cause) {
      setOutcome(failure(cause));
      return false;
    }
  }
  return { outcome, run, busy: outcome.state === "pending" };
}

export function failure(cause: unknown): Outcome {
  const [error] = CombinedGraphQLErrors.is(cause) ? cause.errors : [];
  if (!error) {
    const words = "The gateway could not be reached. Nothing is known of the outcome.";
    return { state: "failed", words, steps: [] };
  }
  const { code, steps } = (error.extensions ?? {}) as { code?: string; steps?: Step[] };
  const words = `${error.message}${code ? ` (${code})` : ""}`;
  return { state: "failed", words, steps: Array.isArray(steps) ? steps : [] };
}
