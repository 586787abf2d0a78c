import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { type GraphQLFormattedError, print } from "graphql";
import type { Client } from "graphql-ws";

/** What the gateway says about a (re)subscribe, in the extensions of its first message. */
export interface Verdict {
  recovered: "RESUMED" | "SNAPSHOT" | "LIVE";
  from: string | null;
  head: string;
}

export interface Change {
  cursor: string;
  recordedAt: string;
}

export type FeedVariables = {
  after?: string | null;
};

interface Options<TData, TVariables extends FeedVariables, TChange extends Change> {
  document: TypedDocumentNode<TData, TVariables>;
  variables: TVariables;
  change: (data: TData) => TChange;
  /** `recovered`: it happened while this page was cut off, and came with the resume. */
  onChange: (change: TChange, recovered: boolean) => void;
  onVerdict?: (verdict: Verdict) => void;
  /** The gateway will not serve this feed; asking again would not help. */
  onRefused?: (message: string) => void;
  retryAfterMs?: number;
}

/**
 * Errors that the same question would meet again. The end of a running feed, SUBSCRIPTION_ENDED, is
 * none of them, whatever its reason: whose rights became fewer is told so when he asks again.
 */
const asksInVain = new Set(["BAD_USER_INPUT", "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"]);

/**
 * Follows a change feed across every loss of the socket. The cursor of the last change handed on
 * goes into the variables of each new subscribe, so that nothing is missed and nothing comes twice;
 * when the gateway no longer knows the cursor, a document with `includeCurrent: true` gets a snapshot.
 */
export function follow<TData, TVariables extends FeedVariables, TChange extends Change>(
  client: Client,
  options: Options<TData, TVariables, TChange>,
): () => void {
  // graphql-ws sends this same object again after a reconnect, so the cursor is renewed in place.
  const payload = {
    query: print(options.document),
    variables: { ...options.variables },
  };
  let stopped = false;
  let unsubscribe = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reconnectedAt: number | null = null;
  // The gateway's clock against this one: the least delay seen between recording and receipt.
  let clockLead = Number.POSITIVE_INFINITY;

  const stopListening = client.on("connected", (_socket, _payload, wasRetry) => {
    if (wasRetry) reconnectedAt = Date.now();
  });

  function subscribe() {
    unsubscribe = client.subscribe<TData, { feed?: Verdict }>(payload, {
      next(result) {
        if (!result.data) {
          failed(result.errors ?? []);
          return;
        }
        const verdict = result.extensions?.feed;
        if (verdict) options.onVerdict?.(verdict);
        const change = options.change(result.data);
        payload.variables.after = change.cursor;
        options.onChange(change, isRecovered(change));
      },
      error(cause) {
        failed(Array.isArray(cause) ? cause : []);
      },
      complete() {
        again();
      },
    });
  }

  function isRecovered(change: Change): boolean {
    const recordedAt = Date.parse(change.recordedAt);
    const lead = Number.isFinite(clockLead) ? clockLead : 0;
    const recovered = reconnectedAt !== null && recordedAt + lead < reconnectedAt;
    if (!recovered) clockLead = Math.min(clockLead, Date.now() - recordedAt);
    return recovered;
  }

  function failed(errors: readonly GraphQLFormattedError[]) {
    const [error] = errors;
    const code = String(error?.extensions?.code ?? "");
    if (error && asksInVain.has(code)) {
      options.onRefused?.(error.message);
      return;
    }
    if (code === "CURSOR_EXPIRED" || code === "CURSOR_UNKNOWN") payload.variables.after = null;
    again();
  }

  function again() {
    if (stopped) return;
    const pause = options.retryAfterMs ?? 1_000;
    clearTimeout(timer);
    timer = setTimeout(
      () => {
        reconnectedAt = Date.now();
        subscribe();
      },
      pause * (0.5 + Math.random()),
    );
  }

  subscribe();
  return () => {
    stopped = true;
    clearTimeout(timer);
    stopListening();
    unsubscribe();
  };
}
