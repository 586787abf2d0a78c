import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import type { Client } from "graphql-ws";
import type { Count } from "./board";

export type Counts = ReadonlyMap<string, Count>;

const keyOf = ({ queueId, status }: Count) => `${queueId ?? ""}/${status}`;

/** The counts after `told`: those of groups that it does not name stay; a group without any goes. */
export function merged(known: Counts, told: readonly Count[]): Counts {
  const next = new Map(known);
  for (const count of told) {
    if (count.count > 0) next.set(keyOf(count), count);
    else next.delete(keyOf(count));
  }
  return next;
}

interface Options<TData> {
  document: TypedDocumentNode<TData, Record<string, never>>;
  counts: (data: TData) => readonly Count[];
  onCounts: (counts: Counts) => void;
  /** The gateway does not count now; it is asked again. */
  onRefused: (message: string) => void;
  retryAfterMs?: number;
}

/**
 * Follows counts across every loss of the socket. The first message after each subscribe holds all
 * groups, so it takes the place of what was known; each later one holds those that changed.
 */
export function followCounts<TData>(client: Client, options: Options<TData>): () => void {
  const { document, counts, onCounts, onRefused, retryAfterMs = 2_000 } = options;
  const query = print(document);
  let known: Counts = new Map();
  let whole = true;
  let stopped = false;
  let unsubscribe = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stopListening = client.on("connected", () => {
    whole = true;
  });

  function subscribe() {
    whole = true;
    unsubscribe = client.subscribe<TData>(
      { query },
      {
        next({ data, errors }) {
          if (!data) {
            onRefused(errors?.[0]?.message ?? "The gateway sent no numbers.");
            return;
          }
          known = merged(whole ? new Map() : known, counts(data));
          whole = false;
          onCounts(known);
        },
        error(cause) {
          if (Array.isArray(cause)) onRefused(String(cause[0]?.message));
          again();
        },
        complete: again,
      },
    );
  }

  function again() {
    if (!stopped) timer = setTimeout(subscribe, retryAfterMs);
  }

  subscribe();
  return () => {
    stopped = true;
    clearTimeout(timer);
    stopListening();
    unsubscribe();
  };
}
